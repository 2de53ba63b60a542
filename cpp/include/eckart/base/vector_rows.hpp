// Sums and maxima of as many rows as a vector has lanes, together: a tree of two-input shuffles takes a third
// of the work of one row after the other, and none waits for another.
#pragma once

#include "eckart/base/simd.hpp"

namespace eckart {

namespace detail {

template <class T, int bit, class Combine>
inline void fold_stage(Simd<T>* rows, Combine combine) {
  constexpr int count = static_cast<int>(kSimdWidth<T>) / bit;  // rows that are left
  if constexpr (count > 1) {
    using Lanes = std::make_index_sequence<static_cast<std::size_t>(kSimdWidth<T>)>;
#pragma GCC unroll 8
    for (int i = 0; i < count / 2; ++i) {
      const Simd<T> a = rows[2 * i], b = rows[2 * i + 1];
      rows[i] = combine(exchange<T, bit, false>(a, b, Lanes()), exchange<T, bit, true>(a, b, Lanes()));
    }
    fold_stage<T, 2 * bit>(rows, combine);
  }
}

}  // namespace detail

// Lane i is the sum of the lanes of row i. The rows are used up.
template <class T>
inline Simd<T> sums_of_rows(Simd<T> (&rows)[kSimdWidth<T>]) {
  detail::fold_stage<T, 1>(rows, [](Simd<T> a, Simd<T> b) { return a + b; });
  return rows[0];
}

// The same of the largest lanes. NaN may be passed over.
template <class T>
inline Simd<T> largest_of_rows(Simd<T> (&rows)[kSimdWidth<T>]) {
  detail::fold_stage<T, 1>(rows, [](Simd<T> a, Simd<T> b) { return a > b ? a : b; });
  return rows[0];
}

}  // namespace eckart
