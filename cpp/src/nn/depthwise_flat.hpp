// Correlations of one channel with one small kernel, whose results have rows as long as the image's, or (the
// gradient of a stride) as the image's with zeros between its numbers. The plane then is one long row, read
// in whole vectors, and a tap is a distance. What a column of the kernel sees beyond the ends of rows is
// masked out, once for all rows of the kernel.
#pragma once

#include <algorithm>
#include <utility>
#include <vector>

#include "correlation_cut.hpp"
#include "eckart/base/buffer_pool.hpp"
#include "eckart/base/parallel.hpp"

namespace eckart {

template <class T>
class FlatDepthwiseCorrelator {
 public:
  static bool suits(const Correlation<T>& c) {
    const auto plain = [](const Axis& a) { return a.in_step == 1 && a.out_step == 1 && a.spread <= 2; };
    const Offset rows = static_cast<Offset>(c.y.taps.size()), columns = static_cast<Offset>(c.x.taps.size());
    return plain(c.y) && plain(c.x) && c.x.count == c.out_x && fills_a_row(c) && c.y.count == c.out_y &&
           std::clamp<Offset>(rows, 1, kRows) == rows && std::clamp<Offset>(columns, 1, kColumns) == columns;
  }

  explicit FlatDepthwiseCorrelator(const Correlation<T>& c)
      : c_(c),
        row_(c.x.count),
        size_(c.y.count * row_),
        spread_(c.x.spread > 1),
        in_((c.in_y - 1) * c.y.spread * row_ + row_),
        period_(row_) {
    while (period_ % 2 == 0 && period_ / 2 * lanes % row_ == 0) period_ /= 2;
    Offset low = 0, high = in_;
    for (std::size_t l = 0; l < c.x.taps.size(); ++l) {
      const Offset column = c.x.in_start + c.x.shift[l];
      for (std::size_t k = 0; k < c.y.taps.size(); ++k) {
        const Offset at = (c.y.in_start + c.y.shift[k]) * row_ + column;
        low = std::min(low, at);
        high = std::max(high, at + size_);
        reads_.push_back(at);
        weights_.push_back(c.y.taps[k] * c.kernel_x + c.x.taps[l]);
      }
      add_masks(column);
    }
    front_ = -low;
    padded_ = front_ + high + kVectors * lanes;
  }

  void run(const Execution& execution) {
    const Offset planes = c_.images * c_.groups, chunk = std::max<Offset>(1, kPositions / size_);
    const double work = 2.0 * planes * size_ * (reads_.size() + 1);
    parallel_for((planes + chunk - 1) / chunk, work, execution,
                 [&] {
                   PooledBuffer<T> padded(padded_);
                   std::fill_n(padded.data(), padded_, T(0));
                   return padded;
                 },
                 [&](PooledBuffer<T>& padded, Offset task) {
                   for (Offset p = task * chunk; p < std::min(planes, (task + 1) * chunk); ++p) {
                     copy(c_.in + p * c_.in_y * c_.in_x, padded.data() + front_);
                     with_constant<kRows>(static_cast<Offset>(c_.y.taps.size()), [&](auto rows) {
                       with_constant<kColumns>(static_cast<Offset>(c_.x.taps.size()), [&](auto columns) {
                         compute<decltype(rows)::value, decltype(columns)::value>(padded.data() + front_, p);
                       });
                     });
                   }
                 });
  }

 private:
  using Mask = decltype(Simd<T>{} < Simd<T>{});
  static constexpr Offset lanes = kSimdWidth<T>;
  static constexpr Offset kRows = 3, kColumns = 3;
  static constexpr Offset kPositions = 4096;                       // of a task
  static constexpr int kVectors = kVectorRegisters == 32 ? 4 : 2;  // of results at once

  static bool fills_a_row(const Correlation<T>& c) {
    return c.x.spread == 1 && c.y.spread == 1 ? c.in_x == c.x.count
                                              : c.in_x > 0 && (c.in_x - 1) * c.x.spread < c.x.count;
  }

