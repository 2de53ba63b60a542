#include "eckart/nn/pooling.hpp"

#include <algorithm>
#include <cstring>
#include <limits>

#include "eckart/base/math.hpp"
#include "eckart/base/parallel.hpp"
#include "planes.hpp"

namespace eckart {

namespace {

// body(begin, end) for all planes, some of them a task.
template <class Body>
void for_chunks(Offset planes, Offset work, const Execution& run, Body body) {
  const Offset chunk = std::max<Offset>(1, (1 << 14) / std::max<Offset>(1, work));
  parallel_ranges(planes, chunk, static_cast<double>(planes * work), run, body);
}

// body(plane) for all.
template <class Body>
void for_planes(Offset planes, Offset work, const Execution& run, Body body) {
  for_chunks(planes, work, run, [&](Offset begin, Offset end) {
    for (Offset plane = begin; plane < end; ++plane) body(plane);
  });
}

// One row of outputs of a plane, of which the input ends at `end_of_x` and what may be overwritten at
// `end_of_y`: a vector of outputs at a time where all their taps lie inside the plane, which has its padding
// at the borders.
template <class T>
class MaxRow {
 public:
  MaxRow(const Window& rows, const Window& columns, const T* end_of_x, const T* end_of_y)
      : rows_(rows), columns_(columns), end_of_x_(end_of_x), end_of_y_(end_of_y) {
    const Window& w = columns;
    const Offset span = (w.kernel - 1) * w.dilation;
    inner_begin_ = std::min(w.out, (w.before + w.stride - 1) / w.stride);
    inner_end_ = w.in + w.before > span ? (w.in + w.before - span - 1) / w.stride + 1 : 0;
    inner_end_ = std::clamp(inner_end_, inner_begin_, w.out);
  }

  void compute(Offset i, const T* plane, T* y, Index* places) const {
    Offset j = border(i, 0, inner_begin_, plane, y, places);
    if (columns_.stride == 1) j = vectors<1>(i, j, plane, y, places);
    if (columns_.stride == 2) j = vectors<2>(i, j, plane, y, places);
    border(i, j, columns_.out, plane, y, places);
  }

 private:
  static constexpr Offset lanes = kSimdWidth<T>;
  using Places = decltype(Simd<T>() > Simd<T>());  // integers as wide as T
  using Indices __attribute__((vector_size(kSimdWidth<T> * sizeof(Index)))) = Index;

  template <int stride>
  Offset vectors(Offset i, Offset j, const T* plane, T* y, Index* places) const {
    const Offset top = i * rows_.stride - rows_.before;
    const bool square = rows_.kernel == columns_.kernel && rows_.dilation == 1 && columns_.dilation == 1;
    const bool whole = square && top >= 0 && top + rows_.kernel <= rows_.in;
    if (whole && rows_.kernel == 2) return vectors<stride, 2>(i, j, plane, y, places);
    if (whole && rows_.kernel == 3) return vectors<stride, 3>(i, j, plane, y, places);
    return vectors<stride, 0>(i, j, plane, y, places);
  }

  // `size`: of a square window all of which is inside; 0: whatever the windows say.
  template <int stride, int size>
  Offset vectors(Offset i, Offset j, const T* plane, T* y, Index* places) const {
    const T* last = plane + last_row(i) * columns_.in + column(0, columns_.kernel - 1);
    const Offset readable = (end_of_x_ - last) / stride, writable = end_of_y_ - y;
    const Offset end = std::min({inner_end_, readable - lanes + 1, writable - lanes + 1});
    for (; j < end; j += lanes) largest<stride, size>(i, j, plane, y, places);
    return std::min(j, inner_end_);
  }

  template <int stride, int size>
  void largest(Offset i, Offset j, const T* plane, T* y, Index* places) const {
    using Number = decltype(Places()[0] + 0);
    const Offset height = size > 0 ? size : rows_.kernel, width = size > 0 ? size : columns_.kernel;
    Simd<T> best = broadcast(-std::numeric_limits<T>::infinity());
    Places place = Places{} - 1;
#pragma GCC unroll 3
    for (Offset k = 0; k < height; ++k) {
      const Offset row = i * rows_.stride + (size > 0 ? k : k * rows_.dilation) - rows_.before;
      if (size == 0 && (row < 0 || row >= rows_.in)) continue;
#pragma GCC unroll 3
      for (Offset l = 0; l < width; ++l) {
        const Offset at = row * columns_.in + (size > 0 ? column(j, 0) + l : column(j, l));
        const Simd<T> value = strided<stride>(plane + at);
        const Places here = steps<stride>() + static_cast<Number>(at);
        Places larger = (value > best) | (value != value);  // also what is no number
        if (size == 0) larger |= place < 0;                 // and what comes first
        if (size > 0 && k + l == 0) larger = ~Places{};
        best = larger ? value : best;
        place = larger ? here : place;
      }
    }
    store(y + j, best);
    const Indices narrow = __builtin_convertvector(place, Indices);
    std::memcpy(places + j, &narrow, sizeof narrow);
  }

  template <int stride>
  static Simd<T> strided(const T* from) {
    if constexpr (stride == 2) return even_lanes(from);
    return load(from);
  }

