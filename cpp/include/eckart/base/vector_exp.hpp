// Exponentials of a whole vector at once, and what is made of them, to a few units of the last place. All are
// 2^(n + r) = 2^n 2^r with a whole number n and |r| <= 1/2.
#pragma once

#include <type_traits>

#include "eckart/base/simd.hpp"

namespace eckart {

namespace detail {

// shift: 1.5 times 2 to the bits of the mantissa. Adding it rounds, and leaves the whole number in the low
// bits. slope: (2^r - 1) / r as a polynomial in r, Chebyshev's interpolation, to 5e-9 and 1e-17 of 2^r.
template <class T>
struct ExpConstants;
template <>
struct ExpConstants<float> {
  static constexpr float most = 88.0f, shift = 12582912.0f;
  static constexpr float log2_high = 0.693359375f, log2_low = -2.12194440e-4f;
  static constexpr int mantissa = 23, bias = 127;
  static constexpr float slope[] = {6.931471880e-01f, 2.402265076e-01f, 5.550357114e-02f,
                                    9.618082557e-03f, 1.339086336e-03f, 1.545316295e-04f};
};
template <>
struct ExpConstants<double> {
  static constexpr double most = 708.0, shift = 6755399441055744.0;
  static constexpr double log2_high = 6.93147180369123816490e-01, log2_low = 1.90821492927058770002e-10;
  static constexpr int mantissa = 52, bias = 1023;
  static constexpr double slope[] = {
      6.93147180559945286e-01, 2.40226506959100972e-01, 5.55041086648215970e-02, 9.61812910760688825e-03,
      1.33335581464169356e-03, 1.54035304417360499e-04, 1.52527338298361192e-05, 1.32154425879216893e-06,
      1.01780624458457737e-07, 7.07258594926922339e-09, 4.45496059818651856e-10};
};

// Unsigned: of NaN, or far below zero, the whole part is anything, and may wrap.
template <class T>
using ExpInteger = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
template <class T>
using ExpBits __attribute__((vector_size(kVectorBytes))) = ExpInteger<T>;

template <class T>
inline Simd<T> exp2_slope(Simd<T> r) {
  using C = ExpConstants<T>;
  constexpr int n = sizeof(C::slope) / sizeof(T);
  Simd<T> series = broadcast(C::slope[n - 1]);
#pragma GCC unroll 16
  for (int i = n - 2; i >= 0; --i) series = series * r + C::slope[i];
  return series;
}

// exp x = power + power * remainder. x is clamped to where the power is a normal number; NaN stays NaN.
template <class T>
inline void exp_parts(Simd<T> x, Simd<T>& power, Simd<T>& remainder) {
  using C = ExpConstants<T>;
  constexpr T log2_e = T(1.44269504088896340736);
  x = x > broadcast(C::most) ? broadcast(C::most) : x;
  x = x < broadcast(-C::most + 1) ? broadcast(-C::most + 1) : x;
  const Simd<T> shifted = x * log2_e + C::shift;
  const Simd<T> n = shifted - C::shift;
  const Simd<T> r = ((x - n * C::log2_high) - n * C::log2_low) * log2_e;
  remainder = r * exp2_slope<T>(r);
  ExpBits<T> bits;
  std::memcpy(&bits, &shifted, sizeof bits);
  bits = (bits + C::bias) << C::mantissa;
  std::memcpy(&power, &bits, sizeof power);
}

}  // namespace detail

// exp x, clamped at the ends of the range of normal numbers.
template <class T>
inline Simd<T> vector_exp(Simd<T> x) {
  Simd<T> power, remainder;
  detail::exp_parts<T>(x, power, remainder);
  return power + power * remainder;
}

// 1 / (1 + exp(-x))
template <class T>
inline Simd<T> vector_sigmoid(Simd<T> x) {
  return T(1) / (T(1) + vector_exp<T>(-x));
}

// tanh |x| = m / (m + 2) with m = exp(2 |x|) - 1, which loses no digits near 0.
template <class T>
inline Simd<T> vector_tanh(Simd<T> x) {
  const Simd<T> size = x < T(0) ? -x : x;
  Simd<T> power, remainder;
  detail::exp_parts<T>(size * T(2) > T(40) ? broadcast(T(40)) : size * T(2), power, remainder);
  const Simd<T> m = (power - T(1)) + power * remainder;
  const Simd<T> result = m / (m + T(2));
  return x < T(0) ? -result : result;
}

// 2^x for x <= 0, for less: there is nothing to clamp. Exactly 0 where it is no normal number; NaN stays NaN.
template <class T>
inline Simd<T> vector_exp2(Simd<T> x) {
  using C = detail::ExpConstants<T>;
  using Bits = detail::ExpBits<T>;
  const Simd<T> shifted = x + C::shift, r = x - (shifted - C::shift);
  Simd<T> value = T(1) + r * detail::exp2_slope<T>(r);
  Bits whole, bits;  // the low bits of `shifted` are the whole part of x: they go to the exponent
  std::memcpy(&whole, &shifted, sizeof whole);
  std::memcpy(&bits, &value, sizeof bits);
  bits += whole << C::mantissa;
  std::memcpy(&value, &bits, sizeof value);
  return x < broadcast(T(2 - C::bias)) ? Simd<T>{} : value;
}

}  // namespace eckart
