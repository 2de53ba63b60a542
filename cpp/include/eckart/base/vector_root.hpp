// Square roots of whole vectors, and quotients to 2 units of the last place. Both instructions share one unit
// that takes 10 cycles or more a vector of AVX-512: where both are needed, that unit decides. So a quotient
// is an approximation of 14 bits and a step of Newton's there, for which the other units have time.
#pragma once

#include <cmath>
#include <limits>
#include <type_traits>

#include "eckart/base/simd.hpp"

#ifdef __AVX512F__
#include <immintrin.h>
#endif

namespace eckart {

template <class T>
inline Simd<T> vector_sqrt(Simd<T> x) {
  T line[kSimdWidth<T>];
  store(line, x);
  for (T& number : line) number = std::sqrt(number);
  return load(line);
}

// a / b for b > 0
template <class T>
inline Simd<T> vector_quotient(Simd<T> a, Simd<T> b) {
#ifdef __AVX512F__
  if constexpr (std::is_same_v<T, float>) {
    // The reciprocal of infinity would leave Newton's step 0 times infinity.
    b = _mm512_min_ps(broadcast(std::numeric_limits<float>::max()), b);
    const Simd<T> z = _mm512_rcp14_ps(b);
    return a * (z + z * (T(1) - b * z));
  }
#endif
  return a / b;
}

}  // namespace eckart
