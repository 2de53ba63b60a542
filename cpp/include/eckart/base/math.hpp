// Small maths on contiguous vectors, with a fixed order of summation (16 running sums), so that a
// compiler may vectorise a sum without -ffast-math and every thread count gives the same bits.
#pragma once

#include "eckart/base/simd.hpp"

namespace eckart {

constexpr int kLanes = 16;

template <class T, class Term>
inline T lane_sum(Offset n, Term term) {
  T lane[kLanes] = {};
  Offset i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    for (int l = 0; l < kLanes; ++l) lane[l] += term(i + l);
  }
  for (int l = 0; i + l < n; ++l) lane[l] += term(i + l);
  for (int width = kLanes / 2; width > 0; width /= 2) {
    for (int l = 0; l < width; ++l) lane[l] += lane[l + width];
  }
  return lane[0];
}

template <class T>
inline double squared_norm(const T* a, Offset n) {
  return lane_sum<double>(n, [=](Offset i) { return static_cast<double>(a[i]) * a[i]; });
}

template <class T>
inline void axpy(T alpha, const T* x, T* y, Offset n) {  // y += alpha x
  for (Offset i = 0; i < n; ++i) y[i] += alpha * x[i];
}

}  // namespace eckart
