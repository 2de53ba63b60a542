// Two to the power of a whole vector at once, for x <= 0: what a softmax needs whose scores are in units of
// log 2. Half the work of vector_exp: no clamps, and nothing to split. To 2 units of the last place.
#pragma once

#include "eckart/base/vector_exp.hpp"

namespace eckart {

namespace detail {

// 2^r on [-1/2, 1/2]: Chebyshev's interpolation.
template <class T>
struct Exp2Series;
template <>
struct Exp2Series<float> {
  static constexpr float terms[] = {1.000000000e+00f, 6.931472067e-01f, 2.402265121e-01f, 5.550327214e-02f,
                                    9.618025603e-03f, 1.340043217e-03f, 1.546973193e-04f};
};
template <>
struct Exp2Series<double> {
  static constexpr double terms[] = {
      1.00000000000000000e+00, 6.93147180559944731e-01, 2.40226506959217850e-01, 5.55041086649884982e-02,
      9.61812910173137116e-03, 1.33335581051596840e-03, 1.54035410087090003e-04, 1.52527703176019699e-05,
      1.32069661049172285e-06, 1.01643381640315031e-07, 1.01886689662933312e-08, 6.33299350738525436e-10,
      -4.28408384323120167e-09};
};

}  // namespace detail

// Exactly 0 where 2^x is no normal number; NaN stays NaN.
template <class T>
inline Simd<T> vector_exp2(Simd<T> x) {
  using C = detail::ExpConstants<T>;
  using Series = detail::Exp2Series<T>;
  // Unsigned: far below zero the whole part is anything, and may wrap.
  using Integer = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
  typedef Integer Bits __attribute__((vector_size(kVectorBytes)));
  constexpr int n = sizeof(Series::terms) / sizeof(T);
  const Simd<T> shifted = x + C::shift, r = x - (shifted - C::shift);
  Simd<T> series = broadcast(Series::terms[n - 1]);
#pragma GCC unroll 16
  for (int i = n - 2; i >= 0; --i) series = series * r + Series::terms[i];
  Bits power, value;  // the low bits of `shifted` are the whole part of x: they go to the exponent
  std::memcpy(&power, &shifted, sizeof power);
  std::memcpy(&value, &series, sizeof value);
  value += power << C::mantissa;
  std::memcpy(&series, &value, sizeof series);
  return x < broadcast(T(2 - C::bias)) ? Simd<T>{} : series;
}

}  // namespace eckart
