// The natural logarithm of a whole vector at once, to a few units of the last place.
#pragma once

#include <type_traits>

#include "eckart/base/simd.hpp"

namespace eckart {

// log x = e log 2 + log m with x = 2^e m and m in [sqrt(1/2), sqrt 2); log m = 2 artanh s, s = (m - 1) / (m +
// 1), |s| <= 0.172, by its Taylor series. For normal positive x only: anything else gives some number.
template <class T>
inline Simd<T> vector_log(Simd<T> x) {
  using Integer = std::conditional_t<sizeof(T) == 4, std::int32_t, std::int64_t>;
  typedef Integer Bits __attribute__((vector_size(kVectorBytes)));
  constexpr int mantissa = sizeof(T) == 4 ? 23 : 52;
  constexpr Integer half_root = sizeof(T) == 4 ? Integer(0x3f3504f3) : Integer(0x3fe6a09e667f3bcdLL);
  constexpr int terms = sizeof(T) == 4 ? 5 : 11;

  Bits bits;
  std::memcpy(&bits, &x, sizeof bits);
  const Bits exponent = (bits - half_root) >> mantissa;  // floor of log2(x / sqrt(1/2))
  bits -= exponent << mantissa;
  Simd<T> m;
  std::memcpy(&m, &bits, sizeof m);
  const Simd<T> s = (m - T(1)) / (m + T(1)), square = s * s;
  Simd<T> series = broadcast(T(1) / (2 * terms + 1));
#pragma GCC unroll 16
  for (int i = terms - 1; i >= 0; --i) series = series * square + T(1) / (2 * i + 1);
  return __builtin_convertvector(exponent, Simd<T>) * T(0.693147180559945309417) + T(2) * s * series;
}

// log(1 + u), u in [0, 1]: what rounding 1 + u lost is put back.
template <class T>
inline Simd<T> vector_log1p(Simd<T> u) {
  const Simd<T> w = T(1) + u;
  return vector_log<T>(w) + (u - (w - T(1))) / w;
}

}  // namespace eckart