  // Rows of zeros, and those that end one, stay as they are.
  void copy(const T* from, T* to) const {
    if (!spread_ && c_.y.spread == 1) return copy_row(from, in_, to);
    const T* end = c_.in + c_.images * c_.groups * c_.in_y * c_.in_x;
    for (Offset i = 0; i < c_.in_y; ++i, from += c_.in_x, to += c_.y.spread * row_) {
      if (!spread_) {
        copy_row(from, c_.in_x, to);
        continue;
      }
      Offset j = 0;
      for (; j + lanes <= c_.in_x; j += lanes) spread(load(from + j), to + 2 * j);
      if (j == c_.in_x) continue;
      if (end - from >= j + lanes && c_.y.spread == 2) {
        spread((Simd<T>)((Mask)load(from + j) & first_lanes(c_.in_x - j)), to + 2 * j);
      } else {
        for (; j < c_.in_x; ++j) to[2 * j] = from[j];
      }
    }
  }

  static Mask first_lanes(Offset n) {
    Mask mask{};
    for (Offset l = 0; l < lanes; ++l) mask[l] = l < n ? -1 : 0;
    return mask;
  }

  // x[0], 0, x[1], 0 ...
  static void spread(Simd<T> x, T* to) {
    spread_half<0>(x, to, std::make_index_sequence<static_cast<std::size_t>(lanes)>());
    spread_half<lanes / 2>(x, to + lanes, std::make_index_sequence<static_cast<std::size_t>(lanes)>());
  }
  template <Offset first, std::size_t... lane>
  static void spread_half(Simd<T> x, T* to, std::index_sequence<lane...>) {
    store(to, __builtin_shufflevector(x, Simd<T>{},
                                      (int(lane) % 2 ? int(lanes) : int(first) + int(lane) / 2)...));
  }

  // Of each vector until they repeat: its positions whose neighbour at this distance is in the same row.
  void add_masks(Offset column) {
    for (Offset v = 0; v < period_; ++v) {
      Mask mask{};
      for (Offset l = 0; l < lanes; ++l) {
        const Offset j = (v * lanes + l) % row_ + column;
        mask[l] = j >= 0 && j < row_ ? -1 : 0;
      }
      masks_.push_back(mask);
    }
  }

  template <int rows, int columns>
  [[gnu::noinline]] void compute(const T* in, Offset plane) const {
    const Offset group = plane % c_.groups;
    const T* from = c_.weights + group * c_.group_step;
    Simd<T> w[columns][rows];
    const T* x[columns][rows];
    for (int l = 0; l < columns; ++l) {
      for (int k = 0; k < rows; ++k) {
        w[l][k] = broadcast(from[weights_[l * rows + k]]);
        x[l][k] = in + reads_[l * rows + k];
      }
    }
    const Simd<T> bias = broadcast(c_.bias ? c_.bias[group] : T(0));
    T* out = c_.out + plane * size_;
    Offset v = 0;
    for (Offset p = 0; p < size_; p += kVectors * lanes) {
      Simd<T> sum[1][kVectors];
#pragma GCC unroll 4
      for (int r = 0; r < kVectors; ++r) {
        sum[0][r] = bias;
#pragma GCC unroll 3
        for (int l = 0; l < columns; ++l) {
          Simd<T> column = w[l][0] * load(x[l][0] + p + r * lanes);
#pragma GCC unroll 3
          for (int k = 1; k < rows; ++k) column += w[l][k] * load(x[l][k] + p + r * lanes);
          sum[0][r] += (Simd<T>)((Mask)column & masks_[l * period_ + v]);
        }
        if (++v == period_) v = 0;
      }
      activate<T>(c_.activation, sum);
      for (int r = 0; r < kVectors; ++r) write(sum[0][r], out, p + r * lanes);
    }
  }

  void write(Simd<T> x, T* out, Offset p) const {
    if (p + lanes <= size_) return store(out + p, x);
    T line[lanes];
    store(line, x);
    for (Offset j = p; j < size_; ++j) out[j] = line[j - p];
  }

  const Correlation<T>& c_;
  Offset row_, size_;                    // numbers of a row, of the results
  bool spread_;                          // whether numbers of a row stand two apart
  Offset in_, period_;                   // numbers of the image; vectors until masks repeat
  std::vector<Offset> reads_, weights_;  // of the taps, column by column
  std::vector<Mask> masks_;              // (columns, period)
  Offset front_, padded_;                // numbers before the plane, and in all
};

}  // namespace eckart
