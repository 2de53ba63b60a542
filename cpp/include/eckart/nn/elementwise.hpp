// Functions of each number for itself, and their derivatives times a gradient.
#pragma once

#include "eckart/base/interrupt.hpp"
#include "eckart/base/types.hpp"

namespace eckart {

// gelu (Hendrycks and Gimpel 2016): x Phi(x); gelu_tanh: their approximation by tanh. silu: x sigmoid(x).
// softplus: log(1 + exp(x)).
enum class Function { relu, tanh, sigmoid, gelu, gelu_tanh, silu, softplus, erf };

// y = f(x), n numbers.
template <class T>
void elementwise(Function f, Offset n, const T* x, T* y, const Execution& run);

// dx = dy f'(x), y = f(x). relu's derivative at 0 is 0.
template <class T>
void elementwise_backward(Function f, Offset n, const T* x, const T* y, const T* dy, T* dx,
                          const Execution& run);

// y[i] = a[i] + b[i mod period], n numbers, a whole number of periods. y may be a.
template <class T>
void add(Offset n, Offset period, const T* a, const T* b, T* y, const Execution& run);

// y (columns) = the sum of the rows of x (rows, columns), in order.
template <class T>
void sum_rows(Offset rows, Offset columns, const T* x, T* y, const Execution& run);

}  // namespace eckart
