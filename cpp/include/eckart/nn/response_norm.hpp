// Local response normalisation (Krizhevsky et al. 2012), forward and backward.
#pragma once

#include "eckart/base/interrupt.hpp"
#include "eckart/base/types.hpp"

namespace eckart {

// x (images, channels, size). A channel's window begins window / 2 channels before it, and is cut at the
// ends.
struct ResponseNorm {
  Offset images = 0, channels = 0, size = 0;
  Offset window = 1;
  double alpha = 0, beta = 0, k = 0;
};

// y = x d^-beta, d = k + alpha / window times the sum of x^2 over the channel's window. d is for the way
// back.
template <class T>
void response_norm(const ResponseNorm& layer, const T* x, T* y, T* d, const Execution& run);
// dx = dy d^-beta - 2 alpha beta / window x times the sum of dy y / d over the channels whose window sees x.
template <class T>
void response_norm_backward(const ResponseNorm& layer, const T* x, const T* y, const T* d, const T* dy, T* dx,
                            const Execution& run);

}  // namespace eckart
