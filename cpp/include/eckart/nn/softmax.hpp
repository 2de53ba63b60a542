// Softmax and its logarithm over rows, and the cross-entropy of softmax with its gradient in the same sweep.
#pragma once

#include "eckart/base/interrupt.hpp"
#include "eckart/base/types.hpp"

namespace eckart {

// y (rows, columns): exp(x - lse), or x - lse with `logarithm`; lse = log sum exp of a row.
template <class T>
void softmax(Offset rows, Offset columns, bool logarithm, const T* x, T* y, const Execution& run);

// dx from y and dy: y (dy - sum(y dy)), or dy - exp(y) sum(dy).
template <class T>
void softmax_backward(Offset rows, Offset columns, bool logarithm, const T* y, const T* dy, T* dx,
                      const Execution& run);

// Of logits (rows, columns) and classes: losses[i] = -sum_c q_c log softmax(x_i)_c with
// q_c = w_c ((1 - smoothing) [c = class] + smoothing / columns), 0 where the class is `ignored`.
struct CrossEntropy {
  Offset rows = 0, columns = 0;
  Offset ignored = -100;
  double smoothing = 0;
};

// The sum of the weights of the classes that count (their number, without weights). `bad`: the first row
// whose class is out of range, or -1.
template <class T>
double class_weights(const CrossEntropy& loss, const Offset* classes, const T* weights, Offset& bad);

// losses (rows), slopes (rows, columns) = scale times their gradients. Returns the sum of the losses.
template <class T>
double cross_entropy(const CrossEntropy& loss, const T* logits, const Offset* classes, const T* weights,
                     double scale, T* losses, T* slopes, const Execution& run);

}  // namespace eckart
