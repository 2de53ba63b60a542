// Squares of as many rows as a vector has lanes, transposed as they are read.
#pragma once

#include <type_traits>

#include "eckart/base/simd.hpp"

#ifdef __AVX512F__
#include <immintrin.h>
#endif

namespace eckart {

// square[c] = column c of rows that are `step` numbers apart. With AVX-512, fours of numbers go from memory
// to where they belong, which leaves half of the shuffles: there is one unit for those, and two for loads.
template <class T>
inline void load_transposed(const T* from, Offset step, Simd<T> (&square)[kSimdWidth<T>]) {
#ifdef __AVX512F__
  if constexpr (std::is_same_v<T, float>) {
#pragma GCC unroll 16
    for (int i = 0; i < 16; ++i) {  // lanes 4 b to 4 b + 3 from row 4 b + i % 4
      const float* at = from + i % 4 * step + i / 4 * 4;
      __m512 fours = _mm512_maskz_broadcast_f32x4(0x000f, _mm_loadu_ps(at));
      fours = _mm512_mask_broadcast_f32x4(fours, 0x00f0, _mm_loadu_ps(at + 4 * step));
      fours = _mm512_mask_broadcast_f32x4(fours, 0x0f00, _mm_loadu_ps(at + 8 * step));
      square[i] = _mm512_mask_broadcast_f32x4(fours, 0xf000, _mm_loadu_ps(at + 12 * step));
    }
#pragma GCC unroll 4
    for (int i = 0; i < 16; i += 4) transpose<float, 4>(square + i);
    return;
  }
#endif
  for (Offset r = 0; r < kSimdWidth<T>; ++r) square[r] = load(from + r * step);
  transpose<T>(square);
}

}  // namespace eckart
