// The normal equations of one least-squares problem, summed over gathered rows:
//
//   A = sum_j x_j x_j',  s = sum_j x_j,  b = sum_j t_j x_j,  n      x_j in R^rank
//
// or with weights, sum_j w_j x_j x_j' and so on, n = sum_j w_j.
//
// A and b are the system without an intercept; with one, s and n border A and sum_j t_j ends b.
#pragma once

#include <algorithm>

#include "eckart/base/simd.hpp"

namespace eckart {

template <class T>
class NormalSystem {
 public:
  explicit NormalSystem(Offset rank)
      : rank_(rank),
        stride_(round_up(rank, std::max<Offset>(kSimdWidth<T>, kPanel))),
        sums_((stride_ + 2) * stride_) {}

  Offset rank() const { return rank_; }
  Offset stride() const { return stride_; }  // of the rows below: rank padded with zeros

  T* gram() { return sums_.data(); }                     // (rank, stride), blocks to the diagonal
  T* sum() { return sums_.data() + stride_ * stride_; }  // (stride)
  T* rhs() { return sum() + stride_; }                   // (stride)
  const T* gram() const { return sums_.data(); }
  const T* sum() const { return sums_.data() + stride_ * stride_; }
  const T* rhs() const { return sum() + stride_; }

  // Of all three, which stand one behind the other from gram() on.
  Offset size() const { return (stride_ + 2) * stride_; }

  T count = 0;
  T target_sum = 0;

  void clear() {
    std::fill_n(sums_.data(), size(), T(0));
    count = target_sum = T(0);
  }

  void add(const NormalSystem& other) {
    for (Offset i = 0; i < rank_; ++i) add_range(other, i * stride_, i + 1);
    add_range(other, stride_ * stride_, 2 * stride_);
    count += other.count;
    target_sum += other.target_sum;
  }

 private:
  void add_range(const NormalSystem& other, Offset begin, Offset n) {
    T* to = sums_.data() + begin;
    const T* from = other.sums_.data() + begin;
    for (Offset i = 0; i < n; i += kSimdWidth<T>) store(to + i, load(to + i) + load(from + i));
  }

  Offset rank_, stride_;
  AlignedBuffer<T> sums_;  // A (stride, stride), then s (stride), then b (stride)
};

}  // namespace eckart
