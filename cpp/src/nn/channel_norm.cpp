#include <algorithm>

#include "eckart/base/buffer_pool.hpp"
#include "eckart/base/parallel.hpp"
#include "eckart/nn/normalization.hpp"
#include "moments.hpp"

namespace eckart {

namespace {

double work(const ChannelNorm& layer) { return 4.0 * layer.images * layer.channels * layer.size; }

// y = scale x + shift
template <class T>
void affine(const T* x, Offset n, T scale, T shift, bool rectified, T* y) {
  if (rectified) {
    for (Offset i = 0; i < n; ++i) {
      const T v = scale * x[i] + shift;
      y[i] = v < T(0) ? T(0) : v;
    }
  } else {
    for (Offset i = 0; i < n; ++i) y[i] = scale * x[i] + shift;
  }
}

// What a gradient is of a piece: its sums, and dx = scale (dy - plain - (x - mean) slope). y: null, or the
// rectified result, whose zeros let nothing through.
template <class T>
SlopeSums piece_sums(const T* x, const T* y, T mean, const T* dy, Offset n) {
  if (!y) return slope_sums(x, mean, n, [=](Offset i) { return dy[i]; });
  SlopeSums all;
  for_pieces(n, [&](Offset begin, Offset m) {
    T passed[kPiece];  // not chosen within the sum: GCC 12 makes wrong masked loads of that
    const T *result = y + begin, *slopes = dy + begin;
    for (Offset i = 0; i < m; ++i) passed[i] = result[i] > T(0) ? slopes[i] : T(0);
    const SlopeSums s = slope_sums(x + begin, mean, m, [&](Offset i) { return passed[i]; });
    all.plain += s.plain;
    all.weighted += s.weighted;
  });
  return all;
}

template <class T>
void piece_backward(const T* x, const T* y, T mean, const T* dy, T scale, T plain, T slope, Offset n, T* dx) {
  if (y) {
    for (Offset i = 0; i < n; ++i) {
      dx[i] = scale * ((y[i] > T(0) ? dy[i] : T(0)) - plain - (x[i] - mean) * slope);
    }
  } else {
    for (Offset i = 0; i < n; ++i) dx[i] = scale * (dy[i] - plain - (x[i] - mean) * slope);
  }
}

}  // namespace

template <class T>
void channel_moments(const ChannelNorm& layer, const T* x, T* mean, T* variance, const Execution& run) {
  parallel_ranges(layer.channels, 1, work(layer), run, [&](Offset c, Offset) {
    Moments all;
    for (Offset i = 0; i < layer.images; ++i) {
      all.merge(moments(x + (i * layer.channels + c) * layer.size, layer.size));
    }
    mean[c] = static_cast<T>(all.mean);
    variance[c] = static_cast<T>(all.variance());
  });
}

template <class T>
void batch_norm(const ChannelNorm& layer, const T* x, const T* mean, const T* variance, const T* weight,
                const T* bias, T* y, const Execution& run) {
  parallel_ranges(layer.images * layer.channels, 8, work(layer), run, [&](Offset begin, Offset end) {
    for (Offset p = begin; p < end; ++p) {
      const Offset c = p % layer.channels;
      const T scale = inverse_root<T>(variance[c], layer.eps) * (weight ? weight[c] : T(1));
      const T shift = (bias ? bias[c] : T(0)) - mean[c] * scale;
      affine(x + p * layer.size, layer.size, scale, shift, layer.rectified, y + p * layer.size);
    }
  });
}

template <class T>
void batch_norm_backward(const ChannelNorm& layer, bool fixed, const T* x, const T* y, const T* mean,
                         const T* variance, const T* weight, const T* dy, T* dx, T* dweight, T* dbias,
                         const Execution& run) {
  parallel_ranges(layer.channels, 1, 2 * work(layer), run, [&](Offset c, Offset) {
    const T inverse = inverse_root<T>(variance[c], layer.eps);
    const auto piece = [&](Offset image) { return (image * layer.channels + c) * layer.size; };
    SlopeSums all;
    for (Offset i = 0; i < layer.images; ++i) {
      const Offset p = piece(i);
      const SlopeSums s = piece_sums(x + p, layer.rectified ? y + p : nullptr, mean[c], dy + p, layer.size);
      all.plain += s.plain;
      all.weighted += s.weighted;
    }
    if (dbias) dbias[c] = static_cast<T>(all.plain);
    if (dweight) dweight[c] = static_cast<T>(all.weighted * inverse);
    if (!dx) return;
    const double n = std::max<double>(1, static_cast<double>(layer.images) * layer.size);
    const T plain = fixed ? T(0) : static_cast<T>(all.plain / n);
    const T slope = fixed ? T(0) : static_cast<T>(all.weighted / n * inverse * inverse);
    const T scale = inverse * (weight ? weight[c] : T(1));
    for (Offset i = 0; i < layer.images; ++i) {
      const Offset p = piece(i);
      piece_backward(x + p, layer.rectified ? y + p : nullptr, mean[c], dy + p, scale, plain, slope,
                     layer.size, dx + p);
    }
  });
}

template <class T>
void group_norm(const ChannelNorm& layer, const T* x, const T* weight, const T* bias, T* y, T* mean,
                T* inverse, const Execution& run) {
  const Offset share = layer.channels / layer.groups, length = share * layer.size;
  parallel_ranges(layer.images * layer.groups, 1, 2 * work(layer), run, [&](Offset row, Offset) {
    const Moments m = moments(x + row * length, length);
    mean[row] = static_cast<T>(m.mean);
    inverse[row] = inverse_root<T>(m.variance(), layer.eps);
    for (Offset s = 0; s < share; ++s) {
      const Offset c = row % layer.groups * share + s, at = row * length + s * layer.size;
      const T scale = inverse[row] * (weight ? weight[c] : T(1));
      affine(x + at, layer.size, scale, (bias ? bias[c] : T(0)) - mean[row] * scale, layer.rectified, y + at);
    }
  });
}

template <class T>
void group_norm_backward(const ChannelNorm& layer, const T* x, const T* mean, const T* inverse,
                         const T* weight, const T* dy, T* dx, T* dweight, T* dbias, const Execution& run) {
  const Offset share = layer.channels / layer.groups, length = share * layer.size;
  PooledBuffer<SlopeSums> sums(layer.images * layer.channels);  // one a channel of an image
  parallel_ranges(layer.images * layer.groups, 1, 2 * work(layer), run, [&](Offset row, Offset) {
    SlopeSums all;
    for (Offset s = 0; s < share; ++s) {
      const Offset at = row * length + s * layer.size;
      const T* none = nullptr;
      const SlopeSums here = piece_sums(x + at, none, mean[row], dy + at, layer.size);
      sums.data()[row * share + s] = {here.plain, here.weighted * inverse[row]};
      const T w = weight ? weight[row % layer.groups * share + s] : T(1);
      all.plain += here.plain * w;
      all.weighted += here.weighted * w;
    }
    if (!dx) return;
    const double n = static_cast<double>(length);
    const double plain = all.plain / n, slope = all.weighted / n * inverse[row] * inverse[row];
    for (Offset s = 0; s < share; ++s) {  // scale (dy - plain / w - ...) would divide by a weight of 0
      const Offset at = row * length + s * layer.size;
      const T w = weight ? weight[row % layer.groups * share + s] : T(1), centre = mean[row];
      const T scale = inverse[row], p = static_cast<T>(plain), k = static_cast<T>(slope);
      for (Offset i = at; i < at + layer.size; ++i) dx[i] = scale * (dy[i] * w - p - (x[i] - centre) * k);
    }
  });
  for (Offset c = 0; c < layer.channels; ++c) {
    SlopeSums all;
    for (Offset i = 0; i < layer.images; ++i) {
      all.plain += sums.data()[i * layer.channels + c].plain;
      all.weighted += sums.data()[i * layer.channels + c].weighted;
    }
    if (dweight) dweight[c] = static_cast<T>(all.weighted);
    if (dbias) dbias[c] = static_cast<T>(all.plain);
  }
}

#define ECKART_INSTANTIATE(T)                                                                               \
  template void channel_moments(const ChannelNorm&, const T*, T*, T*, const Execution&);                    \
  template void batch_norm(const ChannelNorm&, const T*, const T*, const T*, const T*, const T*, T*,        \
                           const Execution&);                                                               \
  template void batch_norm_backward(const ChannelNorm&, bool, const T*, const T*, const T*, const T*,       \
                                    const T*, const T*, T*, T*, T*, const Execution&);                      \
  template void group_norm(const ChannelNorm&, const T*, const T*, const T*, T*, T*, T*, const Execution&); \
  template void group_norm_backward(const ChannelNorm&, const T*, const T*, const T*, const T*, const T*,   \
                                    T*, T*, T*, const Execution&);

ECKART_INSTANTIATE(float)
ECKART_INSTANTIATE(double)

}  // namespace eckart