  template <int stride>
  static Places steps() {
    Places result{};
    for (Offset l = 0; l < lanes; ++l) result[l] = stride * l;
    return result;
  }

  // One output at a time.
  Offset border(Offset i, Offset begin, Offset end, const T* plane, T* y, Index* places) const {
    for (Offset j = begin; j < end; ++j) {
      y[j] = -std::numeric_limits<T>::infinity();
      places[j] = -1;
      for (Offset k = 0; k < rows_.kernel; ++k) {
        const Offset row = i * rows_.stride + k * rows_.dilation - rows_.before;
        if (row < 0 || row >= rows_.in) continue;
        for (Offset l = 0; l < columns_.kernel; ++l) {
          if (column(j, l) < 0 || column(j, l) >= columns_.in) continue;
          const Offset at = row * columns_.in + column(j, l);
          if (plane[at] > y[j] || plane[at] != plane[at] || places[j] < 0) {
            y[j] = plane[at];
            places[j] = static_cast<Index>(at);
          }
        }
      }
    }
    return end;
  }

  Offset column(Offset j, Offset l) const {
    return j * columns_.stride + l * columns_.dilation - columns_.before;
  }
  Offset last_row(Offset i) const {
    return std::min(rows_.in - 1, i * rows_.stride + (rows_.kernel - 1) * rows_.dilation - rows_.before);
  }

  const Window &rows_, &columns_;
  const T *end_of_x_, *end_of_y_;
  Offset inner_begin_, inner_end_;  // outputs whose taps all lie inside a row
};

}  // namespace

template <class T>
void max_pool(Offset planes, const Window& rows, const Window& columns, const T* x, T* y, Index* places,
              const Execution& run) {
  const Offset out = rows.out * columns.out;
  const T* end_of_x = x + planes * rows.in * columns.in;
  for_chunks(planes, out * rows.kernel * columns.kernel, run, [&](Offset begin, Offset end) {
    const MaxRow<T> row(rows, columns, end_of_x, y + end * out);
    for (Offset plane = begin; plane < end; ++plane) {
      for (Offset i = 0; i < rows.out; ++i) {
        const Offset to = plane * out + i * columns.out;
        row.compute(i, x + plane * rows.in * columns.in, y + to, places + to);
      }
    }
  });
}

template <class T>
void max_pool_backward(Offset planes, Offset in, Offset out, const T* dy, const Index* places, T* dx,
                       const Execution& run) {
  for_planes(planes, in + 2 * out, run, [&](Offset plane) {
    T* to = dx + plane * in;
    const T* from = dy + plane * out;
    const Index* place = places + plane * out;
    std::fill_n(to, in, T(0));
    for (Offset o = 0; o < out; ++o) {
      if (place[o] >= 0) to[place[o]] += from[o];
    }
  });
}

template <class T>
void mean_pool(Offset planes, Offset in_y, Offset in_x, const std::vector<Span>& rows,
               const std::vector<Span>& columns, const T* x, T* y, const Execution& run) {
  const Offset out = static_cast<Offset>(rows.size() * columns.size());
  for_planes(planes, in_y * in_x + 2 * out, run, [&](Offset plane) {
    T* to = y + plane * out;
    for (const Span& row : rows) {
      for (const Span& column : columns) {
        T sum = 0;
        for (Offset i = row.begin; i < row.end; ++i) {
          const T* from = x + (plane * in_y + i) * in_x;
          sum += lane_sum<T>(column.end - column.begin, [&](Offset j) { return from[column.begin + j]; });
        }
        *to++ = sum / static_cast<T>(row.length * column.length);
      }
    }
  });
}

template <class T>
void mean_pool_backward(Offset planes, Offset in_y, Offset in_x, const std::vector<Span>& rows,
                        const std::vector<Span>& columns, const T* dy, T* dx, const Execution& run) {
  const Offset out = static_cast<Offset>(rows.size() * columns.size());
  for_planes(planes, 2 * in_y * in_x + 2 * out, run, [&](Offset plane) {
    T* to = dx + plane * in_y * in_x;
    const T* from = dy + plane * out;
    std::fill_n(to, in_y * in_x, T(0));
    for (const Span& row : rows) {
      for (const Span& column : columns) {
        const T share = *from++ / static_cast<T>(row.length * column.length);
        for (Offset i = row.begin; i < row.end; ++i) {
          for (Offset j = column.begin; j < column.end; ++j) to[i * in_x + j] += share;
        }
      }
    }
  });
}

#define ECKART_POOLING(T)                                                                                \
  template void max_pool(Offset, const Window&, const Window&, const T*, T*, Index*, const Execution&);  \
  template void max_pool_backward(Offset, Offset, Offset, const T*, const Index*, T*, const Execution&); \
  template void mean_pool(Offset, Offset, Offset, const std::vector<Span>&, const std::vector<Span>&,    \
                          const T*, T*, const Execution&);                                               \
  template void mean_pool_backward(Offset, Offset, Offset, const std::vector<Span>&,                     \
                                   const std::vector<Span>&, const T*, T*, const Execution&);
ECKART_POOLING(float)
ECKART_POOLING(double)

}  // namespace eckart
