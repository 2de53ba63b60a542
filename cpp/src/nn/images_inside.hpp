// Planes with images innermost, a vector of them at each position: for images so small that their rows fill
// no vector. Positions and images then count as one long row, and every vector of it can be read where it
// lies.
#pragma once

#include <algorithm>
#include <vector>

#include "planes.hpp"

namespace eckart {

// The columns of `x` as columns of vectors.
template <class T>
Axis widened(const Axis& x) {
  Axis wide = x;
  wide.count *= kSimdWidth<T>;
  wide.reach *= kSimdWidth<T>;
  wide.out_start = 0;
  wide.out_step = 1;
  for (Offset& shift : wide.shift) shift *= kSimdWidth<T>;
  return wide;
}

template <class T>
class ImagesInside {
 public:
  static constexpr Offset lanes = kSimdWidth<T>;

  // `shape` is that of the widened planes, for all rows of results.
  ImagesInside(const Axis& y, const Axis& x, Offset in_y, Offset in_x, Offset out_x,
               const PlaneShape& shape) {
    for (Offset i = 0; i < in_y; ++i) {
      for (Offset j = 0; j < in_x; ++j) in_.push_back(place(y, x, i, j, shape));
    }
    for (Offset i = 0; i < y.count; ++i) {
      for (Offset j = 0; j < x.count; ++j) out_.push_back(i * y.out_step * out_x + j * x.out_step);
    }
  }

  // Planes of up to a vector of images, `stride` numbers apart, to `planes`, whose padding is zero already.
  void read(const T* from, const T* end, Offset images, Offset stride, Offset channels, Offset channel,
            T* planes) const {
    const Offset n = static_cast<Offset>(in_.size());
    for (Offset c = 0; c < channels; ++c, from += n, planes += channel) {
      for (Offset p = 0; p < n; p += lanes) {
        Simd<T> square[lanes] = {};
        for (Offset l = 0; l < images; ++l) square[l] = load_within(from + l * stride + p, end);
        transpose<T>(square);
        for (Offset l = 0; l < std::min(lanes, n - p); ++l) {
          if (in_[p + l] >= 0) store(planes + in_[p + l], square[l]);
        }
      }
    }
  }

  // Results (rows, positions, lanes) back to images `stride` numbers apart, of rows `plane` numbers apart.
  void write(const T* from, Offset rows, Offset images, Offset stride, Offset plane, T* to) const {
    const Offset n = static_cast<Offset>(out_.size());
    for (Offset r = 0; r < rows; ++r, from += n * lanes, to += plane) {
      for (Offset p = 0; p < n; p += lanes) {
        const Offset count = std::min(lanes, n - p);
        Simd<T> square[lanes] = {};
        for (Offset l = 0; l < count; ++l) square[l] = load(from + (p + l) * lanes);
        transpose<T>(square);
        for (Offset l = 0; l < images; ++l) write_line(square[l], p, count, to + l * stride);
      }
    }
  }

 private:
  static Offset place(const Axis& y, const Axis& x, Offset i, Offset j, const PlaneShape& shape) {
    const Offset u = i - y.in_start, v = j - x.in_start;
    if (u < 0 || v < 0 || u % y.in_step >= y.phases || v % x.in_step >= x.phases) return -1;
    const Offset row = u / y.in_step, column = v / x.in_step * lanes;
    if (row >= shape.rows || column >= shape.pitch) return -1;
    return (u % y.in_step * x.phases + v % x.in_step) * shape.plane + row * shape.pitch + column;
  }

  static Simd<T> load_within(const T* p, const T* end) {
    if (end - p >= lanes) return load(p);
    T line[lanes] = {};
    std::copy(p, end, line);
    return load(line);
  }

  void write_line(Simd<T> numbers, Offset p, Offset count, T* to) const {
    if (count == lanes && out_[p + lanes - 1] == out_[p] + lanes - 1) {
      store(to + out_[p], numbers);
      return;
    }
    T line[lanes];
    store(line, numbers);
    for (Offset l = 0; l < count; ++l) to[out_[p + l]] = line[l];
  }

  std::vector<Offset> in_,
      out_;  // of each position: where in the widened planes (-1: unread), where in a result
};

}  // namespace eckart
