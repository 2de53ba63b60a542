// Many small ridge systems at once: (A_l + lambda_l I) x_l = b_l, one system a vector lane.
//
// A single small Cholesky is a chain of dependent square roots and divisions. Interleaved, entry
// (i, j) of all systems is one vector, so the chain is shared and every operation is as wide as the
// register. Left-looking in blocks of four columns with 4 x kRowTile sums in registers; the rows of
// the factor are contiguous, so the inner loop streams.   Cost a system: d^3 / 6 + d^2 multiply-adds.
#pragma once

#include <cmath>
#include <limits>

#include "eckart/linalg/normal_system.hpp"

namespace eckart {

template <class T>
class BatchedCholesky {
 public:
  static constexpr Offset lanes = kSimdWidth<T>;

  // Systems of `rank` factors, and one more unknown with `intercept`.
  BatchedCholesky(Offset rank, bool intercept)
      : rank_(rank),
        intercept_(intercept),
        dim_(rank + intercept),
        padded_(round_up(dim_, kBlock)),
        factor_(padded_ * padded_ * lanes),
        x_(padded_ * lanes) {}

  // Solves all lanes. Returns a mask: bit l is set where system l is singular to rounding, and has
  // then no solution here.
  unsigned solve(const NormalSystem<T>* const* systems, const T* ridge) {
    interleave(systems, ridge);
    factorise();
    forward();
    backward();
    unsigned singular = 0;
    for (Offset l = 0; l < lanes; ++l) singular |= static_cast<unsigned>(singular_[l] != 0) << l;
    return singular;
  }

  T solution(Offset lane, Offset i) const { return x_[i * lanes + lane]; }

  // For further right-hand sides of the same systems: set those of all lanes (dim), then solve_again().
  void set_rhs(Offset lane, const T* b) {
    for (Offset i = 0; i < padded_; ++i) x_[i * lanes + lane] = i < dim_ ? b[i] : T(0);
  }

  void solve_again() {
    forward();
    backward();
  }

 private:
  using V = Simd<T>;
  static constexpr Offset kBlock = 4;                                 // columns
  static constexpr Offset kRowTile = kVectorRegisters == 32 ? 4 : 2;  // rows of a register tile

  V* row(Offset i) { return reinterpret_cast<V*>(factor_.data()) + i * padded_; }
  V* x() { return reinterpret_cast<V*>(x_.data()); }

  void interleave(const NormalSystem<T>* const* systems, const T* ridge);
  void interleave_row(const NormalSystem<T>* const* systems, Offset source, Offset n, V* out);
  void factorise();
  void factorise_diagonal(Offset j, V (&inverse)[kBlock]);
  void solve_below(Offset i, Offset j, const V (&inverse)[kBlock]);
  void forward();
  void backward();

