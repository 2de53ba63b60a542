// Convolution of images (cross-correlation, as networks have it), its transposed, and its gradients.
//
//   y[n, o, i, j] = f(bias[o] + sum over c, k, l of w[o, c, k, l] x[n, c, i s + k d - p, j s + l d - p])
//
// with zeros beyond the edges. Layouts are PyTorch's: x (n, in, h, w), w (out, in / groups, kh, kw),
// y (n, out, oh, ow). Output channels of group g see input channels of group g alone.
//
// Every direction is a product whose one operand, the patches, is never written out as a whole: an image is
// copied once with its padding, split into the phases of the stride, so that whatever the stride, row and
// column neighbours of a patch are neighbours in memory; panels of patches are then plain copies, or are
// read where they lie. Large ones of float32 go to the matrix unit where there is one, by parts of bf16 (see
// linalg/split_tiles.hpp). Cost: 2 n oh ow out (in / groups) kh kw flop in each direction.
#pragma once

#include "eckart/base/interrupt.hpp"
#include "eckart/linalg/activation.hpp"
#include "eckart/nn/window.hpp"

namespace eckart {

struct Convolution {
  Offset images = 0, in = 0, out = 0, groups = 1;  // channels in and out of all groups
  Window y, x;

  Offset group_in() const { return in / groups; }
  Offset group_out() const { return out / groups; }
  Offset taps() const { return y.kernel * x.kernel; }
  bool depthwise() const { return groups > 1 && in == groups && out == groups; }
};

// y from x; bias (out) may be null.
template <class T>
void convolve(const Convolution& conv, const T* x, const T* weight, const T* bias, Activation activation,
              T* y, const Execution& run);

// dx from dy: the gradient, and with a bias (in) and an activation the layer that is called transposed.
template <class T>
void convolve_transposed(const Convolution& conv, const T* dy, const T* weight, const T* bias,
                         Activation activation, T* dx, const Execution& run);

// dw and db (null: not wanted) from x and dy, summed over fixed chunks of images in order. With an activation
// dy is the gradient of its result y, taken back through it as it is read; else y may be null.
template <class T>
void convolve_weight_gradient(const Convolution& conv, const T* x, const T* dy, const T* y,
                              Activation activation, T* dw, T* db, const Execution& run);

}  // namespace eckart
