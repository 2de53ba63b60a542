// What may be applied to the entries of a product while they are still in registers.
#pragma once

#include "eckart/base/vector_exp.hpp"

namespace eckart {

enum class Activation { none, relu, tanh, sigmoid };

// max(x, 0) that lets NaN pass.
template <class T>
inline Simd<T> rectify(Simd<T> x) {
  return x < T(0) ? Simd<T>{} : x;
}

// The gradient before an activation, of its result y and the gradient dy there.
template <class T>
inline Simd<T> before_activation(Activation kind, Simd<T> y, Simd<T> dy) {
  if (kind == Activation::relu) return y > T(0) ? dy : Simd<T>{};
  if (kind == Activation::tanh) return dy * (T(1) - y * y);
  if (kind == Activation::sigmoid) return dy * (y * (T(1) - y));
  return dy;
}

// Never inlined: a tile whose address is taken would not stay in registers.
template <class T>
[[gnu::noinline]] void activate_smooth(Activation kind, Simd<T>* values, int n) {
  for (int i = 0; i < n; ++i) {
    values[i] = kind == Activation::tanh ? vector_tanh<T>(values[i]) : vector_sigmoid<T>(values[i]);
  }
}

template <class T, int rows, int vectors>
inline void activate(Activation kind, Simd<T> (&tile)[rows][vectors]) {
  if (kind == Activation::none) return;
  if (kind == Activation::relu) {
#pragma GCC unroll 8
    for (int p = 0; p < rows; ++p) {
      for (int v = 0; v < vectors; ++v) tile[p][v] = rectify<T>(tile[p][v]);
    }
    return;
  }
  Simd<T> copy[rows * vectors];
#pragma GCC unroll 8
  for (int p = 0; p < rows; ++p) {
    for (int v = 0; v < vectors; ++v) copy[p * vectors + v] = tile[p][v];
  }
  activate_smooth<T>(kind, copy, rows * vectors);
#pragma GCC unroll 8
  for (int p = 0; p < rows; ++p) {
    for (int v = 0; v < vectors; ++v) tile[p][v] = copy[p * vectors + v];
  }
}

}  // namespace eckart
