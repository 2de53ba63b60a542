// The product behind a convolution and its gradient with respect to the input: weights (rows, K) times the
// patches (K, positions) of an image, K running over channels and taps.
#pragma once

#include <algorithm>
#include <optional>
#include <vector>

#include "correlation_cut.hpp"
#include "eckart/base/buffer_pool.hpp"
#include "eckart/base/parallel.hpp"
#include "eckart/linalg/packing.hpp"
#include "panels.hpp"

namespace eckart {

template <class T>
class Correlator {
 public:
  struct Scratch {
    PooledBuffer<T> planes, panel, sums, results;
  };

  explicit Correlator(const Correlation<T>& c)
      : c_(c),
        cut_(c),
        y_(c.y),
        x_(cut_.inside ? widened<T>(c.x) : c.x),
        shape_(y_, x_, cut_.y_rows),
        out_x_(cut_.inside ? x_.count : c.out_x),
        row_step_(cut_.inside ? y_.count * x_.count : c.out_y * c.out_x),
        packed_(c.groups * c.rows * cut_.depth) {
    if (cut_.inside) {
      inside_.emplace(c.y, c.x, c.in_y, c.in_x, c.out_x, shape_);
      y_.out_start = 0;
      y_.out_step = 1;
    }
    const auto taps = shape_.tap_offsets(y_, x_);
    for (Offset channel = 0; channel < c.channels; ++channel) {
      for (Offset tap : taps) from_.push_back(channel * shape_.channel + tap);
      for (Offset k : c.y.taps) {
        for (Offset l : c.x.taps) weight_.push_back(channel * c.channel_step + k * c.kernel_x + l);
      }
    }
    panels_ = panels(cut_.images, cut_.y_rows);
  }

  void run(const Execution& execution) {
    pack_weights(execution);
    const Offset tasks = cut_.image_tasks * cut_.y_tasks * c_.groups * cut_.row_blocks;
    const double work = 2.0 * c_.images * c_.groups * c_.rows * (cut_.depth + 1) * c_.y.count * c_.x.count;
    parallel_for(
        tasks, work, execution, [&] { return scratch(); },
        [&](Scratch& s, Offset task) { compute(s, task); });
  }

 private:
  static constexpr Offset lanes = kSimdWidth<T>, width = kPanelVectors * kSimdWidth<T>;

  Scratch scratch() const {
    const Offset images = cut_.inside ? 1 : cut_.images;
    Scratch s{PooledBuffer<T>(images * c_.channels * shape_.channel + width),
              PooledBuffer<T>(cut_.slab * width + lanes), PooledBuffer<T>(n_sums()),
              PooledBuffer<T>(cut_.inside ? c_.rows * row_step_ : 0)};
    if (cut_.inside) std::fill_n(s.planes.data(), c_.channels * shape_.channel, T(0));
    return s;
  }

  // Of a whole task, where the product takes more than one slab.
  Offset n_sums() const {
    return cut_.slab < cut_.depth ? static_cast<Offset>(panels_.size()) * c_.rows * width : 0;
  }

  std::vector<Panel> panels(Offset images, Offset rows) const {
    return Panels(y_, x_, cut_.inside ? 1 : images, rows, shape_, c_.channels * shape_.channel,
                  c_.groups * c_.rows * row_step_, out_x_, lanes, cut_.direct)
        .all;
  }

  // Of every group and tile: (depth, height), the last tile of a group as high as it is.
  void pack_weights(const Execution& execution) {
    const Offset tiles = (c_.rows + cut_.height - 1) / cut_.height;
    const bool contiguous = weight_.empty() || weight_.back() == cut_.depth - 1;
    parallel_ranges(c_.groups * tiles, 1, 4.0 * c_.groups * c_.rows * cut_.depth, execution,
                    [&](Offset item, Offset) {
                      const Offset group = item / tiles, first = item % tiles * cut_.height;
                      const Offset height = std::min(cut_.height, c_.rows - first);
                      const T* from = c_.weights + group * c_.group_step + first * c_.row_step;
                      T* to = tile_weights(group, first);
                      if (contiguous) return pack_rows(from, c_.row_step, Offset{1}, height, cut_.depth, to);
                      for (Offset t = 0; t < cut_.depth; ++t) {
                        for (Offset r = 0; r < height; ++r) *to++ = from[r * c_.row_step + weight_[t]];
                      }
                    });
  }

  T* tile_weights(Offset group, Offset row) { return packed_.data() + (group * c_.rows + row) * cut_.depth; }

  void compute(Scratch& s, Offset task) {
    const Offset block = task % cut_.row_blocks;
    task /= cut_.row_blocks;
    const Offset group = task % c_.groups;
    task /= c_.groups;
    const Offset row = task % cut_.y_tasks * cut_.y_rows, image = task / cut_.y_tasks * cut_.images;
    const Offset images = std::min(cut_.images, c_.images - image);
    const Offset rows = std::min(cut_.y_rows, c_.y.count - row);
    const Offset in_plane = c_.in_y * c_.in_x, out_plane = c_.out_y * c_.out_x;
    const T* end_of_input = c_.in + c_.images * c_.groups * c_.channels * in_plane;
    const T* in = c_.in + (image * c_.groups + group) * c_.channels * in_plane;
    T* out = c_.out + (image * c_.groups + group) * c_.rows * out_plane +
             (c_.y.out_start + row * c_.y.out_step) * c_.out_x + c_.x.out_start;
    const Offset share = round_up((c_.rows + cut_.row_blocks - 1) / cut_.row_blocks, cut_.height);
    const Offset begin = std::min(c_.rows, block * share), end = std::min(c_.rows, begin + share);
    if (inside_) {
      inside_->read(in, end_of_input, images, c_.groups * c_.channels * in_plane, c_.channels, shape_.channel,
                    s.planes.data());
      multiply(s, panels_, group, begin, end, s.results.data());
      inside_->write(s.results.data() + begin * row_step_, end - begin, images,
                     c_.groups * c_.rows * out_plane, out_plane, out + begin * out_plane);
      return;
    }
    for (Offset i = 0; i < images; ++i) {
      copy_planes(in + i * c_.groups * c_.channels * in_plane, end_of_input, c_.in_y, c_.in_x, c_.channels,
                  c_.y, c_.x, row, shape_, s.planes.data() + i * c_.channels * shape_.channel);
    }
    if (images == cut_.images && rows == cut_.y_rows) {
      multiply(s, panels_, group, begin, end, out);
    } else {
      multiply(s, panels(images, rows), group, begin, end, out);
    }
  }

