#include "eckart/nn/linear.hpp"

#include <algorithm>

#include "eckart/base/parallel.hpp"
#include "eckart/base/vector_loop.hpp"
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

namespace {

// dx = dy W
template <class T>
void input_gradient(const Linear& layer, const T* weight, const T* dy, T* dx, const Execution& run) {
  Product<T> p;
  p.m = layer.n;
  p.n = layer.in;
  p.k = layer.out;
  p.a = {dy, layer.out, 1};
  p.b = {weight, layer.in, 1};
  p.c = {dx, layer.in, 1};
  multiply(p, run);
}

// dw = dy' x, db = the sum of the rows of dy; either may be null.
template <class T>
void parameter_gradients(const Linear& layer, const T* x, const T* dy, T* dw, T* db, const Execution& run) {
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

}  // namespace

template <class T>
void linear_backward(const Linear& layer, const T* x, const T* weight, const T* dy, T* dx, T* dw, T* db,
                     const Execution& run) {
  constexpr double few = 8e6;  // operations: two threads are better used by a product each than by halves
  const double work = 2.0 * layer.n * layer.in * layer.out;
  if (dx && dw && run.threads == 2 && work < few) {
    parallel_ranges(2, 1, work / 2, run, [&](Offset part, Offset) {
      if (part == 0) input_gradient(layer, weight, dy, dx, Execution{1});
      if (part == 1) parameter_gradients(layer, x, dy, dw, db, Execution{1});
    });
    return;
  }
  if (dx) input_gradient(layer, weight, dy, dx, run);
  parameter_gradients(layer, x, dy, dw, db, run);
}

template <class T>
void activation_backward(Activation activation, Offset n, const T* y, const T* dy, T* dz,
                         const Execution& run) {
  parallel_ranges(n, 1 << 13, 4.0 * n, run, [&](Offset begin, Offset end) {
    for_vectors<T>(begin, end, [=](Offset i, auto lanes) {
      lanes.store(dz + i, before_activation<T>(activation, lanes.load(y + i), lanes.load(dy + i)));
    });
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
