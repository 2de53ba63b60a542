// Pooling of planes (n, h, w), images and channels alike: the largest entry of each window, or the mean.
#pragma once

#include <vector>

#include "eckart/base/interrupt.hpp"
#include "eckart/nn/window.hpp"

namespace eckart {

// y (planes, oh, ow) and where in its plane each maximum stands, the first of equal ones; NaN is largest.
// With `rectify`, y = max(0, largest): the pool of max(0, x), for less work; what is not positive stands
// nowhere, -1.
template <class T>
void max_pool(Offset planes, const Window& rows, const Window& columns, bool rectify, const T* x, T* y,
              Index* places, const Execution& run);

// dx (planes, ih, iw) is zero but for the places, which add up what they gave.
template <class T>
void max_pool_backward(Offset planes, Offset in_y, Offset in_x, Offset out_y, Offset out_x, const T* dy,
                       const Index* places, T* dx, const Execution& run);

// What one position of a mean covers along an axis: input positions [begin, end), counted as `length`.
struct Span {
  Offset begin, end, length;
};

// y[i, j] = sum over rows[i] x columns[j] of x, over the product of their lengths.
template <class T>
void mean_pool(Offset planes, Offset in_y, Offset in_x, const std::vector<Span>& rows,
               const std::vector<Span>& columns, const T* x, T* y, const Execution& run);

template <class T>
void mean_pool_backward(Offset planes, Offset in_y, Offset in_x, const std::vector<Span>& rows,
                        const std::vector<Span>& columns, const T* dy, T* dx, const Execution& run);

}  // namespace eckart
