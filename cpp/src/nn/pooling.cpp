#include "eckart/nn/pooling.hpp"

#include <algorithm>
#include <limits>

#include "eckart/base/math.hpp"
#include "eckart/base/parallel.hpp"

namespace eckart {

namespace {

// body(plane) for all, some of them a task.
template <class Body>
void for_planes(Offset planes, Offset work, const Execution& run, Body body) {
  const Offset chunk = std::max<Offset>(1, (1 << 14) / std::max<Offset>(1, work));
  parallel_ranges(planes, chunk, static_cast<double>(planes * work), run, [&](Offset begin, Offset end) {
    for (Offset plane = begin; plane < end; ++plane) body(plane);
  });
}

// The outputs [begin, end) whose tap k falls inside the input.
struct Inside {
  Offset begin, end, shift;  // output o reads o stride + shift

  Inside(const Window& w, Offset k) : shift(k * w.dilation - w.before) {
    begin = std::min(w.out, shift < 0 ? (-shift + w.stride - 1) / w.stride : 0);
    end = std::clamp<Offset>(w.in > shift ? (w.in - shift + w.stride - 1) / w.stride : 0, begin, w.out);
  }
};

// One tap of a row of outputs. The stride is a constant where it is a usual one, for the compiler to
// vectorise.
template <class T, Offset fixed>
void take_larger(const T* row, Offset start, Offset stride, Offset n, Index place, T* best, Index* places) {
  const Offset step = fixed > 0 ? fixed : stride;
  for (Offset j = 0; j < n; ++j) {
    const T value = row[start + j * step];
    const bool larger = (value > best[j]) | (value != value) | (places[j] < 0);
    best[j] = larger ? value : best[j];
    places[j] = larger ? static_cast<Index>(place + j * step) : places[j];
  }
}

template <class T>
void max_row(const Window& rows, const Window& columns, Offset i, const T* plane, T* best, Index* places) {
  std::fill_n(best, columns.out, -std::numeric_limits<T>::infinity());
  std::fill_n(places, columns.out, Index{-1});
  for (Offset k = 0; k < rows.kernel; ++k) {
    const Offset at = i * rows.stride + k * rows.dilation - rows.before;
    if (at < 0 || at >= rows.in) continue;
    const T* row = plane + at * columns.in;
    for (Offset l = 0; l < columns.kernel; ++l) {
      const Inside inside(columns, l);
      const Offset start = inside.begin * columns.stride + inside.shift, n = inside.end - inside.begin;
      const auto take = columns.stride == 1   ? &take_larger<T, 1>
                        : columns.stride == 2 ? &take_larger<T, 2>
                                              : &take_larger<T, 0>;
      take(row, start, columns.stride, n, static_cast<Index>(at * columns.in + start), best + inside.begin,
           places + inside.begin);
    }
  }
}

}  // namespace

template <class T>
void max_pool(Offset planes, const Window& rows, const Window& columns, const T* x, T* y, Index* places,
              const Execution& run) {
  const Offset out = rows.out * columns.out;
  for_planes(planes, out * rows.kernel * columns.kernel, run, [&](Offset plane) {
    for (Offset i = 0; i < rows.out; ++i) {
      const Offset to = plane * out + i * columns.out;
      max_row(rows, columns, i, x + plane * rows.in * columns.in, y + to, places + to);
    }
  });
}

template <class T>
void max_pool_backward(Offset planes, Offset in, Offset out, const T* dy, const Index* places, T* dx,
                       const Execution& run) {
  for_planes(planes, in + 2 * out, run, [&](Offset plane) {
    T* to = dx + plane * in;
    std::fill_n(to, in, T(0));
    for (Offset o = plane * out; o < (plane + 1) * out; ++o) {
      if (places[o] >= 0) to[places[o]] += dy[o];
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
