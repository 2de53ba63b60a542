// Rows of a table, chosen by integers; and dropout.
#pragma once

#include <cstdint>

#include "eckart/base/interrupt.hpp"
#include "eckart/base/types.hpp"

namespace eckart {

// y (n, d): y[i] = table[ids[i]], table (rows, d). Ids are in range: see first_outside.
template <class T>
void gather_rows(Offset n, Offset d, const Offset* ids, const T* table, T* y, const Execution& run);

// table (rows, d): row r becomes the sum of dy[i] over the i with ids[i] = r, in their order.
template <class T>
void scatter_rows(Offset n, Offset d, Offset rows, const Offset* ids, const T* dy, T* table,
                  const Execution& run);

// The first place whose id is not in [0, rows), or -1.
Offset first_outside(Offset n, const Offset* ids, Offset rows);

// y[i] = x[i] / (1 - p), or 0 with probability p: by the Philox numbers (base/random.hpp) of (seed, call, i).
// The gradient is the same function of the gradient.
template <class T>
void dropout(Offset n, double p, std::uint64_t seed, std::uint64_t call, const T* x, T* y,
             const Execution& run);

}  // namespace eckart
