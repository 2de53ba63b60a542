// Coordinate descent on one row of a non-negative factorisation.
#pragma once

#include <algorithm>
#include <cmath>

#include "eckart/base/simd.hpp"
#include "eckart/decomposition/nmf.hpp"

namespace eckart {

// min_{w >= 0} w'A w / 2 - b'w with A = G + l2 I, b = p - l1. One a thread; it serves one row after the
// other.
template <class T>
class NmfRow {
 public:
  explicit NmfRow(Offset k)
      : k_(k), stride_(round_up(k, kSimdWidth<T>)), a_(k * stride_), inverse_(k), gradient_(stride_) {}

  // G symmetric, its rows `stride` apart.
  void set_gram(const T* gram, Offset stride, T l2) {
    for (Offset c = 0; c < k_; ++c) {
      std::copy_n(gram + c * stride, k_, a_.data() + c * stride_);
      T& diagonal = a_[c * stride_ + c];
      diagonal += l2;
      inverse_[c] = diagonal > T(0) ? T(1) / diagonal : T(0);  // 0: the coordinate changes nothing, keep it
    }
  }

  // Improves w (k), returns the violation of the first sweep.
  T solve(const T* p, T l1, NmfSweeps sweeps, T* w) {
    std::fill_n(gradient_.data(), stride_, T(0));
    for (Offset c = 0; c < k_; ++c) {
      if (w[c] != T(0)) add_column(c, w[c]);
    }
    for (Offset c = 0; c < k_; ++c) gradient_[c] += l1 - p[c];
    const T first = sweep(w);
    const T enough = static_cast<T>(sweeps.tolerance) * first;
    for (Offset s = 1; s < sweeps.most; ++s) {
      if (sweep(w) <= enough) break;
    }
    return first;
  }

 private:
  // The gradient is kept up to date, so a coordinate that stays where it is costs next to nothing.
  T sweep(T* w) {
    T violation = 0;
    for (Offset c = 0; c < k_; ++c) {
      const T slope = gradient_[c], old = w[c];
      if (old == T(0) && slope >= T(0)) continue;
      violation += std::abs(slope);
      const T moved = std::max(T(0), old - slope * inverse_[c]);
      w[c] = moved;
      add_column(c, moved - old);
    }
    return violation;
  }

  void add_column(Offset c, T step) {
    const T* column = a_.data() + c * stride_;
    for (Offset i = 0; i < stride_; i += kSimdWidth<T>) {
      store(gradient_.data() + i, load(gradient_.data() + i) + broadcast(step) * load(column + i));
    }
  }

  Offset k_, stride_;
  AlignedBuffer<T> a_;         // (k, stride), padding zero
  AlignedBuffer<T> inverse_;   // (k) of the diagonal
  AlignedBuffer<T> gradient_;  // (stride)
};

}  // namespace eckart
