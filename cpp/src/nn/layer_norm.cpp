#include <vector>

#include "eckart/base/buffer_pool.hpp"
#include "eckart/base/parallel.hpp"
#include "eckart/nn/normalization.hpp"
#include "moments.hpp"

namespace eckart {

namespace {

double work(const LayerNorm& layer) { return 8.0 * layer.rows * layer.columns; }

}  // namespace

template <class T>
void layer_norm(const LayerNorm& layer, const T* x, const T* weight, const T* bias, T* y, T* mean, T* inverse,
                const Execution& run) {
  const Offset d = layer.columns;
  parallel_ranges(layer.rows, 16, work(layer), run, [&](Offset begin, Offset end) {
    for (Offset r = begin; r < end; ++r) {
      const T* from = x + r * d;
      T* to = y + r * d;
      const Moments m = layer.centered ? moments(from, d) : Moments{double(d), 0, squared_norm(from, d)};
      const T centre = mean[r] = static_cast<T>(m.mean);
      const T scale = inverse[r] = inverse_root<T>(m.variance(), layer.eps);
      if (weight && bias) {
        for (Offset i = 0; i < d; ++i) to[i] = (from[i] - centre) * scale * weight[i] + bias[i];
      } else if (weight) {
        for (Offset i = 0; i < d; ++i) to[i] = (from[i] - centre) * scale * weight[i];
      } else {
        for (Offset i = 0; i < d; ++i) to[i] = (from[i] - centre) * scale;
      }
    }
  });
}

namespace {

// One row: dx, and what it adds to the sums of dweight and dbias (null where unwanted).
template <class T>
void row_backward(const LayerNorm& layer, const T* x, const T* weight, T mean, T inverse, const T* dy, T* dx,
                  T* dweight, T* dbias) {
  const Offset d = layer.columns;
  if (dweight) {
    for (Offset i = 0; i < d; ++i) dweight[i] += dy[i] * ((x[i] - mean) * inverse);
  }
  if (dbias) {
    for (Offset i = 0; i < d; ++i) dbias[i] += dy[i];
  }
  if (!dx) return;
  const SlopeSums sums = weight ? slope_sums(x, mean, d, [=](Offset i) { return dy[i] * weight[i]; })
                                : slope_sums(x, mean, d, [=](Offset i) { return dy[i]; });
  // dx = inverse (g - mean g - xhat mean(g xhat)), g = dy weight
  const T plain = layer.centered ? static_cast<T>(sums.plain / d) : T(0);
  const T slope = static_cast<T>(sums.weighted / d * inverse * inverse);
  if (weight) {
    for (Offset i = 0; i < d; ++i) dx[i] = inverse * (dy[i] * weight[i] - plain - (x[i] - mean) * slope);
  } else {
    for (Offset i = 0; i < d; ++i) dx[i] = inverse * (dy[i] - plain - (x[i] - mean) * slope);
  }
}

// to[i] = sum over rows of from (rows, n), in order.
template <class T>
void add_rows(const T* from, Offset rows, Offset n, T* to) {
  std::fill(to, to + n, T(0));
  for (Offset r = 0; r < rows; ++r) {
    for (Offset i = 0; i < n; ++i) to[i] += from[r * n + i];
  }
}

}  // namespace

template <class T>
void layer_norm_backward(const LayerNorm& layer, const T* x, const T* weight, const T* mean, const T* inverse,
                         const T* dy, T* dx, T* dweight, T* dbias, const Execution& run) {
  const Offset d = layer.columns, chunk = std::max<Offset>(16, (layer.rows + 31) / 32);
  const Offset chunks = (layer.rows + chunk - 1) / chunk;
  PooledBuffer<T> weights(dweight ? chunks * d : 0), biases(dbias ? chunks * d : 0);  // a row a chunk
  std::fill_n(weights.data(), dweight ? chunks * d : 0, T(0));
  std::fill_n(biases.data(), dbias ? chunks * d : 0, T(0));
  parallel_ranges(layer.rows, chunk, 2 * work(layer), run, [&](Offset begin, Offset end) {
    T* w = dweight ? weights.data() + begin / chunk * d : nullptr;
    T* b = dbias ? biases.data() + begin / chunk * d : nullptr;
    for (Offset r = begin; r < end; ++r) {
      row_backward(layer, x + r * d, weight, mean[r], inverse[r], dy + r * d, dx ? dx + r * d : nullptr, w,
                   b);
    }
  });
  if (dweight) add_rows(weights.data(), chunks, d, dweight);
  if (dbias) add_rows(biases.data(), chunks, d, dbias);
}

#define ECKART_INSTANTIATE(T)                                                                               \
  template void layer_norm(const LayerNorm&, const T*, const T*, const T*, T*, T*, T*, const Execution&);   \
  template void layer_norm_backward(const LayerNorm&, const T*, const T*, const T*, const T*, const T*, T*, \
                                    T*, T*, const Execution&);

ECKART_INSTANTIATE(float)
ECKART_INSTANTIATE(double)

}  // namespace eckart
