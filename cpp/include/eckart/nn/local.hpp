// Locally connected layers: a convolution whose every position has weights of its own.
//
//   y[n, o, i, j] = f(bias[i, j, o] + sum over c, k, l of w[i, j, o, c, k, l] x[n, c, i s + k d - p, ...])
//
// x (n, in, h, w), weights (oh, ow, out, in, kh, kw), y (n, out, oh, ow). Each weight is used once an image,
// so images are the innermost dimension here: a patch's numbers of all images lie in vectors one after the
// other, and no patch is copied. Cost: 2 n oh ow out in kh kw flop in each direction.
#pragma once

#include "eckart/nn/convolution.hpp"

namespace eckart {

// bias (oh, ow, out) may be null. Groups are not for these layers: conv.groups is 1.
template <class T>
void local(const Convolution& conv, const T* x, const T* weight, const T* bias, Activation activation, T* y,
           const Execution& run);

// dx, dw, db of the layer before its activation: those that are not null.
template <class T>
void local_backward(const Convolution& conv, const T* x, const T* weight, const T* dy, T* dx, T* dw, T* db,
                    const Execution& run);

}  // namespace eckart
