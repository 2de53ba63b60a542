// Sums over a contiguous piece that the layers of normalization.hpp are made of.
#pragma once

#include <cmath>

#include "eckart/base/math.hpp"

namespace eckart {

struct Moments {
  double n = 0, mean = 0, squares = 0;  // squares: sum of squared deviations from the mean

  void merge(const Moments& other) {
    if (other.n == 0) return;
    const double total = n + other.n, delta = other.mean - mean;
    mean += delta * (other.n / total);
    squares += other.squares + delta * delta * (n * other.n / total);
    n = total;
  }
  double variance() const { return n > 0 ? squares / n : 0; }
};

// body(begin, n) for pieces that stay in the first-level cache and whose sums in T are short.
constexpr Offset kPiece = 2048;
template <class Body>
inline void for_pieces(Offset n, Body body) {
  for (Offset i = 0; i < n; i += kPiece) body(i, std::min(kPiece, n - i));
}

template <class T>
inline T vector_sum(const T* x, Offset n) {
  return lane_sum<T>(n, [=](Offset i) { return x[i]; });
}

template <class T>
inline Moments moments(const T* x, Offset n) {
  Moments all;
  for_pieces(n, [&](Offset begin, Offset m) {
    const T* piece = x + begin;
    const T mean = vector_sum(piece, m) / T(m);
    const T squares = lane_sum<T>(m, [=](Offset i) { return (piece[i] - mean) * (piece[i] - mean); });
    all.merge({static_cast<double>(m), mean, squares});
  });
  return all;
}

// Sums of dy and of dy (x - mean).
struct SlopeSums {
  double plain = 0, weighted = 0;
};

template <class T, class Dy>
inline SlopeSums slope_sums(const T* x, T mean, Offset n, Dy dy) {
  SlopeSums sums;
  for_pieces(n, [&](Offset begin, Offset m) {
    sums.plain += lane_sum<T>(m, [=](Offset i) { return dy(begin + i); });
    sums.weighted += lane_sum<T>(m, [=](Offset i) { return dy(begin + i) * (x[begin + i] - mean); });
  });
  return sums;
}

template <class T>
inline T inverse_root(double variance, double eps) {
  return static_cast<T>(1 / std::sqrt(variance + eps));
}

}  // namespace eckart
