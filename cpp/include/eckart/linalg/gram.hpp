// Forms normal equations from gathered rows: what completion with missing entries is made of.
//
// Rows are packed a tile at a time, so that the products run on memory that is contiguous and in
// cache, whatever the indices. The kernel is a syrk with its accumulators in registers: a panel of
// kPanel rows of A takes one broadcast for up to kPanelVectors vectors. Only blocks on and below the
// diagonal are formed. Entries are added in the order they came, so nothing depends on the tiling.
// Cost: n (rank^2 / 2 + 2 rank) multiply-adds; useful share of what is computed 81 % at rank 64.
#pragma once

#include <algorithm>
#include <vector>

#include "eckart/linalg/normal_system.hpp"

namespace eckart {

// The rows that the next tile will gather, by index into a matrix.
template <class T>
struct Upcoming {
  const T* rows = nullptr;  // (any, rank)
  Offset rank = 0;
  const Index* indices = nullptr;  // (n)
  Offset n = 0;
};

namespace detail {

// gram[i, j] += sum_r tile[r, i] tile[r, j] for kPanel rows i and `vectors` vectors of columns j, with
// `left`, `right` and `gram` at their first entries; `fresh` starts from zero instead of what gram holds.
// Each r also fetches the address fetch[r] + line, into the second-level cache: the first is full.
template <class T, int vectors>
inline void syrk_panel(const T* left, const T* right, Offset stride, Offset n, bool fresh, T* gram,
                       const T* const* fetch, Offset line) {
  constexpr Offset width = kSimdWidth<T>;
  Simd<T> sum[kPanel][vectors];
#pragma GCC unroll 8
  for (int p = 0; p < kPanel; ++p) {
    for (int v = 0; v < vectors; ++v) sum[p][v] = fresh ? Simd<T>{} : load(gram + p * stride + v * width);
  }
  for (Offset r = 0; r < n; ++r) {
    __builtin_prefetch(fetch[r] + line, 0, 2);
    Simd<T> columns[vectors];
    for (int v = 0; v < vectors; ++v) columns[v] = load(right + v * width);
#pragma GCC unroll 8
    for (int p = 0; p < kPanel; ++p) {
      const Simd<T> x = broadcast(left[p]);
      for (int v = 0; v < vectors; ++v) sum[p][v] += x * columns[v];
    }
    left += stride;
    right += stride;
  }
#pragma GCC unroll 8
  for (int p = 0; p < kPanel; ++p) {
    for (int v = 0; v < vectors; ++v) store(gram + p * stride + v * width, sum[p][v]);
  }
}

}  // namespace detail

// One a thread; it serves one system after the other.
template <class T>
class GramAccumulator {
 public:
  explicit GramAccumulator(Offset rank)
      : stride_(round_up(rank, std::max<Offset>(kSimdWidth<T>, kPanel))),
        tile_rows_(std::clamp<Offset>(kTileBytes / (stride_ * sizeof(T)), 32, 128)),
        tile_(tile_rows_ * stride_),
        targets_(tile_rows_),
        ones_(tile_rows_),
        fetch_(tile_rows_) {}

  // The rows that follow make up `system`, of this rank. Whatever it holds is overwritten; its sums
  // mean nothing before the first flush.
  void start(NormalSystem<T>& system) {
    system_ = &system;
    system.count = system.target_sum = T(0);
    filled_ = 0;
    fresh_ = true;
  }

  // The place of the next row (rank entries, the caller fills them), and its target. A full tile must be
  // flushed first, and the last one too. A row of weight w comes scaled by sqrt(w), as does its target,
  // and the entry `one` that the intercept has in every row.
  T* next_row(T target, T one = T(1)) {
    assert(!full());
    targets_[filled_] = target;
    ones_[filled_] = one;
    return tile_.data() + stride_ * filled_++;
  }

  bool full() const { return filled_ == tile_rows_; }
  Offset tile_rows() const { return tile_rows_; }