  // A slab of the weights stays in the cache for all panels.
  void multiply(Scratch& s, const std::vector<Panel>& panels, Offset group, Offset begin, Offset end,
                T* out) {
    Offset first = 0;
    do {
      const Offset depth = std::min(cut_.slab, cut_.depth - first);
      T* sums = s.sums.data();
      for (const Panel& panel : panels) {
        if (!cut_.direct) pack(s, panel, first, depth);
        for (Offset i = begin; i < end; i += cut_.height) {
          const Offset height = std::min(cut_.height, c_.rows - i);
          const T* a = tile_weights(group, i) + first * height;
          with_constant<kPanel>(height, [&](auto rows) {
            with_constant<kPanelVectors>(panel.vectors, [&](auto vectors) {
              tile<decltype(rows)::value, decltype(vectors)::value>(s, panel, a, first, depth, group, i,
                                                                    sums + i * width, out);
            });
          });
        }
        sums += c_.rows * width;
      }
      first += cut_.slab;
    } while (first < cut_.depth);
  }

  void pack(Scratch& s, const Panel& panel, Offset first, Offset depth) const {
    const T* planes = s.planes.data();
    const Offset* steps = from_.data() + first;
    const Offset stride = panel.vectors * lanes, n = static_cast<Offset>(panel.copies.size());
    if (n > 8) return pack_copies(panel.copies.data(), n, planes, steps, depth, stride, s.panel.data());
    with_constant<8>(n, [&](auto copies) {  // a loop whose bounds are known
      pack_copies(panel.copies.data(), decltype(copies)::value, planes, steps, depth, stride, s.panel.data());
    });
  }

  static inline void pack_copies(const Copy* copies, Offset n, const T* planes, const Offset* steps,
                                 Offset depth, Offset stride, T* to) {
    for (Offset t = 0; t < depth; ++t, to += stride) {
      const T* from = planes + steps[t];
      for (Offset i = 0; i < n; ++i) store(to + copies[i].lane, load(from + copies[i].from));
    }
  }

  template <int rows, int vectors>
  void tile(Scratch& s, const Panel& panel, const T* a, Offset first, Offset depth, Offset group, Offset i,
            T* partial, T* out) const {
    Simd<T> sum[rows][vectors];
#pragma GCC unroll 8
    for (int r = 0; r < rows; ++r) {
      const Simd<T> start = c_.bias ? broadcast(c_.bias[group * c_.rows + i + r]) : Simd<T>{};
      for (int v = 0; v < vectors; ++v)
        sum[r][v] = first == 0 ? start : load(partial + r * width + v * lanes);
    }
    if (cut_.direct) {
      const T* b[vectors];
      for (int v = 0; v < vectors; ++v) b[v] = s.planes.data() + panel.runs[v].from;
      gathered_product<T>(a, 1, rows, b, from_.data() + first, depth, sum);
    } else {
      panel_product<T>(a, 1, rows, s.panel.data(), Offset{vectors * lanes}, depth, sum);
    }
    if (first + depth < cut_.depth) {
#pragma GCC unroll 8
      for (int r = 0; r < rows; ++r) {
        for (int v = 0; v < vectors; ++v) store(partial + r * width + v * lanes, sum[r][v]);
      }
    } else {
      activate<T>(c_.activation, sum);
      write<rows, vectors>(panel, sum, out + i * row_step_);
    }
  }

  template <int rows, int vectors>
  void write(const Panel& panel, const Simd<T> (&sum)[rows][vectors], T* out) const {
    T line[(vectors + 1) * lanes];  // a spilling run may begin in the middle of the last vector
#pragma GCC unroll 8
    for (int r = 0; r < rows; ++r, out += row_step_) {
      T* to = panel.whole ? out + panel.runs.front().to : line;
      for (int v = 0; v < vectors; ++v) store(to + v * lanes, sum[r][v]);
      if (!panel.whole) write_runs(panel, line, out);
    }
  }

  void write_runs(const Panel& panel, const T* line, T* out) const {
    for (const Run& run : panel.writes) {
      if (run.spill) {
        for (Offset j = 0; j < run.length; j += lanes) store(out + run.to + j, load(line + run.lane + j));
      } else if (x_.out_step == 1) {
        copy_row(line + run.lane, run.length, out + run.to);
      } else {
        for (Offset j = 0; j < run.length; ++j) out[run.to + j * x_.out_step] = line[run.lane + j];
      }
    }
  }

  const Correlation<T>& c_;
  CorrelationCut<T> cut_;
  Axis y_, x_;  // of the planes and of what a task writes: c_'s, but with images inside
  PlaneShape shape_;
  Offset out_x_, row_step_;
  std::optional<ImagesInside<T>> inside_;
  std::vector<Offset> from_, weight_;  // of each of the K: where in the planes, where in the weights
  std::vector<Panel> panels_;          // of a whole task
  PooledBuffer<T> packed_;
};

}  // namespace eckart
