// Bindings of eckart/nn/optimizers.hpp. Parameters and states are changed in place.
#include <pybind11/stl.h>

#include "eckart/nn/optimizers.hpp"
#include "nn.hpp"

namespace eckart::bindings {
namespace {

template <class T>
using State = std::optional<array_t<T>>;

// What every step has: the parameters, their gradient, its sign and decay.
template <class T>
struct Step {
  Offset n;
  T* p;
  const T* g;
  Slope slope;

  Step(array_t<T>& parameters, const array_t<T>& gradient, double sign, double decay)
      : n(parameters.size()),
        p(mutable_vector(parameters, n, "parameters")),
        g(vector(gradient, n, "gradient")),
        slope{sign, decay} {}

  T* state(array_t<T>& a, const char* name) const { return mutable_vector(a, n, name); }
  T* state(State<T>& a, const char* name) const { return a ? mutable_vector(*a, n, name) : nullptr; }
};

template <class T>
void sgd_step(array_t<T>& parameters, const array_t<T>& gradient, State<T>& velocity, double lr,
              double momentum, double keep, double direct, double carried, double sign, double decay,
              int threads) {
  const Step<T> s(parameters, gradient, sign, decay);
  T* v = s.state(velocity, "velocity");
  run_released(threads, [&](const Execution& run) {
    momentum_step(s.n, s.p, s.g, v, s.slope, Momentum{lr, momentum, keep, direct, carried}, run);
  });
}

template <class T>
void heavy_ball(array_t<T>& parameters, const array_t<T>& gradient, array_t<T>& last, double lr,
                double momentum, double sign, double decay, int threads) {
  const Step<T> s(parameters, gradient, sign, decay);
  T* l = s.state(last, "last");
  run_released(threads,
               [&](const Execution& run) { heavy_ball_step(s.n, s.p, s.g, l, s.slope, lr, momentum, run); });
}

template <class T>
void nesterov(array_t<T>& parameters, const array_t<T>& gradient, array_t<T>& last, double lr,
              double momentum, double sign, double decay, int threads) {
  const Step<T> s(parameters, gradient, sign, decay);
  T* l = s.state(last, "last");
  run_released(threads,
               [&](const Execution& run) { nesterov_step(s.n, s.p, s.g, l, s.slope, lr, momentum, run); });
}

template <class T>
void extragradient(array_t<T>& parameters, const array_t<T>& gradient, const array_t<T>& origin, double lr,
                   double sign, double decay, int threads) {
  const Step<T> s(parameters, gradient, sign, decay);
  const T* from = vector(origin, s.n, "origin");
  run_released(threads,
               [&](const Execution& run) { extragradient_step(s.n, s.p, s.g, from, s.slope, lr, run); });
}

template <class T>
void adagrad(array_t<T>& parameters, const array_t<T>& gradient, array_t<T>& squares, double lr, double eps,
             double sign, double decay, int threads) {
  const Step<T> s(parameters, gradient, sign, decay);
  T* sums = s.state(squares, "squares");
  run_released(threads,
               [&](const Execution& run) { adagrad_step(s.n, s.p, s.g, sums, s.slope, lr, eps, run); });
}

template <class T>
void rmsprop(array_t<T>& parameters, const array_t<T>& gradient, array_t<T>& squares, State<T>& mean,
             State<T>& velocity, double lr, double alpha, double eps, double momentum, double sign,
             double decay, int threads) {
  const Step<T> s(parameters, gradient, sign, decay);
  T *sums = s.state(squares, "squares"), *m = s.state(mean, "mean"), *v = s.state(velocity, "velocity");
  run_released(threads, [&](const Execution& run) {
    rmsprop_step(s.n, s.p, s.g, sums, m, v, s.slope, RmsProp{lr, alpha, eps, momentum}, run);
  });
}

template <class T>
void adam(array_t<T>& parameters, const array_t<T>& gradient, array_t<T>& mean, array_t<T>& squares,
          State<T>& largest, double lr, double beta1, double beta2, double eps, double root_scale,
          double shrink, double sign, double decay, int threads) {
  const Step<T> s(parameters, gradient, sign, decay);
  T *m = s.state(mean, "mean"), *v = s.state(squares, "squares"), *top = s.state(largest, "largest");
  run_released(threads, [&](const Execution& run) {
    adam_step(s.n, s.p, s.g, m, v, top, s.slope, Adam{lr, beta1, beta2, eps, root_scale, shrink}, run);
  });
}

template <class T>
void average(array_t<T>& average, const array_t<T>& parameters, double rate, int threads) {
  const Offset n = average.size();
  T* to = mutable_vector(average, n, "average");
  const T* from = vector(parameters, n, "parameters");
  run_released(threads, [&](const Execution& run) { average_step(n, to, from, rate, run); });
}

template <class T>
std::vector<Segment<T>> segments(std::vector<array_t<T>>& arrays) {
  std::vector<Segment<T>> all;
  for (auto& a : arrays) all.push_back({a.mutable_data(), a.size()});
  return all;
}

template <class T>
double sum_of_squares(std::vector<array_t<T>> arrays, int threads) {
  const auto all = segments(arrays);
  double sum = 0;
  run_released(threads, [&](const Execution& run) { sum = squared_norm(all, run); });
  return sum;
}

template <class T>
void multiply_all(std::vector<array_t<T>> arrays, double factor, int threads) {
  const auto all = segments(arrays);
  run_released(threads, [&](const Execution& run) { scale(all, factor, run); });
}

template <class T>
void bind(py::module_& m) {
  const auto threads = py::arg("threads"), lr = py::arg("lr"), sign = py::arg("sign"),
             decay = py::arg("decay"), momentum = py::arg("momentum"), eps = py::arg("eps");
  const auto p = in("parameters"), g = in("gradient");
  m.def("sgd_step", &sgd_step<T>, p, g, in("velocity"), lr, momentum, py::arg("keep"), py::arg("direct"),
        py::arg("carried"), sign, decay, threads);
  m.def("heavy_ball_step", &heavy_ball<T>, p, g, in("last"), lr, momentum, sign, decay, threads);
  m.def("nesterov_step", &nesterov<T>, p, g, in("last"), lr, momentum, sign, decay, threads);
  m.def("extragradient_step", &extragradient<T>, p, g, in("origin"), lr, sign, decay, threads);
  m.def("adagrad_step", &adagrad<T>, p, g, in("squares"), lr, eps, sign, decay, threads);
  m.def("rmsprop_step", &rmsprop<T>, p, g, in("squares"), in("mean"), in("velocity"), lr, py::arg("alpha"),
        eps, momentum, sign, decay, threads);
  m.def("adam_step", &adam<T>, p, g, in("mean"), in("squares"), in("largest"), lr, py::arg("beta1"),
        py::arg("beta2"), eps, py::arg("root_scale"), py::arg("shrink"), sign, decay, threads);
  m.def("average_step", &average<T>, in("average"), in("parameters"), py::arg("rate"), threads);
  m.def("sum_of_squares", &sum_of_squares<T>, in("arrays"), threads);
  m.def("multiply_all", &multiply_all<T>, in("arrays"), py::arg("factor"), threads);
}

}  // namespace

void bind_nn_optimizers(py::module_& m) {
  bind<float>(m);
  bind<double>(m);
}

}  // namespace eckart::bindings
