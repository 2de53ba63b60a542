// A correlation of stride one along both axes, to which every convolution is reduced, and the padded copy of
// the image that it reads.
//
// A stride of s reads input positions s j + (s shift + phase): the copy keeps the s phases apart, and within
// a phase the tap is a shift. The gradient of such a convolution is, for each of the s phases of its own
// output, a correlation with the taps of that phase, mirrored.
#pragma once

#include <algorithm>
#include <vector>

#include "eckart/base/simd.hpp"
#include "eckart/nn/window.hpp"
#include "pairs.hpp"

namespace eckart {

// Position j < count of the result stands at out_start + j out_step; its tap t reads the input at
// in_start + (j + shift[t]) in_step + phase[t].
struct Axis {
  Offset count = 0, out_start = 0, out_step = 1, in_start = 0, in_step = 1;
  std::vector<Offset> taps, shift, phase;  // index into the kernel; of each tap
  Offset reach = 0, phases = 1;            // the largest shift, one more than the largest phase
  Offset spread = 1;                       // the input counts with spread - 1 zeros after each number

  // Whether position j sees the input, of n positions, through its t-th tap; else padding.
  bool inside(Offset j, std::size_t t, Offset n) const {
    const Offset at = in_start + (j + shift[t]) * in_step + phase[t];
    return at >= 0 && at < n;
  }
};

inline Axis forward_axis(const Window& w) {
  Axis axis;
  axis.count = w.out;
  axis.in_start = -w.before;
  axis.in_step = w.stride;
  for (Offset k = 0; k < w.kernel; ++k) {
    axis.taps.push_back(k);
    axis.shift.push_back(k * w.dilation / w.stride);
    axis.phase.push_back(k * w.dilation % w.stride);
    axis.reach = std::max(axis.reach, axis.shift.back());
    axis.phases = std::max(axis.phases, axis.phase.back() + 1);
  }
  return axis;
}

// The input positions i with (i + before) % stride == phase, as results of the output's.
inline Axis backward_axis(const Window& w, Offset phase) {
  Axis axis;
  const Offset first =
      std::max<Offset>(0, (w.before - phase + w.stride - 1) / w.stride);  // i + before = first stride + phase
  axis.out_start = first * w.stride + phase - w.before;
  axis.out_step = w.stride;
  axis.count = std::max<Offset>(0, (w.in - axis.out_start + w.stride - 1) / w.stride);
  for (Offset k = 0; k < w.kernel; ++k) {
    if (k * w.dilation % w.stride == phase) axis.reach = k * w.dilation / w.stride;
  }
  const Offset low = axis.reach;
  Offset most = 0;
  for (Offset k = 0; k < w.kernel; ++k) {
    if (k * w.dilation % w.stride != phase) continue;
    axis.taps.push_back(k);
    axis.shift.push_back(low - k * w.dilation / w.stride);
    axis.phase.push_back(0);
    most = std::max(most, axis.shift.back());
  }
  axis.in_start = first - low;
  axis.reach = most;
  return axis;
}

// The copy of `rows` rows of results' worth of some channels: (channel, phase y, phase x, row, column).
struct PlaneShape {
  Offset rows, pitch, plane;  // of one phase
  Offset channel;             // numbers

  PlaneShape(const Axis& y, const Axis& x, Offset result_rows)
      : rows(result_rows + y.reach),
        pitch(x.count + x.reach),
        plane(rows * pitch),
        channel(plane * y.phases * x.phases) {}

  // Of every tap of a channel, in the order of the kernel.
  std::vector<Offset> tap_offsets(const Axis& y, const Axis& x) const {
    std::vector<Offset> offsets;
    for (std::size_t k = 0; k < y.taps.size(); ++k) {
      for (std::size_t l = 0; l < x.taps.size(); ++l) {
        offsets.push_back((y.phase[k] * x.phases + x.phase[l]) * plane + y.shift[k] * pitch + x.shift[l]);
      }
    }
    return offsets;
  }
};

// A line of the copy: to[j] = from[start + j step] for first <= j < last, zero for the other j < count.
struct Line {
  Offset start, step, first, last, count;
  Offset spread = 1;

