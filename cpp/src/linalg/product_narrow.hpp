// Products with one to four columns, both operands contiguous along the sum: inner products, at the speed at
// which A can be read.
#pragma once

#include <algorithm>

#include "eckart/base/parallel.hpp"
#include "eckart/linalg/product.hpp"
#include "eckart/linalg/register_tile.hpp"

namespace eckart {

constexpr Offset kNarrowColumns = 4;

template <class T>
inline bool is_narrow(const Product<T>& p) {
  return p.n <= kNarrowColumns && (p.a.column == 1 || p.k <= 1) && (p.b.row == 1 || p.k <= 1);
}

namespace detail {

// sums[r][c] = <row r of a, column c of b>
template <class T, int rows, int columns>
inline void inner_products(const T* a, Offset a_row, const T* b, Offset b_column, Offset depth,
                           T (&sums)[rows][columns]) {
  constexpr Offset lanes = kSimdWidth<T>;
  Simd<T> sum[rows][columns] = {};
  Offset t = 0;
  for (; t + lanes <= depth; t += lanes) {
#pragma GCC unroll 8
    for (int c = 0; c < columns; ++c) {
      const Simd<T> x = load(b + c * b_column + t);
#pragma GCC unroll 8
      for (int r = 0; r < rows; ++r) sum[r][c] += x * load(a + r * a_row + t);
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < rows; ++r) {
#pragma GCC unroll 8
    for (int c = 0; c < columns; ++c) {
      sums[r][c] = sum_lanes<T>(sum[r][c]);
      for (Offset u = t; u < depth; ++u) sums[r][c] += a[r * a_row + u] * b[c * b_column + u];
    }
  }
}

}  // namespace detail

// finish(i, j, sum) for every entry of A B, a block of rows a task.
template <class T, class Finish>
void multiply_narrow(const Product<T>& p, const Execution& run, Finish finish) {
  constexpr Offset task_rows = 64;
  constexpr int high = 4;
  if (p.n == 0) return;
  parallel_ranges(p.m, task_rows, 2.0 * p.m * p.n * p.k, run, [&](Offset begin, Offset end) {
    with_constant<kNarrowColumns>(p.n, [&](auto columns) {
      Offset i = begin;
      const auto next = [&](auto rows) {
        constexpr int r_n = decltype(rows)::value, c_n = decltype(columns)::value;
        T sums[r_n][c_n];
        detail::inner_products<T>(p.a.at(i, 0), p.a.row, p.b.data, p.b.column, p.k, sums);
        for (int r = 0; r < r_n; ++r) {
          for (int c = 0; c < c_n; ++c) finish(i + r, Offset{c}, sums[r][c]);
        }
        i += r_n;
      };
      while (i + high <= end) next(std::integral_constant<int, high>());
      while (i < end) next(std::integral_constant<int, 1>());
    });
  });
}

}  // namespace eckart
