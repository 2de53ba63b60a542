// What all pairs, observed or not, add to the normal equations of every row of an ALS half.
//
// With x_i = (v_i, 1) over all columns i, a row minimises besides its ratings
//
//   alpha_0 sum_i (<u, v_i> + b_u + b_i)^2 = x' S x - 2 c' x + q      x = (u, b_u)
//   S = alpha_0 sum_i x_i x_i',  c = -alpha_0 sum_i b_i x_i,  q = alpha_0 sum_i b_i^2
//
// S and c are the same for all rows (Hu, Koren, Volinsky 2008, section 4), so they are formed once.
// Cost: n_cols rank^2 / 2 multiply-adds, and rank^2 for a product.
#pragma once

#include <algorithm>
#include <vector>

#include "als_rows.hpp"
#include "eckart/linalg/gram.hpp"

namespace eckart::als {

template <class T>
class Unobserved {
 public:
  Unobserved(const AlsHalf<T>& half, const Execution& run)
      : rank_(half.fixed.cols), stride_(round_up(rank_, kSimdWidth<T>)), square_(0), system_(rank_) {
    if (half.unobserved > T(0)) form(half, run);
  }

  // False where alpha_0 = 0: all below is zero then.
  explicit operator bool() const { return alpha_ > 0; }

  const NormalSystem<T>& system() const { return system_; }  // S and c

  // out (rank) and out_bias += sign S (v, bias)
  void add_product(T sign, const T* v, T bias, T* out, T& out_bias) const {
    if (!*this) return;
    Offset f = 0;
    for (; f + 4 * kWidth <= rank_; f += 4 * kWidth) add_columns<4>(sign, v, f, out);
    for (; f + kWidth <= rank_; f += kWidth) add_columns<1>(sign, v, f, out);
    for (Offset i = 0; i < rank_; ++i) {
      for (Offset g = f; g < rank_; ++g) out[g] += sign * v[i] * square_[i * stride_ + g];
    }
    if (biased_) {
      const T* s = system_.sum();
      for (Offset i = 0; i < rank_; ++i) out[i] += sign * bias * s[i];
      out_bias += sign * (dot(s, v, rank_) + system_.count * bias);
    }
  }

  // out and out_bias += c
  void add_rhs(T* out, T& out_bias) const {
    if (!biased_) return;  // c is zero
    for (Offset i = 0; i < rank_; ++i) out[i] += system_.rhs()[i];
    out_bias += system_.target_sum;
  }

  // x' S x - 2 c' x + q at x = (v, bias); `product` (rank + 1) becomes S x.
  double value(const T* v, T bias, T* product) const {
    if (!*this) return 0;
    std::fill_n(product, rank_ + 1, T(0));
    add_product(T(1), v, bias, product, product[rank_]);
    if (!biased_) return dot(v, product, rank_);
    double total = bias_squares_;
    for (Offset i = 0; i < rank_; ++i) total += double(v[i]) * (double(product[i]) - 2.0 * system_.rhs()[i]);
    return total + double(bias) * (double(product[rank_]) - 2.0 * system_.target_sum);
  }

  // What a step of coordinates [begin, begin + n) alone meets, from x = (v, bias at v[rank]): S of the block,
  // and c - S x there as right-hand side. The intercept, where the block has it, comes apart.
  void add_block(Offset begin, Offset n, const T* v, NormalSystem<T>& out) const {
    for (Offset i = 0; i < n; ++i) {
      const T* s = square_.data() + (begin + i) * stride_;
      T* gram = out.gram() + i * out.stride();
      for (Offset j = 0; j <= i; ++j) gram[j] += s[begin + j];
      out.rhs()[i] -= dot(s, v, rank_);
      if (!biased_) continue;
      out.rhs()[i] += system_.rhs()[begin + i] - system_.sum()[begin + i] * v[rank_];
      out.sum()[i] += system_.sum()[begin + i];
    }
  }

  void add_intercept(const T* v, NormalSystem<T>& out) const {
    out.count += system_.count;
    out.target_sum += system_.target_sum - dot(system_.sum(), v, rank_) - system_.count * v[rank_];
  }

