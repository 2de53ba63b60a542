#include "eckart/nn/linear.hpp"

#include <algorithm>

#include "eckart/base/parallel.hpp"
#include "eckart/linalg/product.hpp"
#include "eckart/nn/elementwise.hpp"

namespace eckart {

template <class T>
void linear(const Linear& layer, const T* x, const T* weight, const T* bias, Activation activation, T* y,
            const Execution& run) {
  Product<T> p;
  p.m = layer.n;
  p.n = layer.out;
  p.k = layer.in;
  p.a = {x, layer.in, 1};
  p.b = {weight, 1, layer.in};
  p.c = {y, layer.out, 1};
  p.bias = bias;
  p.activation = activation;
  multiply(p, run);
}

template <class T>
void linear_backward(const Linear& layer, const T* x, const T* weight, const T* dy, T* dx, T* dw, T* db,
                     const Execution& run) {
  if (dx) {
    Product<T> p;
    p.m = layer.n;
    p.n = layer.in;
    p.k = layer.out;
    p.a = {dy, layer.out, 1};
    p.b = {weight, layer.in, 1};
    p.c = {dx, layer.in, 1};
    multiply(p, run);
  }
  if (dw) {
    Product<T> p;
    p.m = layer.out;
    p.n = layer.in;
    p.k = layer.n;
    p.a = {dy, 1, layer.out};
    p.b = {x, layer.in, 1};
    p.c = {dw, layer.in, 1};
    multiply(p, run);
  }
  if (db) sum_rows(layer.n, layer.out, dy, db, run);
}

template <class T>
void activation_backward(Activation activation, Offset n, const T* y, const T* dy, T* dz,
                         const Execution& run) {
  parallel_ranges(n, 1 << 14, 2.0 * n, run, [&](Offset begin, Offset end) {
    constexpr Offset lanes = kSimdWidth<T>;
    Offset i = begin;
    for (; i + lanes <= end; i += lanes) {
      store(dz + i, before_activation<T>(activation, load(y + i), load(dy + i)));
    }
    for (; i < end; ++i) {
      dz[i] = before_activation<T>(activation, broadcast(y[i]), broadcast(dy[i]))[0];
    }
  });
}

template void linear(const Linear&, const float*, const float*, const float*, Activation, float*,
                     const Execution&);
template void linear(const Linear&, const double*, const double*, const double*, Activation, double*,
                     const Execution&);
template void linear_backward(const Linear&, const float*, const float*, const float*, float*, float*, float*,
                              const Execution&);
template void linear_backward(const Linear&, const double*, const double*, const double*, double*, double*,
                              double*, const Execution&);
template void activation_backward(Activation, Offset, const float*, const float*, float*, const Execution&);
template void activation_backward(Activation, Offset, const double*, const double*, double*,
                                  const Execution&);

}  // namespace eckart
