#include <algorithm>
#include <cstring>
#include <limits>

#include "eckart/base/vector_loop.hpp"
#include "eckart/nn/pooling.hpp"
#include "pairs.hpp"
#include "pooling_tasks.hpp"

namespace eckart {

namespace {

template <class T>
using Places = decltype(Simd<T>() > Simd<T>());  // integers as wide as T
template <class T>
using Number = decltype(Places<T>()[0] + 0);

// from, from + step, from + 2 step, ...
template <class T>
Places<T> count(Offset from, Offset step) {
  Places<T> result;
  for (Offset l = 0; l < kSimdWidth<T>; ++l) result[l] = static_cast<Number<T>>(from + l * step);
  return result;
}

template <class T>
using Indices __attribute__((vector_size(kSimdWidth<T> * sizeof(Index)))) = Index;

template <class T>
Places<T> load_places(const Index* from) {
  Indices<T> narrow;
  std::memcpy(&narrow, from, sizeof narrow);
  return __builtin_convertvector(narrow, Places<T>);
}

template <class T>
void store_places(Places<T> places, Index* to) {
  const Indices<T> narrow = __builtin_convertvector(places, Indices<T>);
  std::memcpy(to, &narrow, sizeof narrow);
}

template <class T>
void scatter(Offset n, const T* dy, const Index* places, T* dx) {
  for (Offset o = 0; o < n; ++o) {
    if (places[o] >= 0) dx[places[o]] += dy[o];
  }
}

// One row of outputs of a plane, of which the input ends at `end_of_x` and what may be overwritten at
// `end_of_y`: a vector of outputs at a time where all their taps lie inside the plane, which has its padding
// at the borders.
template <class T>
class MaxRow {
 public:
  MaxRow(const Window& rows, const Window& columns, bool rectify, const T* end_of_x, const T* end_of_y)
      : rows_(rows), columns_(columns), rectify_(rectify), end_of_x_(end_of_x), end_of_y_(end_of_y) {
    const Window& w = columns;
    const Offset span = (w.kernel - 1) * w.dilation;
    inner_begin_ = std::min(w.out, (w.before + w.stride - 1) / w.stride);
    inner_end_ = w.in + w.before > span ? (w.in + w.before - span - 1) / w.stride + 1 : 0;
    inner_end_ = std::clamp(inner_end_, inner_begin_, w.out);
    steps_ = count<T>(0, w.stride);
    for (int t = 0; t < kMostTaps * kMostTaps; ++t) {
      taps_[t] = count<T>(t / kMostTaps * w.in + t % kMostTaps, 0);
    }
  }

  void compute(Offset i, const T* plane, T* y, Index* places) const {
    Offset j = border(i, 0, inner_begin_, plane, y, places);
    if (columns_.stride == 1) j = vectors<1>(i, j, plane, y, places);
    if (columns_.stride == 2) j = vectors<2>(i, j, plane, y, places);
    border(i, j, columns_.out, plane, y, places);
  }

 private:
  static constexpr Offset lanes = kSimdWidth<T>;
  static constexpr int kMostTaps = 3;  // along each axis, of windows that have a loop of their own
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
    for (; j < end; j += lanes) {
      Simd<T> best;
      Places<T> place;
      if constexpr (size > 0) {
        largest<stride, size>(i, j, plane, best, place);
      } else {
        largest<stride>(i, j, plane, best, place);
      }
      if (rectify_) {
        const auto nothing = best <= T(0);
        best = nothing ? Simd<T>{} : best;
        place = nothing ? Places<T>{} - 1 : place;
      }
      store(y + j, best);
      store_places<T>(place, places + j);
    }
    return std::min(j, inner_end_);
  }

  // What is greater, or no number, goes first.
  static Places<T> precedes(Simd<T> value, Simd<T> best) { return (value > best) | (value != value); }

  template <int stride, int size>
  void largest(Offset i, Offset j, const T* plane, Simd<T>& best, Places<T>& place) const {
    const Offset corner = (i * rows_.stride - rows_.before) * columns_.in + column(j, 0);
#pragma GCC unroll 3
    for (int k = 0; k < size; ++k) {
      Simd<T> row[size];
      load_taps<stride, size>(plane + corner + k * columns_.in, row);
#pragma GCC unroll 3
      for (int l = 0; l < size; ++l) {
        if (k + l == 0) {
          best = row[0];
          place = taps_[0];
          continue;
        }
        const Places<T> first = precedes(row[l], best);
        best = first ? row[l] : best;
        place = first ? taps_[k * kMostTaps + l] : place;
      }
    }
    place += steps_ + static_cast<Number<T>>(corner);
  }

  template <int stride, int size>
  static void load_taps(const T* from, Simd<T> (&row)[size]) {
    if constexpr (stride == 1) {
      for (int l = 0; l < size; ++l) row[l] = load(from + l);
    } else {
      for (int l = 0; l + 1 < size; l += 2) load_pairs(from + l, row[l], row[l + 1]);
      if (size % 2 == 1) row[size - 1] = even_lanes(from + size - 1);
    }
  }

