// The dense layer y = f(x W' + b), x (n, in), W (out, in), and its gradients.
#pragma once

#include "eckart/base/interrupt.hpp"
#include "eckart/linalg/activation.hpp"

namespace eckart {

struct Linear {
  Offset n = 0, in = 0, out = 0;
};

template <class T>
void linear(const Linear& layer, const T* x, const T* weight, const T* bias, Activation activation, T* y,
            const Execution& run);

// dx (n, in) = dy W, dw (out, in) = dy' x, db (out) = column sums of dy: those that are not null.
template <class T>
void linear_backward(const Linear& layer, const T* x, const T* weight, const T* dy, T* dx, T* dw, T* db,
                     const Execution& run);

// dz (n) = dy f'(z), the derivative written by what y = f(z) is.
template <class T>
void activation_backward(Activation activation, Offset n, const T* y, const T* dy, T* dz,
                         const Execution& run);

}  // namespace eckart