  Offset rank_;
  bool intercept_;
  Offset dim_, padded_;
  AlignedBuffer<T> factor_;  // (padded, padded) vectors, lower triangle; the diagonal holds its inverse
  AlignedBuffer<T> x_;       // (padded) vectors: b, then the solution
  V floor_{};                // a pivot below is rounding
  V singular_{};             // not zero: the lane met such a pivot
};

template <class T>
void BatchedCholesky<T>::interleave_row(const NormalSystem<T>* const* systems, Offset source, Offset n,
                                        V* out) {
  const Offset stride = systems[0]->stride();
  for (Offset j = 0; j < n; j += lanes) {
    V square[lanes];
    for (Offset l = 0; l < lanes; ++l) square[l] = load(systems[l]->gram() + source * stride + j);
    transpose<T>(square);
    for (Offset c = 0; c < std::min(lanes, n - j); ++c) out[j + c] = square[c];
  }
}

template <class T>
void BatchedCholesky<T>::interleave(const NormalSystem<T>* const* systems, const T* ridge) {
  const Offset stride = systems[0]->stride();
  const V lambda = load(ridge);
  for (Offset i = 0; i < rank_; ++i) {
    interleave_row(systems, i, i + 1, row(i));
    row(i)[i] += lambda;
  }
  interleave_row(systems, stride + 1, rank_, x());
  if (intercept_) {
    interleave_row(systems, stride, rank_, row(rank_));
    V count, target;
    for (Offset l = 0; l < lanes; ++l) {
      count[l] = systems[l]->count;
      target[l] = systems[l]->target_sum;
    }
    row(rank_)[rank_] = count + lambda;
    x()[rank_] = target;
  }
  V largest{};
  for (Offset i = 0; i < dim_; ++i) largest = row(i)[i] > largest ? row(i)[i] : largest;
  floor_ = largest * (static_cast<T>(dim_) * std::numeric_limits<T>::epsilon());
  singular_ = V{};
  for (Offset i = dim_; i < padded_; ++i) {  // the padding is an identity
    for (Offset j = 0; j < i; ++j) row(i)[j] = V{};
    row(i)[i] = broadcast(T(1));
    x()[i] = V{};
  }
}

template <class T>
void BatchedCholesky<T>::factorise_diagonal(Offset j, V (&inverse)[kBlock]) {
  V sum[kBlock][kBlock];
  for (Offset r = 0; r < kBlock; ++r) {
    for (Offset c = 0; c <= r; ++c) sum[r][c] = row(j + r)[j + c];
  }
  for (Offset k = 0; k < j; ++k) {
    V left[kBlock];
    for (Offset r = 0; r < kBlock; ++r) left[r] = row(j + r)[k];
    for (Offset r = 0; r < kBlock; ++r) {
      for (Offset c = 0; c <= r; ++c) sum[r][c] -= left[r] * left[c];
    }
  }
  for (Offset c = 0; c < kBlock; ++c) {
    V pivot = sum[c][c];
    const V one = broadcast(T(1));
    if (j + c < dim_) {
      const auto bad = pivot <= floor_;
      singular_ = bad ? one : singular_;
      pivot = bad ? one : pivot;
    }
    V root;
    for (Offset l = 0; l < lanes; ++l) root[l] = std::sqrt(pivot[l]);
    inverse[c] = one / root;
    row(j + c)[j + c] = inverse[c];
    for (Offset r = c + 1; r < kBlock; ++r) {
      sum[r][c] *= inverse[c];
      row(j + r)[j + c] = sum[r][c];
    }
    for (Offset r = c + 1; r < kBlock; ++r) {
      for (Offset k = c + 1; k <= r; ++k) sum[r][k] -= sum[r][c] * sum[k][c];
    }
  }
}

template <class T>
void BatchedCholesky<T>::solve_below(Offset i, Offset j, const V (&inverse)[kBlock]) {
  V sum[kRowTile][kBlock];
  const V* left[kRowTile];
  const V* right[kBlock];
  for (Offset r = 0; r < kRowTile; ++r) left[r] = row(i + r);
  for (Offset c = 0; c < kBlock; ++c) right[c] = row(j + c);
  for (Offset r = 0; r < kRowTile; ++r) {
    for (Offset c = 0; c < kBlock; ++c) sum[r][c] = left[r][j + c];
  }
  for (Offset k = 0; k < j; ++k) {
    V b[kBlock];
    for (Offset c = 0; c < kBlock; ++c) b[c] = right[c][k];
    for (Offset r = 0; r < kRowTile; ++r) {
      const V a = left[r][k];
      for (Offset c = 0; c < kBlock; ++c) sum[r][c] -= a * b[c];
    }
  }
  for (Offset c = 0; c < kBlock; ++c) {
    for (Offset r = 0; r < kRowTile; ++r) {
      for (Offset k = 0; k < c; ++k) sum[r][c] -= sum[r][k] * right[c][j + k];
      sum[r][c] *= inverse[c];
      row(i + r)[j + c] = sum[r][c];
    }
  }
}

template <class T>
void BatchedCholesky<T>::factorise() {
  for (Offset j = 0; j < padded_; j += kBlock) {
    V inverse[kBlock];
    factorise_diagonal(j, inverse);
    for (Offset i = j + kBlock; i < padded_; i += kRowTile) solve_below(i, j, inverse);
  }
}

template <class T>
void BatchedCholesky<T>::forward() {
  V* b = x();
  for (Offset i = 0; i < padded_; ++i) {
    const V* l = row(i);
    V sum[4] = {b[i], V{}, V{}, V{}};
    Offset j = 0;
    for (; j + 4 <= i; j += 4) {
      for (int u = 0; u < 4; ++u) sum[u] -= l[j + u] * b[j + u];
    }
    for (; j < i; ++j) sum[0] -= l[j] * b[j];
    b[i] = ((sum[0] + sum[1]) + (sum[2] + sum[3])) * l[i];
  }
}

template <class T>
void BatchedCholesky<T>::backward() {
  V* b = x();
  for (Offset i = padded_ - 1; i >= 0; --i) {
    const V* l = row(i);
    const V xi = b[i] * l[i];
    b[i] = xi;
    for (Offset j = 0; j < i; ++j) b[j] -= l[j] * xi;
  }
}

}  // namespace eckart
