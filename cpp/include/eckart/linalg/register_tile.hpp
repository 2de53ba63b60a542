// The innermost loop of every dense product here: a tile of sums that stays in registers.
//
// A tile has up to kPanel rows and kPanelVectors vectors of columns. Each step broadcasts one number a row
// and multiplies it with the step's vectors. Entries are added in the order of the steps, so no sum depends
// on how the result is cut into tiles.
#pragma once

#include <type_traits>

#include "eckart/base/simd.hpp"

namespace eckart {

// sum[p][v] += sum_t a[p a_row + t a_step] * vector v of the row b + t b_step.
template <class T, int rows, int vectors>
inline void panel_product(const T* a, Offset a_row, Offset a_step, const T* b, Offset b_step, Offset depth,
                          Simd<T> (&sum)[rows][vectors]) {
  for (Offset t = 0; t < depth; ++t) {
    Simd<T> columns[vectors];
    for (int v = 0; v < vectors; ++v) columns[v] = load(b + v * kSimdWidth<T>);
#pragma GCC unroll 8
    for (int p = 0; p < rows; ++p) {
      const Simd<T> x = broadcast(a[p * a_row]);
      for (int v = 0; v < vectors; ++v) sum[p][v] += x * columns[v];
    }
    a += a_step;
    b += b_step;
  }
}

// The same with vector v of step t at b[v] + steps[t].
template <class T, int rows, int vectors>
inline void gathered_product(const T* a, Offset a_row, Offset a_step, const T* const (&b)[vectors],
                             const Offset* steps, Offset depth, Simd<T> (&sum)[rows][vectors]) {
  for (Offset t = 0; t < depth; ++t) {
    Simd<T> columns[vectors];
    for (int v = 0; v < vectors; ++v) columns[v] = load(b[v] + steps[t]);
#pragma GCC unroll 8
    for (int p = 0; p < rows; ++p) {
      const Simd<T> x = broadcast(a[p * a_row]);
      for (int v = 0; v < vectors; ++v) sum[p][v] += x * columns[v];
    }
    a += a_step;
  }
}

// body(std::integral_constant<int, n>()) for n in [1, most].
template <int most, class Body>
inline void with_constant(Offset n, Body&& body) {
  if constexpr (most > 1) {
    if (n < most) return with_constant<most - 1>(n, body);
  }
  body(std::integral_constant<int, most>());
}

// body(std::integral_constant<int, vectors>, first) for all of n vectors, in groups that fit the registers.
template <class Body>
inline void panel_groups(Offset n, Body body) {
  Offset first = 0;
  for (; first + kPanelVectors <= n; first += kPanelVectors) {
    body(std::integral_constant<int, kPanelVectors>(), first);
  }
  if (n - first == 2) body(std::integral_constant<int, 2>(), first);
  if (n - first == 1) body(std::integral_constant<int, 1>(), first);
}

// body(first, share) for all of n, in as few shares of at most `most` as there can be, of like size.
template <class Body>
inline void even_shares(Offset n, Offset most, Body body) {
  Offset groups = (n + most - 1) / most;
  for (Offset first = 0; groups > 0; --groups) {
    const Offset share = (n - first + groups - 1) / groups;
    body(first, share);
    first += share;
  }
}

}  // namespace eckart
