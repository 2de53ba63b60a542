// Losses of predictions beside targets, with their gradients in the same sweep.
#pragma once

#include "eckart/base/interrupt.hpp"
#include "eckart/base/types.hpp"

namespace eckart {

// Of d = x - target: d^2; |d|; d^2 / 2 up to |d| = delta and linear beyond (Huber 1964). logistic: the binary
// cross-entropy of sigmoid(x) and a target in [0, 1].
enum class PairedLoss { squared, absolute, huber, logistic };

// The sum of the losses of n pairs; slopes (n) = scale times the derivatives by x.
template <class T>
double paired_loss(PairedLoss loss, double delta, Offset n, const T* x, const T* target, double scale,
                   T* slopes, const Execution& run);

}  // namespace eckart
