// Copies of the operands of a product in the order in which a register tile reads them.
#pragma once

#include <algorithm>

#include "eckart/base/simd.hpp"

namespace eckart {

namespace detail {

// to[t stride + l] = from[l row + t] for l < rows and `depth` steps t. Where `stride` is less than a vector,
// one is stored whole all the same, as long as that stays within the panel: the next step overwrites what is
// too much.
template <class T>
inline void pack_transposed(const T* from, Offset row, Offset rows, Offset depth, Offset stride, T* to) {
  constexpr int lanes = static_cast<int>(kSimdWidth<T>);
  const Offset spilling = depth - (lanes + stride - 1) / stride;  // the last step that may be stored whole
  Offset t = 0;
  for (; t + lanes <= depth; t += lanes) {
    Simd<T> square[lanes];
#pragma GCC unroll 16
    for (int l = 0; l < lanes; ++l) square[l] = l < rows ? load(from + l * row + t) : Simd<T>{};
    transpose<T>(square);
#pragma GCC unroll 16
    for (int l = 0; l < lanes; ++l) {
      if (t + l <= spilling) store(to + (t + l) * stride, square[l]);
    }
  }
  for (t = std::max<Offset>(0, std::min(t, spilling + 1)); t < depth; ++t) {
    for (int l = 0; l < std::min<Offset>(lanes, stride); ++l) {
      to[t * stride + l] = l < rows ? from[l * row + t] : T(0);
    }
  }
}

// The same for as many rows as a tile has, where a vector holds two steps of them.
template <class T>
inline void pack_half_vectors(const T* from, Offset row, Offset depth, T* to) {
  constexpr int lanes = static_cast<int>(kSimdWidth<T>);
  constexpr std::size_t bytes = kPanel * sizeof(T);
  Offset t = 0;
  for (; t + lanes <= depth; t += lanes) {
    Simd<T> squares[kPanel];
#pragma GCC unroll 8
    for (int r = 0; r < kPanel; ++r) squares[r] = load(from + r * row + t);
    transpose<T, kPanel>(squares);
#pragma GCC unroll 8
    for (int l = 0; l < kPanel; ++l) {
      T halves[lanes];
      store(halves, squares[l]);
      std::memcpy(to + (t + l) * kPanel, halves, bytes);
      std::memcpy(to + (t + l + kPanel) * kPanel, halves + kPanel, bytes);
    }
  }
  for (; t < depth; ++t) {
    for (int r = 0; r < kPanel; ++r) to[t * kPanel + r] = from[r * row + t];
  }
}

}  // namespace detail

// panel (depth, rows): panel[t, r] = from[r row + t step]
template <class T>
inline void pack_rows(const T* from, Offset row, Offset step, Offset rows, Offset depth, T* panel) {
  if (step == 1 && rows == kPanel && kSimdWidth<T> == 2 * kPanel) {
    detail::pack_half_vectors(from, row, depth, panel);
  } else if (step == 1 && rows <= kSimdWidth<T>) {
    detail::pack_transposed(from, row, rows, depth, rows, panel);
  } else if (row == 1 && rows == kPanel) {
    for (Offset t = 0; t < depth; ++t) std::memcpy(panel + t * kPanel, from + t * step, kPanel * sizeof(T));
  } else {
    for (Offset t = 0; t < depth; ++t) {
      for (Offset r = 0; r < rows; ++r) panel[t * rows + r] = from[r * row + t * step];
    }
  }
}

// panel (depth, columns rounded up to whole vectors, zeros there): panel[t, c] = from[t row + c column]
template <class T>
inline void pack_columns(const T* from, Offset row, Offset column, Offset columns, Offset depth, T* panel) {
  constexpr Offset lanes = kSimdWidth<T>;
  const Offset stride = round_up(columns, lanes);
  if (row == 1) {
    for (Offset c = 0; c < columns; c += lanes) {
      detail::pack_transposed(from + c * column, column, columns - c, depth, stride, panel + c);
    }
    return;
  }
  for (Offset t = 0; t < depth; ++t) {
    const T* line = from + t * row;
    T* to = panel + t * stride;
    if (column == 1) {
      copy_row(line, columns, to);
    } else {
      for (Offset c = 0; c < columns; ++c) to[c] = line[c * column];
    }
    for (Offset c = columns; c < stride; ++c) to[c] = T(0);
  }
}

}  // namespace eckart