  Line(Offset n, Offset start, Offset step, Offset count)
      : start(start),
        step(step),
        first(std::clamp<Offset>(start < 0 ? (-start + step - 1) / step : 0, 0, count)),
        last(std::clamp<Offset>(n > start ? (n - start + step - 1) / step : 0, first, count)),
        count(count) {}

  // Of an input with zeros between its n numbers, where the step is 1.
  static Line spread_out(Offset n, Offset start, Offset spread, Offset count) {
    Line line((n - 1) * spread + 1, start, 1, count);
    line.spread = spread;
    return line;
  }

  // Up to a vector beyond the line is overwritten: lines are copied in the order in which they lie. `end` is
  // where the memory of `from` ends.
  template <class T>
  void copy(const T* from, const T* end, T* to) const {
    constexpr Offset lanes = kSimdWidth<T>;
    constexpr Offset ahead = 1024 / static_cast<Offset>(sizeof(T));
    if (spread > 1) return copy_spread(from, to);
    from += start;
    fill(to, 0, first);
    if (step == 2 && end - from >= 2 * (last + lanes)) {
      for (Offset j = first; j < last; j += lanes) store(to + j, even_lanes(from + 2 * j));
    } else if (step != 1) {
      for (Offset j = first; j < last; ++j) to[j] = from[j * step];
    } else if (end - from >= last + lanes) {
      for (Offset j = first; j < last; j += lanes) {
        __builtin_prefetch(from + j + ahead);
        store(to + j, load(from + j));
      }
    } else {
      copy_row(from + first, last - first, to + first);
    }
    fill(to, last, count);
  }

  template <class T>
  void copy_spread(const T* from, T* to) const {
    fill(to, 0, count);
    const Offset number = (start + first + spread - 1) / spread;  // the first one that is seen
    from += number;
    for (Offset j = number * spread - start; j < last; j += spread) to[j] = *from++;
  }

  template <class T>
  static void fill(T* to, Offset begin, Offset end) {
    for (Offset j = begin; j < end; j += kSimdWidth<T>) store(to + j, Simd<T>{});
  }
};

// Copies planes (in_y, in_x) as the axes see them.
class PlaneCopy {
 public:
  PlaneCopy(const Axis& y, const Axis& x, Offset in_y, Offset in_x, const PlaneShape& shape)
      : y_(y), in_y_(in_y), in_x_(in_x), shape_(shape) {
    if (x.spread > 1) {
      lines_.push_back(Line::spread_out(in_x, x.in_start, x.spread, shape.pitch));
      return;
    }
    for (Offset px = 0; px < x.phases; ++px) {
      lines_.emplace_back(in_x, x.in_start + px, x.in_step, shape.pitch);
    }
  }

  // `channels` planes, for the results' rows from `first_row` on; up to a vector beyond is overwritten. `end`
  // is where the memory of `from` ends.
  template <class T>
  void copy(const T* from, const T* end, Offset channels, Offset first_row, T* to) const {
    for (Offset c = 0; c < channels; ++c, from += in_y_ * in_x_) {
      for (Offset py = 0; py < y_.phases; ++py) {
        for (const Line& line : lines_) {
          Offset i = y_.in_start + first_row * y_.in_step + py;
          for (Offset r = 0; r < shape_.rows; ++r, i += y_.in_step, to += shape_.pitch) {
            const Offset row = y_.spread == 1 ? i : i % y_.spread == 0 ? i / y_.spread : -1;
            if (row >= 0 && row < in_y_) {
              line.copy(from + row * in_x_, end, to);
            } else {
              Line::fill(to, 0, shape_.pitch);
            }
          }
        }
      }
    }
  }

 private:
  Axis y_;
  Offset in_y_, in_x_;
  PlaneShape shape_;
  std::vector<Line> lines_;
};

}  // namespace eckart
