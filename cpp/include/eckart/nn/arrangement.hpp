// Numbers moved about: between views of arrays, and slices of them.
#pragma once

#include <vector>

#include "eckart/base/interrupt.hpp"
#include "eckart/base/types.hpp"

namespace eckart {

// Two arrays of one shape and their steps from one entry to the next along each axis, in entries.
struct Views {
  std::vector<Offset> shape, from, to;
};

// y = x, entry by entry; the arrays do not overlap.
template <class T>
void copy(const Views& views, const T* x, T* y, const Execution& run);

// Chosen slices of x (outer, rows, inner): y (outer, n, inner), y[o, i] = x[o, ids[i]]. Ids are in
// [-rows, rows): negative ones count from the end.
struct Slices {
  Offset outer = 0, rows = 0, inner = 0, n = 0;
};

template <class T>
void take_slices(const Slices& slices, const Offset* ids, const T* x, T* y, const Execution& run);

// dx (outer, rows, inner): slice r becomes the sum of dy[:, i] over the i with ids[i] = r, in their order.
template <class T>
void add_slices(const Slices& slices, const Offset* ids, const T* dy, T* dx, const Execution& run);

}  // namespace eckart