  template <int stride>
  void largest(Offset i, Offset j, const T* plane, Simd<T>& best, Places<T>& place) const {
    best = broadcast(-std::numeric_limits<T>::infinity());
    place = Places<T>{} - 1;
    for (Offset k = 0; k < rows_.kernel; ++k) {
      const Offset row = i * rows_.stride + k * rows_.dilation - rows_.before;
      if (row < 0 || row >= rows_.in) continue;
      for (Offset l = 0; l < columns_.kernel; ++l) {
        const Offset at = row * columns_.in + column(j, l);
        Simd<T> value[1];
        load_taps<stride, 1>(plane + at, value);
        const Places<T> first = precedes(value[0], best) | (place < 0);  // what comes first, too
        best = first ? value[0] : best;
        place = first ? steps_ + static_cast<Number<T>>(at) : place;
      }
    }
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
      if (rectify_ && y[j] <= T(0)) {
        y[j] = 0;
        places[j] = -1;
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
  bool rectify_;
  const T *end_of_x_, *end_of_y_;
  Offset inner_begin_, inner_end_;         // outputs whose taps all lie inside a row
  Places<T> steps_;                        // from one output to the next
  Places<T> taps_[kMostTaps * kMostTaps];  // from the corner of a window
};

// The way back where every place lies in the square of 2 x 2 that belongs to its output, as it does with the
// usual windows: in vectors, and whether a place lay elsewhere is only looked at when a plane is done.
template <class T>
class Squares {
 public:
  Squares(Offset in_y, Offset in_x, Offset out_y, Offset out_x, const Index* end_of_places)
      : in_x_(in_x), out_y_(out_y), out_x_(out_x), end_(end_of_places) {
    possible_ = 2 * out_y <= in_y && 2 * out_x <= in_x && 2 * out_x >= lanes;
  }

  // Writes the squares of a plane. False where a place lies elsewhere: then no other plane is tried.
  bool write(const T* dy, const Index* places, T* dx) {
    if (!possible_) return false;
    Places<T> elsewhere{};
    for (Offset i = 0; i < out_y_; ++i) {
      const Offset row = 2 * i * in_x_;
      for_vectors<T>(0, out_x_, [&](Offset j, auto some) {
        const Offset o = i * out_x_ + j;
        elsewhere |= write_some(some, dy + o, load_within(places + o), row + 2 * j, dx);
      });
    }
    possible_ = !any(elsewhere);
    return possible_;
  }

 private:
  static constexpr Offset lanes = kSimdWidth<T>;

  Places<T> load_within(const Index* places) const {
    if (end_ - places >= lanes) return load_places<T>(places);
    Index line[lanes] = {};
    std::copy(places, end_, line);
    return load_places<T>(line);
  }

  // The squares from `corner` on; returns which places lie in none.
  template <class Some>
  Places<T> write_some(Some some, const T* dy, Places<T> places, Offset corner, T* dx) const {
    const Places<T> steps = count<T>(0, 2), at = places - steps - static_cast<Number<T>>(corner);
    const Number<T> below = static_cast<Number<T>>(in_x_);
    const Places<T> a = at == 0, b = at == 1, c = at == below, d = at == below + 1;
    const Simd<T> g = some.load(dy), zero{};
    store_pairs<T>(a ? g : zero, b ? g : zero, 2 * some.n, dx + corner);
    store_pairs<T>(c ? g : zero, d ? g : zero, 2 * some.n, dx + corner + in_x_);
    return ~(a | b | c | d) & (places >= 0) & (steps < static_cast<Number<T>>(2 * some.n));
  }

  Offset in_x_, out_y_, out_x_;
  const Index* end_;
  bool possible_;
};

}  // namespace

template <class T>
void max_pool(Offset planes, const Window& rows, const Window& columns, bool rectify, const T* x, T* y,
              Index* places, const Execution& run) {
  const Offset out = rows.out * columns.out;
  const T* end_of_x = x + planes * rows.in * columns.in;
  for_chunks_of_planes(planes, out * rows.kernel * columns.kernel, run, [&](Offset begin, Offset end) {
    const MaxRow<T> row(rows, columns, rectify, end_of_x, y + end * out);
    for (Offset plane = begin; plane < end; ++plane) {
      for (Offset i = 0; i < rows.out; ++i) {
        const Offset to = plane * out + i * columns.out;
        row.compute(i, x + plane * rows.in * columns.in, y + to, places + to);
      }
    }
  });
}

template <class T>
void max_pool_backward(Offset planes, Offset in_y, Offset in_x, Offset out_y, Offset out_x, const T* dy,
                       const Index* places, T* dx, const Execution& run) {
  const Offset in = in_y * in_x, out = out_y * out_x;
  for_chunks_of_planes(planes, in + 2 * out, run, [&](Offset begin, Offset end) {
    Squares<T> squares(in_y, in_x, out_y, out_x, places + planes * out);
    for (Offset plane = begin; plane < end; ++plane) {
      T* to = dx + plane * in;
      if (4 * out < in) std::fill_n(to, in, T(0));
      if (squares.write(dy + plane * out, places + plane * out, to)) continue;
      std::fill_n(to, in, T(0));
      scatter(out, dy + plane * out, places + plane * out, to);
    }
  });
}

#define ECKART_POOLING(T)                                                                             \
  template void max_pool(Offset, const Window&, const Window&, bool, const T*, T*, Index*,            \
                         const Execution&);                                                           \
  template void max_pool_backward(Offset, Offset, Offset, Offset, Offset, const T*, const Index*, T*, \
                                  const Execution&);
ECKART_POOLING(float)
ECKART_POOLING(double)

}  // namespace eckart
