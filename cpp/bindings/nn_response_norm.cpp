// Bindings of eckart/nn/response_norm.hpp.
#include "eckart/nn/response_norm.hpp"
#include "nn.hpp"

namespace eckart::bindings {
namespace {

template <class T>
ResponseNorm layer_of(const array_t<T>& x, Offset window, double alpha, double beta, double k) {
  if (x.ndim() != 3) shape_error("x", "3 dimensions", std::to_string(x.ndim()));
  if (window < 1) shape_error("window", "at least 1", std::to_string(window));
  return {x.shape(0), x.shape(1), x.shape(2), window, alpha, beta, k};
}

template <class T>
const T* like(const array_t<T>& a, const array_t<T>& x, const char* name) {
  if (a.ndim() != 3 || !std::equal(x.shape(), x.shape() + 3, a.shape())) {
    shape_error(name, "the shape of x", "another");
  }
  return a.data();
}

// (y, d)
template <class T>
py::tuple forward(const array_t<T>& x, Offset window, double alpha, double beta, double k, int threads) {
  const ResponseNorm layer = layer_of(x, window, alpha, beta, k);
  const std::vector<Offset> shape(x.shape(), x.shape() + 3);
  auto y = pooled_array<T>(shape), d = pooled_array<T>(shape);
  const T* from = x.data();
  T *to = y.mutable_data(), *sizes = d.mutable_data();
  run_recorded(threads, [=](const Execution& run) { response_norm(layer, from, to, sizes, run); });
  return py::make_tuple(y, d);
}

template <class T>
array_t<T> backward(const array_t<T>& x, const array_t<T>& y, const array_t<T>& d, const array_t<T>& dy,
                    Offset window, double alpha, double beta, double k, int threads) {
  const ResponseNorm layer = layer_of(x, window, alpha, beta, k);
  const T *from = x.data(), *result = like(y, x, "y"), *sizes = like(d, x, "d"), *slopes = like(dy, x, "dy");
  auto dx = pooled_array<T>(std::vector<Offset>(x.shape(), x.shape() + 3));
  T* to = dx.mutable_data();
  run_recorded(threads, [=](const Execution& run) {
    response_norm_backward(layer, from, result, sizes, slopes, to, run);
  });
  return dx;
}

template <class T>
void bind(py::module_& m) {
  const auto window = py::arg("window"), alpha = py::arg("alpha"), beta = py::arg("beta"), k = py::arg("k"),
             threads = py::arg("threads");
  m.def("response_norm", recorded(&forward<T>), in("x"), window, alpha, beta, k, threads);
  m.def("response_norm_backward", recorded(&backward<T>), in("x"), in("y"), in("d"), in("dy"), window, alpha,
        beta, k, threads);
}

}  // namespace

void bind_nn_response_norm(py::module_& m) {
  bind<float>(m);
  bind<double>(m);
}

}  // namespace eckart::bindings
