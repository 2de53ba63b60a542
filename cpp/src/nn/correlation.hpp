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
        copy_(c.y, c.x, c.in_y, c.in_x, shape_),
        out_x_(cut_.inside ? x_.count : c.out_x),
        row_step_(cut_.inside ? y_.count * x_.count : c.out_y * c.out_x) {
    if (cut_.inside) {
      inside_.emplace(c.y, c.x, c.in_y, c.in_x, c.out_x, shape_);
      y_.out_start = 0;
      y_.out_step = 1;
    }
    list_taps();
    panels_ = panels(cut_.images, cut_.y_rows);
    const Offset uses = static_cast<Offset>(panels_.size()) * cut_.image_tasks * cut_.y_tasks;
    in_place_ = uses <= kFewUses && in_order();
    if (!in_place_) packed_.emplace(c.groups * c.rows * cut_.depth);
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
  static constexpr Offset kFewUses = 8;  // of the weights, for which they are not packed

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

  // By rows of the kernel, those that see only padding can be left out. The number of images has no say in
  // the order: their results do not depend on it.
  void list_taps() {
    const Offset rows = static_cast<Offset>(c_.y.taps.size()),
                 columns = static_cast<Offset>(c_.x.taps.size());
    const auto offsets = shape_.tap_offsets(y_, x_);
    const Offset outer = cut_.by_rows ? rows : c_.channels, inner = cut_.by_rows ? c_.channels : rows;
    for (Offset i = 0; i < outer; ++i) {
      for (Offset j = 0; j < inner; ++j) {
        const Offset channel = cut_.by_rows ? j : i, k = cut_.by_rows ? i : j;
        for (Offset l = 0; l < columns; ++l) {
          from_.push_back(channel * shape_.channel + offsets[k * columns + l]);
          weight_.push_back(channel * c_.channel_step + c_.y.taps[k] * c_.kernel_x + c_.x.taps[l]);
        }
      }
    }
  }

  std::vector<Panel> panels(Offset images, Offset rows) const {
    const PanelLayout layout{y_,
                             x_,
                             shape_,
                             cut_.inside ? 1 : images,
                             rows,
                             c_.channels * shape_.channel,
                             c_.groups * c_.rows * row_step_,
                             out_x_};
    auto all = Panels(layout, lanes, cut_.reading).all;
    for (Panel& panel : all) {
      panel.end = cut_.depth;
      if (cut_.inside) leave_out_padding(panel);
    }
    return all;
  }

  void leave_out_padding(Panel& panel) const {
    const Offset rows = static_cast<Offset>(c_.y.taps.size());
    Offset first = rows, last = 0;
    for (Offset read : panel.reads) {
      for (Offset k = 0; k < rows; ++k) {
        if (!c_.y.inside(read / shape_.pitch, static_cast<std::size_t>(k), c_.in_y)) continue;
        first = std::min(first, k);
        last = std::max(last, k + 1);
      }
    }
    const Offset row_taps = cut_.depth / std::max<Offset>(1, rows);
    panel.begin = std::min(first, last) * row_taps;
    panel.end = last * row_taps;
  }

  // Of every group and tile: (depth, height), the last tile of a group as high as it is.
  void pack_weights(const Execution& execution) {
    const Offset tiles = (c_.rows + cut_.height - 1) / cut_.height;
    if (in_place_) return;
    const bool contiguous = in_order();
    parallel_ranges(c_.groups * tiles, 1, 4.0 * c_.groups * c_.rows * cut_.depth, execution,
                    [&](Offset item, Offset) {
                      const Offset group = item / tiles, first = item % tiles * cut_.height;
                      const Offset height = std::min(cut_.height, c_.rows - first);
                      const T* from = c_.weights + group * c_.group_step + first * c_.row_step;
                      T* to = packed_weights(group, first);
                      if (contiguous) return pack_rows(from, c_.row_step, Offset{1}, height, cut_.depth, to);
                      for (Offset t = 0; t < cut_.depth; ++t) {
                        for (Offset r = 0; r < height; ++r) *to++ = from[r * c_.row_step + weight_[t]];
                      }
                    });
  }

  // Of a tile: (depth, height), or in place (height, depth).
  T* packed_weights(Offset group, Offset row) {
    return packed_->data() + (group * c_.rows + row) * cut_.depth;
  }
  const T* tile_weights(Offset group, Offset row) {
    if (in_place_) return c_.weights + group * c_.group_step + row * c_.row_step;
    return packed_weights(group, row);
  }

  // Whether the weights of a row lie in the order of the product.
  bool in_order() const {
    for (Offset t = 0; t < cut_.depth; ++t) {
      if (weight_[t] != t) return false;
    }
    return true;
  }

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
      copy_.copy(in + i * c_.groups * c_.channels * in_plane, end_of_input, c_.channels, row,
                 s.planes.data() + i * c_.channels * shape_.channel);
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
        if (cut_.reading == Reading::packed) pack(s, panel, first, depth);
        for (Offset i = begin; i < end; i += cut_.height) {
          const Offset height = std::min(cut_.height, c_.rows - i);
          const T* a = tile_weights(group, i);
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

  // Row r and tap t of the weights stand at a[r row + t step]: constants where they are packed.
  template <class Row, class Step, int rows, int vectors>
  void add_product(const Scratch& s, const Panel& panel, const T* a, Row row, Step step, Offset first,
                   Offset depth, Simd<T> (&sum)[rows][vectors]) const {
    if (cut_.reading == Reading::packed) {
      panel_product<T>(a + first * step, row, step, s.panel.data(), Offset{vectors * lanes}, depth, sum);
      return;
    }
    const T* b[vectors];
    for (int v = 0; v < vectors; ++v) b[v] = s.planes.data() + panel.reads[v];
    const Offset begin = std::max(first, panel.begin), end = std::min(first + depth, panel.end);
    gathered_product<T>(a + begin * step, row, step, b, from_.data() + begin, end - begin, sum);
  }

  template <int rows, int vectors>
  [[gnu::noinline]] void tile(Scratch& s, const Panel& panel, const T* a, Offset first, Offset depth,
                              Offset group, Offset i, T* partial, T* out) const {
    Simd<T> sum[rows][vectors];
    if (!inside_ && first + depth >= cut_.depth) fetch_results<rows, vectors>(panel, out + i * row_step_);
#pragma GCC unroll 8
    for (int r = 0; r < rows; ++r) {
      const Simd<T> start = c_.bias ? broadcast(c_.bias[group * c_.rows + i + r]) : Simd<T>{};
      for (int v = 0; v < vectors; ++v)
        sum[r][v] = first == 0 ? start : load(partial + r * width + v * lanes);
    }
    if (in_place_) {
      add_product(s, panel, a, c_.row_step, Offset{1}, first, depth, sum);
    } else {
      add_product(s, panel, a, std::integral_constant<Offset, 1>(), std::integral_constant<Offset, rows>(),
                  first, depth, sum);
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

  // Memory that will be written is fetched while the product runs.
  template <int rows, int vectors>
  void fetch_results(const Panel& panel, const T* out) const {
    for (int r = 0; r < rows; ++r) {
      const T* to = out + r * row_step_ + panel.writes.front().to;
      for (int v = 0; v < vectors; ++v) __builtin_prefetch(to + v * lanes, 1);
    }
  }

  template <int rows, int vectors>
  void write(const Panel& panel, const Simd<T> (&sum)[rows][vectors], T* out) const {
    if (!panel.stores.empty()) {
#pragma GCC unroll 8
      for (int r = 0; r < rows; ++r, out += row_step_) {
        for (int v = 0; v < vectors; ++v) store(out + panel.stores[v], sum[r][v]);
      }
      return;
    }
    T line[(vectors + 1) * lanes];  // a spilling run may begin in the middle of the last vector
#pragma GCC unroll 8
    for (int r = 0; r < rows; ++r, out += row_step_) {
      for (int v = 0; v < vectors; ++v) store(line + v * lanes, sum[r][v]);
      write_runs(panel, line, out);
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
  PlaneCopy copy_;
  Offset out_x_, row_step_;
  std::optional<ImagesInside<T>> inside_;
  std::vector<Offset> from_, weight_;  // of each of the K: where in the planes, where in the weights
  std::vector<Panel> panels_;          // of a whole task
  bool in_place_;                      // weights are read where they lie
  std::optional<PooledBuffer<T>> packed_;
};

}  // namespace eckart
