// Correlations of one channel with one kernel: a few operations for each number read, so no panels and no
// packing. Several rows of results are summed at once, and each vector of the input is used for all of them
// that see it through the same column of the kernel.
#pragma once

#include <algorithm>
#include <vector>

#include "convolution_split.hpp"
#include "correlation.hpp"
#include "depthwise_flat.hpp"

namespace eckart {

template <class T>
class DepthwiseCorrelator {
 public:
  explicit DepthwiseCorrelator(const Correlation<T>& c)
      : c_(c),
        shape_(c.y, c.x, c.y.count),
        copy_(c.y, c.x, c.in_y, c.in_x, shape_),
        row_(round_up(c.x.count, lanes)),
        result_(round_up(c.y.count, kRows) * row_) {
    for (std::size_t l = 0; l < c.x.taps.size(); ++l) {
      for (std::size_t k = 0; k < c.y.taps.size(); ++k) add_tap(k, l);
    }
  }

  void run(const Execution& execution) {
    const Offset planes = c_.images * c_.groups, size = c_.y.count * c_.x.count;
    const double work = 2.0 * planes * size * (c_.y.taps.size() * c_.x.taps.size() + 1);
    const Offset chunk = std::max<Offset>(1, kPositions / size);
    parallel_for(
        (planes + chunk - 1) / chunk, work, execution, [&] { return scratch(chunk); },
        [&](Scratch& s, Offset task) { compute(s, task * chunk, std::min(planes, (task + 1) * chunk)); });
  }

 private:
  static constexpr Offset lanes = kSimdWidth<T>;
  static constexpr int kRows = 7, kHeight = 7;  // of results at once; of taps below each other
  static constexpr Offset kPositions = 4096;    // of a task

  // Taps of one column, each reading one row below the one before.
  struct Column {
    Offset from;  // where in the planes the first one reads
    std::vector<Offset> weights;
  };

  struct Scratch {
    PooledBuffer<T> planes, weights, results;
  };

  // Taps are visited by column. The gradient's go upwards: there the new tap stands before the column.
  void add_tap(std::size_t k, std::size_t l) {
    const Offset from = (c_.y.phase[k] * c_.x.phases + c_.x.phase[l]) * shape_.plane +
                        c_.y.shift[k] * shape_.pitch + c_.x.shift[l];
    const Offset weight = c_.y.taps[k] * c_.kernel_x + c_.x.taps[l];
    for (Column& column : columns_) {
      const Offset height = static_cast<Offset>(column.weights.size());
      if (height == kHeight) continue;
      if (column.from + height * shape_.pitch == from) return column.weights.push_back(weight);
      if (column.from - shape_.pitch == from) {
        column.from = from;
        column.weights.insert(column.weights.begin(), weight);
        return;
      }
    }
    columns_.push_back({from, {weight}});
  }

  // Rows and vectors are read beyond a plane: whatever stands there ends in results that nobody reads.
  Scratch scratch(Offset chunk) const {
    return {PooledBuffer<T>(chunk * shape_.channel + kRows * shape_.pitch + lanes),
            PooledBuffer<T>(static_cast<Offset>(c_.y.taps.size() * c_.x.taps.size())),
            PooledBuffer<T>(chunk * result_)};
  }

  // Some planes, one step after the other: a number that has just been stored cannot be read at once in
  // another vector than its own.
  void compute(Scratch& s, Offset begin, Offset end) const {
    const Offset in = c_.in_y * c_.in_x;
    const T* end_of_input = c_.in + c_.images * c_.groups * in;
    for (Offset p = begin; p < end; ++p) {
      copy_.copy(c_.in + p * in, end_of_input, Offset{1}, Offset{0},
                 s.planes.data() + (p - begin) * shape_.channel);
    }
    for (Offset p = begin; p < end; ++p) {
      const Offset group = p % c_.groups;
      T* w = s.weights.data();
      for (const Column& column : columns_) {
        for (Offset weight : column.weights) *w++ = c_.weights[group * c_.group_step + weight];
      }
      const T* planes = s.planes.data() + (p - begin) * shape_.channel;
      T* to = s.results.data() + (p - begin) * result_;
      for (Offset i = 0; i < c_.y.count; i += kRows) {
        for (Offset j = 0; j < c_.x.count; j += lanes) {
          multiply(planes + i * shape_.pitch + j, s.weights.data(), c_.bias ? c_.bias[group] : T(0),
                   to + i * row_ + j);
        }
      }
    }
    for (Offset p = begin; p < end; ++p) write(s.results.data() + (p - begin) * result_, p);
  }

  // A vector of kRows rows of results.
  void multiply(const T* planes, const T* weights, T bias, T* to) const {
    Simd<T> sum[1][kRows];
    for (int r = 0; r < kRows; ++r) sum[0][r] = broadcast(bias);
    for (const Column& column : columns_) {
      with_constant<kHeight>(static_cast<Offset>(column.weights.size()), [&](auto height) {
        add_column<decltype(height)::value>(planes + column.from, weights, sum[0]);
      });
      weights += column.weights.size();
    }
    activate<T>(c_.activation, sum);
    for (int r = 0; r < kRows; ++r) store(to + r * row_, sum[0][r]);
  }

  template <int height>
  void add_column(const T* from, const T* weights, Simd<T> (&sum)[kRows]) const {
    Simd<T> w[height];
    for (int k = 0; k < height; ++k) w[k] = broadcast(weights[k]);
#pragma GCC unroll 16
    for (int i = 0; i < kRows + height - 1; ++i) {
      const Simd<T> x = in_register<T>(load(from + i * shape_.pitch));
#pragma GCC unroll 8
      for (int k = 0; k < height; ++k) {
        if (i - k >= 0 && i - k < kRows) sum[i - k] += w[k] * x;
      }
    }
  }

  void write(const T* from, Offset plane) const {
    const Offset n = c_.x.count, step = c_.x.out_step, rows = c_.y.count;
    T* to = c_.out + plane * c_.out_y * c_.out_x + c_.y.out_start * c_.out_x + c_.x.out_start;
    const bool dense = step == 1 && c_.y.out_step == 1;
    for (Offset i = 0; i < rows; ++i, from += row_, to += c_.y.out_step * c_.out_x) {
      if (dense && i * n + round_up(n, lanes) <= rows * n) {  // what is too much, the next row overwrites
        for (Offset j = 0; j < n; j += lanes) store(to + j, load(from + j));
      } else if (step == 1) {
        copy_row(from, n, to);
      } else {
        for (Offset j = 0; j < n; ++j) to[j * step] = from[j];
      }
    }
  }

  const Correlation<T>& c_;
  PlaneShape shape_;
  PlaneCopy copy_;
  Offset row_, result_;  // numbers of a row of results, of a plane of them, filled up
  std::vector<Column> columns_;
};

template <class T>
bool is_depthwise(const Correlation<T>& c) {
  return c.channels == 1 && c.rows == 1;
}

// The correlation, by the way that suits it.
template <class T>
void correlate(const Correlation<T>& c, const Execution& run) {
  if (c.images * c.groups * c.rows * c.y.count * c.x.count == 0) return;
  if (is_depthwise(c)) {
    if (FlatDepthwiseCorrelator<T>::suits(c)) return FlatDepthwiseCorrelator<T>(c).run(run);
    return DepthwiseCorrelator<T>(c).run(run);
  }
  if constexpr (std::is_same_v<T, float>) {
    if (is_split(c) && correlate_split(c, run)) return;
  }
  Correlator<T>(c).run(run);
}

}  // namespace eckart
