// The exponential of a whole vector at once, and what is made of it, to a few units of the last place.
#pragma once

#include <type_traits>

#include "eckart/base/simd.hpp"

namespace eckart {

namespace detail {

template <class T>
struct ExpConstants;
template <>
struct ExpConstants<float> {
  static constexpr float most = 88.0f, shift = 12582912.0f;  // shift: 1.5 * 2^23, adding it rounds
  static constexpr float log2_high = 0.693359375f, log2_low = -2.12194440e-4f;
  static constexpr int terms = 7, mantissa = 23, bias = 127;
};
template <>
struct ExpConstants<double> {
  static constexpr double most = 708.0, shift = 6755399441055744.0;  // 1.5 * 2^52
  static constexpr double log2_high = 6.93147180369123816490e-01, log2_low = 1.90821492927058770002e-10;
  static constexpr int terms = 13, mantissa = 52, bias = 1023;
};

// exp x = 2^n e^r with |r| <= log(2) / 2: the factor 2^n, and e^r - 1 by its Taylor series. x is clamped to
// where 2^n is a normal number; NaN stays NaN.
template <class T>
inline void exp_parts(Simd<T> x, Simd<T>& power, Simd<T>& remainder) {
  using C = ExpConstants<T>;
  using Integer = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;  // NaN's may wrap
  typedef Integer Bits __attribute__((vector_size(kVectorBytes)));
  x = x > broadcast(C::most) ? broadcast(C::most) : x;
  x = x < broadcast(-C::most + 1) ? broadcast(-C::most + 1) : x;
  const Simd<T> shifted = x * T(1.44269504088896340736) + C::shift;
  const Simd<T> n = shifted - C::shift;
  const Simd<T> r = (x - n * C::log2_high) - n * C::log2_low;
  T factorial = 1;
  for (int i = 2; i <= C::terms; ++i) factorial *= T(i);
  Simd<T> series = broadcast(1 / factorial);
#pragma GCC unroll 16
  for (int i = C::terms; i >= 2; --i) {
    factorial /= T(i);
    series = series * r + 1 / factorial;
  }
  remainder = series * r;
  Bits bits;  // the low bits of `shifted` are n
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

}  // namespace eckart
