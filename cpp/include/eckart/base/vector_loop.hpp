// Loops over arrays a vector at a time, with one body for whole vectors and for what is left at the end.
#pragma once

#include <type_traits>

#include "eckart/base/simd.hpp"

#ifdef __AVX512F__
#include <immintrin.h>
#endif

namespace eckart {

// How a body reads and writes arrays: a whole vector of each, or its first n lanes.
template <class T>
struct AllLanes {
  static constexpr Offset n = kSimdWidth<T>;

  Simd<T> load(const T* p, T = T(0)) const { return eckart::load(p); }
  void store(T* p, Simd<T> v) const { eckart::store(p, v); }
};

template <class T>
struct FirstLanes {
  Offset n;  // less than all

  // `rest` in the other lanes.
  Simd<T> load(const T* p, T rest = T(0)) const {
#ifdef __AVX512F__
    if constexpr (std::is_same_v<T, float>) {
      return _mm512_mask_loadu_ps(broadcast(rest), static_cast<__mmask16>((1 << n) - 1), p);
    } else {
      return _mm512_mask_loadu_pd(broadcast(rest), static_cast<__mmask8>((1 << n) - 1), p);
    }
#else
    Simd<T> v = broadcast(rest);
    std::memcpy(&v, p, static_cast<std::size_t>(n) * sizeof(T));
    return v;
#endif
  }

  void store(T* p, Simd<T> v) const {
#ifdef __AVX512F__
    if constexpr (std::is_same_v<T, float>) {
      _mm512_mask_storeu_ps(p, static_cast<__mmask16>((1 << n) - 1), v);
    } else {
      _mm512_mask_storeu_pd(p, static_cast<__mmask8>((1 << n) - 1), v);
    }
#else
    std::memcpy(p, &v, static_cast<std::size_t>(n) * sizeof(T));
#endif
  }
};

// body(i, lanes) for every vector of [begin, end), the last of which may be a part.
template <class T, class Body>
inline void for_vectors(Offset begin, Offset end, Body body) {
  constexpr Offset width = kSimdWidth<T>;
  Offset i = begin;
  for (; i + width <= end; i += width) body(i, AllLanes<T>());
  if (i < end) body(i, FirstLanes<T>{end - i});
}

}  // namespace eckart
