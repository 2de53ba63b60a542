#include "eckart/nn/response_norm.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "eckart/base/parallel.hpp"

namespace eckart {

namespace {

constexpr Offset kColumns = 256;  // of a piece: all its channels stay in the second-level cache

double work(const ResponseNorm& layer) {
  return static_cast<double>(layer.window + 8) * layer.images * layer.channels * layer.size;
}

// body(scratch, at, m) for pieces of m columns of an image: those of channel c begin at `at` + c size.
template <class T, class Body>
void for_pieces(const ResponseNorm& layer, const Execution& run, Body body) {
  const Offset pieces = (layer.size + kColumns - 1) / kColumns;
  const auto scratch = [&] { return std::vector<T>((layer.channels + 1) * kColumns); };
  parallel_for(layer.images * pieces, work(layer), run, scratch, [&](std::vector<T>& kept, Offset p) {
    const Offset first = p % pieces * kColumns;
    const Offset at = p / pieces * layer.channels * layer.size + first;
    body(kept.data(), at, std::min(kColumns, layer.size - first));
  });
}

// sums[i] = value(s, i) over the channels s that there are of c - behind, ..., c - behind + window - 1.
template <class T, class Value>
void window_sums(const ResponseNorm& layer, Offset c, Offset behind, Offset m, Value value, T* sums) {
  std::fill_n(sums, m, T(0));
  const Offset end = std::min(layer.channels, c - behind + layer.window);
  for (Offset s = std::max<Offset>(0, c - behind); s < end; ++s) {
    for (Offset i = 0; i < m; ++i) sums[i] += value(s, i);
  }
}

// f(i, d[i]^-beta); by roots for the usual exponent, 3/4.
template <class T, class Function>
void with_powers(const T* d, Offset m, double beta, Function f) {
  if (beta == 0.75) {
    for (Offset i = 0; i < m; ++i) {
      const T root = std::sqrt(d[i]);
      f(i, T(1) / (root * std::sqrt(root)));
    }
  } else {
    for (Offset i = 0; i < m; ++i) f(i, std::pow(d[i], static_cast<T>(-beta)));
  }
}

}  // namespace

template <class T>
void response_norm(const ResponseNorm& layer, const T* x, T* y, T* d, const Execution& run) {
  const T scale = static_cast<T>(layer.alpha / layer.window), k = static_cast<T>(layer.k);
  for_pieces<T>(layer, run, [&](T* sums, Offset at, Offset m) {
    const auto square = [&](Offset s, Offset i) {
      const T v = x[at + s * layer.size + i];
      return v * v;
    };
    for (Offset c = 0; c < layer.channels; ++c) {
      const T* row = x + at + c * layer.size;
      T *to = y + at + c * layer.size, *sizes = d + at + c * layer.size;
      window_sums(layer, c, layer.window / 2, m, square, sums);
      for (Offset i = 0; i < m; ++i) sizes[i] = k + scale * sums[i];
      with_powers(sizes, m, layer.beta, [=](Offset i, T power) { to[i] = row[i] * power; });
    }
  });
}

template <class T>
void response_norm_backward(const ResponseNorm& layer, const T* x, const T* y, const T* d, const T* dy, T* dx,
                            const Execution& run) {
  const T scale = static_cast<T>(2 * layer.alpha * layer.beta / layer.window);
  const Offset behind = layer.window - 1 - layer.window / 2;  // the window seen from the other side
  for_pieces<T>(layer, run, [&](T* kept, Offset at, Offset m) {
    T *sums = kept, *ratios = kept + kColumns;
    for (Offset c = 0; c < layer.channels; ++c) {
      const Offset row = at + c * layer.size;
      for (Offset i = 0; i < m; ++i) ratios[c * kColumns + i] = dy[row + i] * y[row + i] / d[row + i];
    }
    const auto ratio = [=](Offset s, Offset i) { return ratios[s * kColumns + i]; };
    for (Offset c = 0; c < layer.channels; ++c) {
      const Offset row = at + c * layer.size;
      window_sums(layer, c, behind, m, ratio, sums);
      with_powers(d + row, m, layer.beta, [=](Offset i, T power) {
        dx[row + i] = dy[row + i] * power - scale * x[row + i] * sums[i];
      });
    }
  });
}

#define ECKART_INSTANTIATE(T)                                                                           \
  template void response_norm(const ResponseNorm&, const T*, T*, T*, const Execution&);                 \
  template void response_norm_backward(const ResponseNorm&, const T*, const T*, const T*, const T*, T*, \
                                       const Execution&);

ECKART_INSTANTIATE(float)
ECKART_INSTANTIATE(double)

}  // namespace eckart
