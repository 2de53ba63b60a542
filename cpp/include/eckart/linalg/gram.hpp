// The normal equations of least squares over gathered rows: what completion with missing entries is
// made of.
//
//   A = sum_j x_j x_j',  s = sum_j x_j,  b = sum_j t_j x_j,  n      x_j in R^rank gathered by index
//
// A and b are the system of ratings without an intercept; with one, s and n border A and sum_j t_j
// ends b. Rows are packed a tile at a time, so that the products run on memory that is contiguous and
// in cache, whatever the indices. The kernel is a syrk with its accumulators in registers: a panel of
// kPanel rows of A takes one broadcast for up to kPanelVectors vectors. Only blocks on and below the
// diagonal are formed. Entries are added in the order they came, so nothing depends on the tiling.
// Cost: n (rank^2 / 2 + 2 rank) multiply-adds; useful share of what is computed 81 % at rank 64.
#pragma once

#include <algorithm>

#include "eckart/base/simd.hpp"

namespace eckart {

namespace detail {

// gram[i, j] += sum_r tile[r, i] tile[r, j] for kPanel rows i and `vectors` vectors of columns j.
template <class T, int vectors>
inline void syrk_panel(const T* tile, Offset stride, Offset n, Offset i, Offset j, T* gram) {
  constexpr Offset width = kSimdWidth<T>;
  Simd<T> sum[kPanel][vectors];
  for (int p = 0; p < kPanel; ++p) {
    for (int v = 0; v < vectors; ++v) sum[p][v] = load(gram + (i + p) * stride + j + v * width);
  }
  for (Offset r = 0; r < n; ++r) {
    const T* row = tile + r * stride;
    Simd<T> right[vectors];
    for (int v = 0; v < vectors; ++v) right[v] = load(row + j + v * width);
#pragma GCC unroll 8
    for (int p = 0; p < kPanel; ++p) {
      const Simd<T> left = broadcast(row[i + p]);
      for (int v = 0; v < vectors; ++v) sum[p][v] += left * right[v];
    }
  }
  for (int p = 0; p < kPanel; ++p) {
    for (int v = 0; v < vectors; ++v) store(gram + (i + p) * stride + j + v * width, sum[p][v]);
  }
}

}  // namespace detail

template <class T>
class NormalEquations {
 public:
  explicit NormalEquations(Offset rank)
      : rank_(rank),
        stride_(round_up(rank, std::max<Offset>(kSimdWidth<T>, kPanel))),
        tile_rows_(std::clamp<Offset>(kTileBytes / (stride_ * sizeof(T)), 32, 128)),
        tile_(tile_rows_ * stride_),
        targets_(tile_rows_),
        sums_((stride_ + 2) * stride_) {}

  Offset rank() const { return rank_; }
  Offset stride() const { return stride_; }  // of the rows below: rank padded with zeros

  const T* gram() const { return sums_.data(); }                     // (rank, stride), blocks to the diagonal
  const T* sum() const { return sums_.data() + stride_ * stride_; }  // (stride)
  const T* rhs() const { return sum() + stride_; }                   // (stride)
  T count() const { return count_; }
  T target_sum() const { return target_sum_; }

  void reset() {
    std::fill_n(sums_.data(), (stride_ + 2) * stride_, T(0));
    count_ = target_sum_ = T(0);
    filled_ = 0;
  }

  // Adds another system, whose rows have been flushed, to this one.
  void add(const NormalEquations& other) {
    for (Offset i = 0; i < (stride_ + 2) * stride_; ++i) sums_[i] += other.sums_[i];
    count_ += other.count_;
    target_sum_ += other.target_sum_;
  }

  // The place of the next row (rank entries, the caller fills them), and its target.
  T* next_row(T target) {
    if (filled_ == tile_rows_) flush();
    targets_[filled_] = target;
    return tile_.data() + stride_ * filled_++;
  }

  // Adds the packed rows to the sums; to be called once more after the last row.
  void flush() {
    for (Offset i = 0; i < stride_; i += kPanel) {
      const Offset vectors = (i + kPanel + kSimdWidth<T> - 1) / kSimdWidth<T>;
      const Offset groups = (vectors + kPanelVectors - 1) / kPanelVectors;
      Offset done = 0;
      for (Offset g = 0; g < groups; ++g) {
        const Offset share = (vectors - done + groups - g - 1) / (groups - g);
        add_panel(i, done * kSimdWidth<T>, share);
        done += share;
      }
    }
    add_border();
    filled_ = 0;
  }

 private:
  static constexpr Offset kTileBytes = 32 * 1024;  // leaves room in L1 for a panel of sums

  void add_panel(Offset i, Offset j, Offset vectors) {
    const T* tile = tile_.data();
    T* gram = sums_.data();
    if (vectors == 1) {
      detail::syrk_panel<T, 1>(tile, stride_, filled_, i, j, gram);
    } else if (vectors == 2) {
      detail::syrk_panel<T, 2>(tile, stride_, filled_, i, j, gram);
    } else {
      detail::syrk_panel<T, kPanelVectors>(tile, stride_, filled_, i, j, gram);
    }
  }

  // s += sum_r x_r and b += sum_r t_r x_r, four vectors at a time.
  void add_border() {
    constexpr int block = 4;
    constexpr Offset width = kSimdWidth<T>;
    T* s = sums_.data() + stride_ * stride_;
    T* b = s + stride_;
    for (Offset j = 0; j < stride_; j += block * width) {
      const int vectors = static_cast<int>(std::min<Offset>(block, (stride_ - j) / width));
      Simd<T> sum[block] = {}, rhs[block] = {};
      for (int v = 0; v < vectors; ++v) {
        sum[v] = load(s + j + v * width);
        rhs[v] = load(b + j + v * width);
      }
      if (vectors == block) {
        accumulate<block>(j, block, sum, rhs);
      } else {
        accumulate<0>(j, vectors, sum, rhs);
      }
      for (int v = 0; v < vectors; ++v) {
        store(s + j + v * width, sum[v]);
        store(b + j + v * width, rhs[v]);
      }
    }
    for (Offset r = 0; r < filled_; ++r) target_sum_ += targets_[r];
    count_ += static_cast<T>(filled_);
  }

  template <int fixed>
  void accumulate(Offset j, int vectors, Simd<T>* sum, Simd<T>* rhs) const {
    if (fixed) vectors = fixed;
    for (Offset r = 0; r < filled_; ++r) {
      const Simd<T> t = broadcast(targets_[r]);
      for (int v = 0; v < vectors; ++v) {
        const Simd<T> x = load(tile_.data() + r * stride_ + j + v * kSimdWidth<T>);
        sum[v] += x;
        rhs[v] += t * x;
      }
    }
  }

  Offset rank_, stride_, tile_rows_;
  AlignedBuffer<T> tile_;     // (tile_rows, stride), padding stays zero
  AlignedBuffer<T> targets_;  // (tile_rows)
  AlignedBuffer<T> sums_;     // gram (stride, stride), then sum (stride), then rhs (stride)
  T count_ = 0;
  T target_sum_ = 0;
  Offset filled_ = 0;
};

}  // namespace eckart
