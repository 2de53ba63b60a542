// Neighbours apart and side by side: what windows and strides of two are made of.
#pragma once

#include <utility>

#include "eckart/base/vector_loop.hpp"

namespace eckart {

namespace detail {

template <class Vector, std::size_t... lane>
inline void split_pairs(Vector a, Vector b, Vector& even, Vector& odd, std::index_sequence<lane...>) {
  even = __builtin_shufflevector(a, b, (2 * int(lane))...);
  odd = __builtin_shufflevector(a, b, (2 * int(lane) + 1)...);
}

template <class Vector, std::size_t... lane>
inline void join_pairs(Vector even, Vector odd, Vector& a, Vector& b, std::index_sequence<lane...>) {
  constexpr int n = sizeof...(lane);
  a = __builtin_shufflevector(even, odd, (int(lane) / 2 + (lane % 2 ? n : 0))...);
  b = __builtin_shufflevector(even, odd, (n / 2 + int(lane) / 2 + (lane % 2 ? n : 0))...);
}

template <class T>
using Lanes = std::make_index_sequence<static_cast<std::size_t>(kSimdWidth<T>)>;

}  // namespace detail

// even = p[0], p[2], ...; odd = p[1], p[3], ...
template <class T>
inline void load_pairs(const T* p, Simd<T>& even, Simd<T>& odd) {
  detail::split_pairs(load(p), load(p + kSimdWidth<T>), even, odd, detail::Lanes<T>());
}

template <class T>
inline Simd<T> even_lanes(const T* p) {
  Simd<T> even, odd;
  load_pairs(p, even, odd);
  return even;
}

// p[0], p[2], ... = even; p[1], p[3], ... = odd: the first n numbers of both, more than none.
template <class T>
inline void store_pairs(Simd<T> even, Simd<T> odd, Offset n, T* p) {
  constexpr Offset lanes = kSimdWidth<T>;
  Simd<T> a, b;
  detail::join_pairs(even, odd, a, b, detail::Lanes<T>());
  if (n >= lanes) {
    store(p, a);
    if (n >= 2 * lanes) return store(p + lanes, b);
    if (n > lanes) FirstLanes<T>{n - lanes}.store(p + lanes, b);
  } else {
    FirstLanes<T>{n}.store(p, a);
  }
}

}  // namespace eckart