 private:
  static constexpr Offset kWidth = kSimdWidth<T>;
  // Sums of so many rows are taken in T, and added in double: the objective is as exact as its parts.
  static constexpr Offset kRowsPerSum = 512;
  static constexpr Offset kParts = 16;  // a fixed number, so that no bit depends on the threads

  template <int vectors>
  void add_columns(T sign, const T* v, Offset f, T* out) const {
    Simd<T> even[vectors], odd[vectors] = {};  // two chains of sums: one would wait for itself
    for (int k = 0; k < vectors; ++k) even[k] = load(out + f + k * kWidth);
    const T* s = square_.data() + f;
    Offset i = 0;
    for (; i + 2 <= rank_; i += 2, s += 2 * stride_) {
      const Simd<T> x = broadcast(sign * v[i]), y = broadcast(sign * v[i + 1]);
      for (int k = 0; k < vectors; ++k) {
        even[k] += x * load(s + k * kWidth);
        odd[k] += y * load(s + stride_ + k * kWidth);
      }
    }
    for (; i < rank_; ++i) {
      for (int k = 0; k < vectors; ++k) even[k] += broadcast(sign * v[i]) * load(s + k * kWidth);
    }
    for (int k = 0; k < vectors; ++k) eckart::store(out + f + k * kWidth, even[k] + odd[k]);
  }

  // The sums over some columns in double: entries of a NormalSystem, then count, target_sum, sum b^2.
  using Sums = std::vector<double>;

  void form(const AlsHalf<T>& half, const Execution& run) {
    alpha_ = half.unobserved;
    biased_ = half.fixed_bias != nullptr;
    const Offset n = half.fixed.rows, part = (n + kParts - 1) / kParts;
    std::vector<Sums> parts(kParts, Sums(system_.size() + 3));
    parallel_for(
        kParts, 1.0 * n * rank_ * rank_, run,
        [&] { return std::pair<GramAccumulator<T>, NormalSystem<T>>(rank_, rank_); },
        [&](auto& scratch, Offset p) {
          for (Offset i = p * part; i < std::min(n, (p + 1) * part); i += kRowsPerSum) {
            const Offset end = std::min({n, (p + 1) * part, i + kRowsPerSum});
            add_rows(half, i, end, scratch.first, scratch.second, parts[p]);
          }
        });
    for (Offset p = 1; p < kParts; ++p) {
      for (std::size_t e = 0; e < parts[0].size(); ++e) parts[0][e] += parts[p][e];
    }
    take(parts[0]);
  }

  void add_rows(const AlsHalf<T>& half, Offset begin, Offset end, GramAccumulator<T>& gram,
                NormalSystem<T>& system, Sums& sums) {
    gram.start(system);
    double squares = 0;
    for (Offset i = begin; i < end; ++i) {
      const T bias = half.fixed_bias ? half.fixed_bias[i] : T(0);
      copy_row(half.fixed.row(i), rank_, gram.next_row(-bias));
      squares += double(bias) * bias;
      if (gram.full() || i + 1 == end) gram.flush();
    }
    const Offset size = system.size();
    for (Offset e = 0; e < size; ++e) sums[e] += system.gram()[e];
    sums[size] += system.count;
    sums[size + 1] += system.target_sum;
    sums[size + 2] += squares;
  }

  void take(const Sums& sums) {
    const Offset size = system_.size();
    for (Offset e = 0; e < size; ++e) system_.gram()[e] = static_cast<T>(alpha_ * sums[e]);
    system_.count = static_cast<T>(alpha_ * sums[size]);
    system_.target_sum = static_cast<T>(alpha_ * sums[size + 1]);
    bias_squares_ = alpha_ * sums[size + 2];
    square_ = AlignedBuffer<T>(rank_ * stride_);
    for (Offset i = 0; i < rank_; ++i) {
      for (Offset j = 0; j <= i; ++j) {
        square_[i * stride_ + j] = square_[j * stride_ + i] = system_.gram()[i * system_.stride() + j];
      }
    }
  }

  Offset rank_, stride_;
  double alpha_ = 0;
  bool biased_ = false;
  AlignedBuffer<T> square_;  // (rank, stride) S without the intercept, both triangles
  NormalSystem<T> system_;
  double bias_squares_ = 0;  // q
};

}  // namespace eckart::als
