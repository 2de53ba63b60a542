// One step of each optimiser over a flat buffer of parameters, its state in flat buffers beside it.
//
// In all of them p, g and the states have n numbers, and g stands for sign g + decay p: sign -1 climbs, decay
// is the gradient of decay / 2 |p|^2. Each number is read and written once. Cost: memory.
#pragma once

#include <vector>

#include "eckart/base/interrupt.hpp"
#include "eckart/base/types.hpp"

namespace eckart {

// Settings are doubles: 1 - .999 in float would be off by 5e-5 of itself.
struct Slope {
  double sign = 1, decay = 0;
};

// velocity = momentum velocity + keep g;   p -= lr (direct g + carried velocity).
// Plain descent has no velocity (null), and takes lr g.
struct Momentum {
  double lr, momentum, keep, direct, carried;
};
template <class T>
void momentum_step(Offset n, T* p, const T* g, T* velocity, const Slope& slope, const Momentum& by,
                   const Execution& run);

// Heavy ball (Polyak 1964): p' = p - lr g + momentum (p - last), last = p.
template <class T>
void heavy_ball_step(Offset n, T* p, const T* g, T* last, const Slope& slope, double lr, double momentum,
                     const Execution& run);

// Nesterov (1983), p being the extrapolated point: x = p - lr g, p' = x + momentum (x - last), last = x.
template <class T>
void nesterov_step(Offset n, T* p, const T* g, T* last, const Slope& slope, double lr, double momentum,
                   const Execution& run);

// p = origin - lr g, for the half steps of extragradient (Korpelevich 1976).
template <class T>
void extragradient_step(Offset n, T* p, const T* g, const T* origin, const Slope& slope, double lr,
                        const Execution& run);

// AdaGrad (Duchi, Hazan and Singer 2011): squares += g^2, p -= lr g / (sqrt(squares) + eps).
template <class T>
void adagrad_step(Offset n, T* p, const T* g, T* squares, const Slope& slope, double lr, double eps,
                  const Execution& run);

// RMSProp (Tieleman and Hinton 2012): squares = alpha squares + (1 - alpha) g^2, and with `mean` less its
// square; velocity = momentum velocity + g / (sqrt(squares) + eps), p -= lr velocity. `mean`, `velocity` may
// be null.
struct RmsProp {
  double lr, alpha, eps, momentum;
};
template <class T>
void rmsprop_step(Offset n, T* p, const T* g, T* squares, T* mean, T* velocity, const Slope& slope,
                  const RmsProp& by, const Execution& run);

// Adam (Kingma and Ba 2015): mean and squares are running means of g and g^2;
// p = shrink p - lr mean / (root_scale sqrt(squares) + eps). shrink: AdamW's decay (Loshchilov and Hutter
// 2019). lr and root_scale hold the corrections of the bias. With `largest`, the largest squares so far
// (Reddi, Kale and Kumar 2018).
struct Adam {
  double lr, beta1, beta2, eps, root_scale, shrink;
};
template <class T>
void adam_step(Offset n, T* p, const T* g, T* mean, T* squares, T* largest, const Slope& slope,
               const Adam& by, const Execution& run);

// average += rate (p - average)
template <class T>
void average_step(Offset n, T* average, const T* p, double rate, const Execution& run);

template <class T>
struct Segment {  // some numbers of many arrays that are treated as one
  T* data;
  Offset n;
};

// The sum of squares, in double.
template <class T>
double squared_norm(const std::vector<Segment<T>>& all, const Execution& run);

template <class T>
void scale(const std::vector<Segment<T>>& all, double factor, const Execution& run);

}  // namespace eckart