  // Adds the packed rows to the sums. Meanwhile the rows of the next tile are fetched, one cache line of
  // each in every pass: rows of random ids come from far away, and a burst of loads would wait for each.
  void flush(const Upcoming<T>& next = {}) {
    for (Offset r = 0; r < filled_; ++r) {
      fetch_[r] = r < next.n ? next.rows + next.indices[r] * next.rank : tile_.data();
    }
    Offset line = 0;
    for (Offset i = 0; i < stride_; i += kPanel) {
      const Offset vectors = (i + kPanel + kSimdWidth<T> - 1) / kSimdWidth<T>;
      const Offset groups = (vectors + kPanelVectors - 1) / kPanelVectors;
      Offset done = 0;
      for (Offset g = 0; g < groups; ++g) {
        const Offset share = (vectors - done + groups - g - 1) / (groups - g);
        add_panel(i, done * kSimdWidth<T>, share, std::min(line, next.rank));
        line += 64 / static_cast<Offset>(sizeof(T));
        done += share;
      }
    }
    add_border();
    filled_ = 0;
    fresh_ = false;
  }

 private:
  // Half of a small second-level cache at most: a pass reads only the columns of its panel, which fit L1.
  static constexpr Offset kTileBytes = 64 * 1024;

  void add_panel(Offset i, Offset j, Offset vectors, Offset line) {
    const T *left = tile_.data() + i, *right = tile_.data() + j;
    T* gram = system_->gram() + i * stride_ + j;
    if (vectors == 1) {
      detail::syrk_panel<T, 1>(left, right, stride_, filled_, fresh_, gram, fetch_.data(), line);
    } else if (vectors == 2) {
      detail::syrk_panel<T, 2>(left, right, stride_, filled_, fresh_, gram, fetch_.data(), line);
    } else {
      detail::syrk_panel<T, kPanelVectors>(left, right, stride_, filled_, fresh_, gram, fetch_.data(), line);
    }
  }

  // s += sum_r 1_r x_r and b += sum_r t_r x_r, up to four vectors of columns at a time.
  void add_border() {
    constexpr Offset width = kSimdWidth<T>;
    Offset j = 0;
    for (; j + 4 * width <= stride_; j += 4 * width) add_border_columns<4>(j);
    for (; j + 2 * width <= stride_; j += 2 * width) add_border_columns<2>(j);
    for (; j < stride_; j += width) add_border_columns<1>(j);
    for (Offset r = 0; r < filled_; ++r) {
      system_->target_sum += targets_[r] * ones_[r];
      system_->count += ones_[r] * ones_[r];
    }
  }

  template <int vectors>
  void add_border_columns(Offset j) {
    constexpr Offset width = kSimdWidth<T>;
    T* s = system_->sum() + j;
    T* b = system_->rhs() + j;
    Simd<T> sum[vectors], rhs[vectors];
    for (int v = 0; v < vectors; ++v) {
      sum[v] = fresh_ ? Simd<T>{} : load(s + v * width);
      rhs[v] = fresh_ ? Simd<T>{} : load(b + v * width);
    }
    const T* row = tile_.data() + j;
    for (Offset r = 0; r < filled_; ++r, row += stride_) {
      const Simd<T> t = broadcast(targets_[r]), one = broadcast(ones_[r]);
      for (int v = 0; v < vectors; ++v) {
        const Simd<T> x = load(row + v * width);
        sum[v] += one * x;
        rhs[v] += t * x;
      }
    }
    for (int v = 0; v < vectors; ++v) {
      store(s + v * width, sum[v]);
      store(b + v * width, rhs[v]);
    }
  }

  Offset stride_, tile_rows_;
  AlignedBuffer<T> tile_;        // (tile_rows, stride), padding stays zero
  AlignedBuffer<T> targets_;     // (tile_rows)
  AlignedBuffer<T> ones_;        // (tile_rows)
  std::vector<const T*> fetch_;  // (tile_rows)
  NormalSystem<T>* system_ = nullptr;
  Offset filled_ = 0;
  bool fresh_ = true;  // the system holds what an earlier one left
};

}  // namespace eckart
