#include "eckart/nn/arrangement.hpp"

#include <algorithm>

#include "eckart/base/parallel.hpp"
#include "eckart/base/simd.hpp"

namespace eckart {

namespace {

constexpr Offset kChunk = 1 << 13;  // numbers

// The same views with as few axes as there can be, at least one.
Views merged(const Views& v) {
  Views out{{1}, {0}, {0}};
  for (std::size_t i = 0; i < v.shape.size(); ++i) {
    const Offset n = v.shape[i], from = v.from[i], to = v.to[i];
    if (n == 1) continue;
    if (out.shape.back() == 1) {
      out.shape.back() = n;
    } else if (out.from.back() == n * from && out.to.back() == n * to) {
      out.shape.back() *= n;
    } else {
      out.shape.push_back(n);
      out.from.push_back(0);
      out.to.push_back(0);
    }
    out.from.back() = from;
    out.to.back() = to;
  }
  return out;
}

template <class T>
void copy_line(const T* x, Offset from, T* y, Offset to, Offset n) {
  if (from == 1 && to == 1) {
    copy_row(x, n, y);
  } else {
    for (Offset i = 0; i < n; ++i) y[i * to] = x[i * from];
  }
}

}  // namespace

template <class T>
void copy(const Views& views, const T* x, T* y, const Execution& run) {
  const Views v = merged(views);
  const std::size_t last = v.shape.size() - 1;
  const Offset n = v.shape[last];
  Offset lines = 1;
  for (std::size_t a = 0; a < last; ++a) lines *= v.shape[a];
  if (n == 0) return;
  if (last == 0) {
    const Offset from = v.from[0], to = v.to[0];
    parallel_ranges(n, kChunk, 1.0 * n, run, [&](Offset begin, Offset end) {
      copy_line(x + begin * from, from, y + begin * to, to, end - begin);
    });
    return;
  }
  const Offset chunk = std::max<Offset>(1, kChunk / n);
  parallel_ranges(lines, chunk, 1.0 * lines * n, run, [&](Offset begin, Offset end) {
    for (Offset line = begin; line < end; ++line) {
      Offset rest = line, from = 0, to = 0;
      for (std::size_t a = last; a-- > 0;) {
        const Offset i = rest % v.shape[a];
        rest /= v.shape[a];
        from += i * v.from[a];
        to += i * v.to[a];
      }
      copy_line(x + from, v.from[last], y + to, v.to[last], n);
    }
  });
}

namespace {

Offset row_of(Offset id, Offset rows) { return id < 0 ? id + rows : id; }

}  // namespace

template <class T>
void take_slices(const Slices& s, const Offset* ids, const T* x, T* y, const Execution& run) {
  const Offset chunk = std::max<Offset>(1, kChunk / (s.inner + 1));
  parallel_ranges(s.outer * s.n, chunk, 1.0 * s.outer * s.n * s.inner, run, [&](Offset begin, Offset end) {
    for (Offset k = begin; k < end; ++k) {
      const Offset row = k / s.n * s.rows + row_of(ids[k % s.n], s.rows);
      copy_row(x + row * s.inner, s.inner, y + k * s.inner);
    }
  });
}

template <class T>
void add_slices(const Slices& s, const Offset* ids, const T* dy, T* dx, const Execution& run) {
  parallel_ranges(s.outer, 1, 1.0 * s.outer * (s.rows + s.n) * s.inner, run, [&](Offset o, Offset) {
    T* slices = dx + o * s.rows * s.inner;
    std::fill_n(slices, s.rows * s.inner, T(0));
    for (Offset i = 0; i < s.n; ++i) {
      const T* from = dy + (o * s.n + i) * s.inner;
      T* to = slices + row_of(ids[i], s.rows) * s.inner;
      for (Offset j = 0; j < s.inner; ++j) to[j] += from[j];
    }
  });
}

#define ECKART_INSTANTIATE(T)                                                              \
  template void copy(const Views&, const T*, T*, const Execution&);                        \
  template void take_slices(const Slices&, const Offset*, const T*, T*, const Execution&); \
  template void add_slices(const Slices&, const Offset*, const T*, T*, const Execution&);

ECKART_INSTANTIATE(float)
ECKART_INSTANTIATE(double)

}  // namespace eckart
