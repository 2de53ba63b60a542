// One pass over the ratings of a row: its squared residuals, and the gradient of half its objective.
#pragma once

#include "als_rows.hpp"
#include "als_unobserved.hpp"

namespace eckart::als {

constexpr int kRowsAtOnce = 4;      // whose sums over lanes are taken together
constexpr Offset kAheadSweep = 32;  // rows to fetch early: a pass does little with each

// One row's pass. `vectors` registers hold its factors and the sums of the gradient; a rank that is no
// multiple of the register, or a large one, has `vectors` 0 and keeps them in memory.
template <class T, int vectors>
class RowSweep {
 public:
  // v (rank) and bias are the row's; a gradient (rank + 1) is wanted where it is not null.
  RowSweep(const AlsHalf<T>& half, const CsrRow<T>& row, const T* v, T bias, T* gradient)
      : half_(half),
        row_(row),
        v_(v),
        bias_(bias),
        weights_(weights_of(half, row)),
        gradient_(gradient),
        rank_(half.fixed.cols),
        behind_(stored_behind(half, row, 0)) {}

  // sum w_j e_j^2, e_j = t_j - <x_j, v> - bias. The gradient is overwritten with sum w_j e_j (x_j, 1).
  double run() {
    if (gradient_) std::fill_n(gradient_, rank_ + 1, T(0));
    const double squares = gradient_ ? sweep<true>() : sweep<false>();
    if (gradient_) gradient_[rank_] = residual_sum_;
    return squares;
  }

 private:
  static constexpr Offset width = kSimdWidth<T>;
  static constexpr int kHeld = vectors > 0 ? vectors : 1;

  // Columns that whole registers cover; known when compiling where the registers hold them all.
  Offset whole() const { return vectors > 0 ? vectors * width : rank_ / width * width; }

  template <bool with_gradient>
  double sweep() {
    Simd<T> held[kHeld], sums[kHeld] = {};
    if constexpr (vectors > 0) {
      for (int i = 0; i < vectors; ++i) held[i] = load(v_ + i * width);
    }
    double squares = 0;
    Offset j = 0;
    for (; j + kRowsAtOnce <= row_.size; j += kRowsAtOnce) {
      for (int r = 0; r < kRowsAtOnce; ++r) fetch(j + kAheadSweep + r);
      squares += ratings<kRowsAtOnce, with_gradient>(j, held, sums);
    }
    for (; j < row_.size; ++j) squares += ratings<1, with_gradient>(j, held, sums);
    if constexpr (vectors > 0 && with_gradient) {
      for (int i = 0; i < vectors; ++i) store(gradient_ + i * width, sums[i]);
    }
    return squares;
  }

  template <int rows, bool with_gradient>
  T ratings(Offset j, const Simd<T> (&held)[kHeld], Simd<T> (&sums)[kHeld]) {
    const T* x[rows];
    for (int r = 0; r < rows; ++r) x[r] = half_.fixed.row(row_.indices[j + r]);
    T residual[rows];
    residuals<rows>(j, x, held, residual);
    T squares = 0;
    for (int r = 0; r < rows; ++r) {
      const T weighted = weights_ ? weights_[j + r] * residual[r] : residual[r];
      squares += weighted * residual[r];
      residual[r] = weighted;
    }
    if constexpr (with_gradient) {
      for (Offset f = 0; f < whole(); f += width) {
        Simd<T> total = vectors > 0 ? sums[f / width % kHeld] : load(gradient_ + f);
        for (int r = 0; r < rows; ++r) total += load(x[r] + f) * broadcast(residual[r]);
        if constexpr (vectors > 0) {
          sums[f / width] = total;
        } else {
          store(gradient_ + f, total);
        }
      }
      for (int r = 0; r < rows; ++r) {
        for (Offset f = whole(); vectors == 0 && f < rank_; ++f) gradient_[f] += x[r][f] * residual[r];
      }
      if constexpr (rows == 4) {
        residual_sum_ += (residual[0] + residual[1]) + (residual[2] + residual[3]);
      } else {
        for (int r = 0; r < rows; ++r) residual_sum_ += residual[r];
      }
    }
    return squares;
  }

  template <int rows>
  void residuals(Offset j, const T* const (&x)[rows], const Simd<T> (&held)[kHeld], T (&residual)[rows]) {
    Simd<T> sum[rows] = {};
    for (Offset f = 0; f < whole(); f += width) {
      const Simd<T> v = vectors > 0 ? held[f / width % kHeld] : load(v_ + f);
      for (int r = 0; r < rows; ++r) sum[r] += load(x[r] + f) * v;
    }
    if constexpr (rows == 4) {
      sum_lanes<T>(sum, residual);
    } else {
      for (int r = 0; r < rows; ++r) residual[r] = sum_lanes<T>(sum[r]);
    }
    for (int r = 0; r < rows; ++r) {
      for (Offset f = whole(); vectors == 0 && f < rank_; ++f) residual[r] += x[r][f] * v_[f];
      residual[r] = target(half_, row_, j + r) - (residual[r] + bias_);
    }
  }

  // Past the end of the row stand the ratings of the next one, which is likely to be swept next.
  void fetch(Offset j) const {
    if (j < behind_) prefetch(half_.fixed.row(row_.indices[j]), vectors > 0 ? whole() : rank_);
  }

  static void store(T* to, Simd<T> value) { eckart::store(to, value); }

  const AlsHalf<T>& half_;
  const CsrRow<T> row_;
  const T* v_;
  const T bias_;
  const T* weights_;
  T* gradient_;
  const Offset rank_, behind_;
  T residual_sum_ = 0;
};

// The squared residuals of row i with factors v, weighted and summed. A gradient (rank + 1) becomes
// sum_j w_j e_j (x_j, 1) - ridge (v, bias); its last entry means nothing in a model without biases.
template <class T>
double sweep_row(const AlsHalf<T>& half, Offset i, const T* v, T bias, T* gradient) {
  const CsrRow<T> row = half.ratings.row(i);
  const Offset rank = half.fixed.cols, width = kSimdWidth<T>;
  double squares;
  if (rank == 2 * width) {
    squares = RowSweep<T, 2>(half, row, v, bias, gradient).run();
  } else if (rank == 4 * width) {
    squares = RowSweep<T, 4>(half, row, v, bias, gradient).run();
  } else if (rank == 8 * width) {
    squares = RowSweep<T, 8>(half, row, v, bias, gradient).run();
  } else {
    squares = RowSweep<T, 0>(half, row, v, bias, gradient).run();
  }
  if (gradient) {
    for (Offset f = 0; f < rank; ++f) gradient[f] -= half.reg[i] * v[f];
    gradient[rank] -= half.reg[i] * bias;
  }
  return squares;
}

// The squared residuals of a row that is solved, with the part of the unobserved; scratch (rank + 1).
template <class T>
double row_error(const AlsHalf<T>& half, const Unobserved<T>& unobserved, Offset i, const AlsSide<T>& side,
                 T* scratch) {
  const T* v = side.factors.row(i);
  const T bias = side.bias ? side.bias[i] : T(0);
  return sweep_row<T>(half, i, v, bias, nullptr) + unobserved.value(v, bias, scratch);
}

}  // namespace eckart::als
