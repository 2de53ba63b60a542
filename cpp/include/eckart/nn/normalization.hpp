// Layers that bring numbers to mean 0 and variance 1 and scale them anew, forward and backward.
//
// Variances are the mean squared deviations (over n, not n - 1) plus eps; `inverse` is 1 / sqrt of that.
// Moments of pieces are merged as Chan, Golub and LeVeque (1979) do, so memory is read once and nothing
// cancels.
#pragma once

#include "eckart/base/interrupt.hpp"
#include "eckart/base/types.hpp"

namespace eckart {

// x (rows, columns), each row for itself; weight and bias (columns) may be null. Without `centered` the mean
// is taken for 0 (RMS norm, Zhang and Sennrich 2019).
struct LayerNorm {
  Offset rows = 0, columns = 0;
  double eps = 0;
  bool centered = true;
};
template <class T>
void layer_norm(const LayerNorm& layer, const T* x, const T* weight, const T* bias, T* y, T* mean, T* inverse,
                const Execution& run);
// dweight, dbias: null where nobody wants them; dx likewise.
template <class T>
void layer_norm_backward(const LayerNorm& layer, const T* x, const T* weight, const T* mean, const T* inverse,
                         const T* dy, T* dx, T* dweight, T* dbias, const Execution& run);

// x (images, channels, size); weight and bias (channels) may be null. Batch norm takes its moments for each
// channel over all images, group norm for each image over the channels of a group.
struct ChannelNorm {
  Offset images = 0, channels = 0, size = 0;
  Offset groups = 1;  // of group norm
  double eps = 0;
  bool rectified = false;  // y = max(y, 0): the ReLU that follows, for no further pass
};

// mean, variance (channels) of each channel.
template <class T>
void channel_moments(const ChannelNorm& layer, const T* x, T* mean, T* variance, const Execution& run);
// y from given moments.
template <class T>
void batch_norm(const ChannelNorm& layer, const T* x, const T* mean, const T* variance, const T* weight,
                const T* bias, T* y, const Execution& run);
// `fixed`: the moments were no function of x. y is read where the layer is rectified.
template <class T>
void batch_norm_backward(const ChannelNorm& layer, bool fixed, const T* x, const T* y, const T* mean,
                         const T* variance, const T* weight, const T* dy, T* dx, T* dweight, T* dbias,
                         const Execution& run);

// mean, inverse (images, groups).
template <class T>
void group_norm(const ChannelNorm& layer, const T* x, const T* weight, const T* bias, T* y, T* mean,
                T* inverse, const Execution& run);
template <class T>
void group_norm_backward(const ChannelNorm& layer, const T* x, const T* mean, const T* inverse,
                         const T* weight, const T* dy, T* dx, T* dweight, T* dbias, const Execution& run);

}  // namespace eckart
