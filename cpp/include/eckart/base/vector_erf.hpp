// The error function of a whole vector at once, and its complement: to 8 units of the last place in float, 32
// in double.
#pragma once

#include "eckart/base/vector_exp.hpp"

namespace eckart {

namespace detail {

// (1 + 2 x) exp(x^2) erfc(x) for x >= 0 as a polynomial in t = (x - 2.5) / (x + 2.5): Chebyshev's
// interpolation, after Shepherd and Laframboise (1981), to 6e-8 and 5e-15.
template <class T>
struct ErfcSeries;
template <>
struct ErfcSeries<float> {
  static constexpr float terms[] = {1.264838180e+00f, -1.223574658e-01f, -9.902424166e-02f,
                                    1.576442948e-01f, -1.029705384e-01f, 3.267757007e-02f,
                                    9.467596302e-04f, -4.180246630e-03f, 4.633375208e-04f,
                                    4.054889192e-04f, -6.391786614e-05f};
};
template <>
struct ErfcSeries<double> {
  static constexpr double terms[] = {
      1.26483818436686235e+00,  -1.22356763082381442e-01, -9.90245395738446194e-02, 1.57629919021118586e-01,
      -1.02967056028110446e-01, 3.27608933234087435e-02,  9.31892646882488468e-04,  -4.38207899892745396e-03,
      4.91867241539125613e-04,  6.32128789309262945e-04,  -8.84863271494396248e-05, -1.13540928887232432e-04,
      6.28841889920295402e-06,  2.27499721222557084e-05,  2.56223429460078427e-06,  -4.30859436164610054e-06,
      -1.52039385284297123e-06, 6.35886099189519912e-07,  4.74350526928901605e-07,  -5.17838634550571368e-08,
      -9.20123420655726984e-08, -5.58793544769287089e-11, 8.62404704093933086e-09};
};

// exp(-x^2), without the rounding of x^2, which would be enlarged x^2 times: x = high + low, high^2 exact.
template <class T>
inline Simd<T> gaussian(Simd<T> x) {
  using Integer = std::conditional_t<sizeof(T) == 4, std::int32_t, std::int64_t>;
  typedef Integer Bits __attribute__((vector_size(kVectorBytes)));
  Bits bits;
  std::memcpy(&bits, &x, sizeof bits);
  bits &= ~((Integer(1) << (sizeof(T) == 4 ? 12 : 27)) - 1);
  Simd<T> high;
  std::memcpy(&high, &bits, sizeof high);
  const Simd<T> rest = (high - x) * (high + x);  // high^2 - x^2, small
  const Simd<T> factor = T(1) + rest * (T(1) + rest * (T(0.5) + rest * T(1.0 / 6)));
  const Simd<T> square = high * high;
  const Simd<T> value = vector_exp<T>(-square) * factor;
  return square > broadcast(T(sizeof(T) == 4 ? 87 : 707)) ? Simd<T>{} : value;
}

}  // namespace detail

// 1 - erf x, without cancelling where x is large; bell: exp(-x^2), on the way.
template <class T>
inline Simd<T> vector_erfc(Simd<T> x, Simd<T>& bell) {
  using Series = detail::ErfcSeries<T>;
  constexpr int n = sizeof(Series::terms) / sizeof(T);
  Simd<T> size = x < T(0) ? -x : x;
  size = size > broadcast(T(30)) ? broadcast(T(30)) : size;  // nothing is left there
  const Simd<T> sum = size + T(2.5), grown = T(1) + T(2) * size;
  const Simd<T> both = T(1) / (sum * grown);
  const Simd<T> t = (size - T(2.5)) * grown * both;
  Simd<T> series = broadcast(Series::terms[n - 1]);
#pragma GCC unroll 32
  for (int i = n - 2; i >= 0; --i) series = series * t + Series::terms[i];
  bell = detail::gaussian<T>(size);
  const Simd<T> tail = bell * series * sum * both;
  return x < T(0) ? T(2) - tail : tail;
}

template <class T>
inline Simd<T> vector_erfc(Simd<T> x) {
  Simd<T> bell;
  return vector_erfc<T>(x, bell);
}

template <class T>
inline Simd<T> vector_erf(Simd<T> x) {
  constexpr int terms = sizeof(T) == 4 ? 7 : 13;  // of Taylor's series, for |x| < 1/2
  const Simd<T> square = x * x;
  T factorial = 1;
  for (int i = 2; i < terms; ++i) factorial *= T(i);
  Simd<T> series = broadcast(T(terms % 2 ? 1 : -1) / (factorial * (2 * terms - 1)));
#pragma GCC unroll 16
  for (int i = terms - 2; i >= 0; --i) {
    factorial /= T(i + 1);
    series = series * square + T(i % 2 ? -1 : 1) / (factorial * (2 * i + 1));
  }
  const Simd<T> near = T(1.12837916709551257390) * x * series, far = T(1) - vector_erfc<T>(x);
  return (square < T(0.25)) ? near : far;
}

}  // namespace eckart
