// Bindings of eckart/nn/normalization.hpp.
#include <pybind11/stl.h>

#include <array>

#include "eckart/nn/normalization.hpp"
#include "nn.hpp"

namespace eckart::bindings {
namespace {

using Needs = std::array<bool, 3>;  // of x, weight, bias

// An array for a gradient that is wanted, in the caller's where given.
template <class T>
std::optional<array_t<T>> wanted(bool needed, const std::optional<array_t<T>>& given,
                                 const std::vector<Offset>& shape, const char* name) {
  if (!needed) return std::nullopt;
  return target_array(given, shape, name);
}

template <class T>
T* data(std::optional<array_t<T>>& a) {
  return a ? a->mutable_data() : nullptr;
}

template <class T>
std::vector<Offset> shape(const array_t<T>& a) {
  return {a.shape(), a.shape() + a.ndim()};
}

// (y, mean, inverse)
template <class T>
py::tuple layer_norm_forward(const array_t<T>& x, const std::optional<array_t<T>>& weight,
                             const std::optional<array_t<T>>& bias, double eps, bool centered, int threads) {
  const auto rows = matrix(x, "x");
  const LayerNorm layer{rows.rows, rows.cols, eps, centered};
  const T* w = optional_vector(weight, rows.cols, "weight");
  const T* b = optional_vector(bias, rows.cols, "bias");
  if (b && !w) shape_error("bias", "a weight beside it", "none");
  auto y = pooled_array<T>(shape(x));
  auto mean = pooled_array<T>({rows.rows}), inverse = pooled_array<T>({rows.rows});
  T *to = y.mutable_data(), *m = mean.mutable_data(), *i = inverse.mutable_data();
  run_recorded(threads, [=](const Execution& run) { layer_norm(layer, rows.data, w, b, to, m, i, run); });
  return py::make_tuple(y, mean, inverse);
}

// (dx, dweight, dbias), None where not needed.
template <class T>
py::tuple layer_norm_back(const array_t<T>& x, const std::optional<array_t<T>>& weight,
                          const array_t<T>& mean, const array_t<T>& inverse, const array_t<T>& dy,
                          bool centered, const Needs& needs, const std::optional<array_t<T>>& dweight,
                          const std::optional<array_t<T>>& dbias, int threads) {
  const auto rows = matrix(x, "x"), slopes = matrix(dy, "dy");
  check_equal(slopes.rows, rows.rows, "rows of dy");
  check_equal(slopes.cols, rows.cols, "columns of dy");
  const LayerNorm layer{rows.rows, rows.cols, 0, centered};
  const T* w = optional_vector(weight, rows.cols, "weight");
  const T *m = vector(mean, rows.rows, "mean"), *i = vector(inverse, rows.rows, "inverse");
  auto dx = wanted<T>(needs[0], std::nullopt, shape(x), "dx");
  auto dw = wanted(needs[1], dweight, {rows.cols}, "dweight"),
       db = wanted(needs[2], dbias, {rows.cols}, "dbias");
  T *to = data(dx), *to_w = data(dw), *to_b = data(db);
  run_recorded(threads, [=](const Execution& run) {
    layer_norm_backward(layer, rows.data, w, m, i, slopes.data, to, to_w, to_b, run);
  });
  return py::make_tuple(dx, dw, db);
}

template <class T>
ChannelNorm channels(const array_t<T>& x, Offset groups, double eps, bool rectified) {
  if (x.ndim() != 3) shape_error("x", "3 dimensions", std::to_string(x.ndim()));
  if (groups < 1 || x.shape(1) % groups != 0) {
    shape_error("groups", "a divisor of " + std::to_string(x.shape(1)) + " channels", std::to_string(groups));
  }
  return {x.shape(0), x.shape(1), x.shape(2), groups, eps, rectified};
}

template <class T>
const T* like(const array_t<T>& a, const array_t<T>& x, const char* name) {
  if (shape(a) != shape(x)) shape_error(name, "the shape of x", "another");
  return a.data();
}

// (mean, variance)
template <class T>
py::tuple moments_of_channels(const array_t<T>& x, int threads) {
  const ChannelNorm layer = channels(x, 1, 0, false);
  auto mean = pooled_array<T>({layer.channels}), variance = pooled_array<T>({layer.channels});
  T *m = mean.mutable_data(), *v = variance.mutable_data();
  run_recorded(threads, [=](const Execution& run) { channel_moments(layer, x.data(), m, v, run); });
  return py::make_tuple(mean, variance);
}

template <class T>
array_t<T> batch_norm_forward(const array_t<T>& x, const array_t<T>& mean, const array_t<T>& variance,
                              const std::optional<array_t<T>>& weight, const std::optional<array_t<T>>& bias,
                              double eps, bool rectified, int threads) {
  const ChannelNorm layer = channels(x, 1, eps, rectified);
  const Offset c = layer.channels;
  const T *m = vector(mean, c, "mean"), *v = vector(variance, c, "variance");
  const T *w = optional_vector(weight, c, "weight"), *b = optional_vector(bias, c, "bias");
  auto y = pooled_array<T>(shape(x));
  T* to = y.mutable_data();
  run_recorded(threads, [=](const Execution& run) { batch_norm(layer, x.data(), m, v, w, b, to, run); });
  return y;
}

template <class T>
py::tuple batch_norm_back(const array_t<T>& x, const array_t<T>& y, const array_t<T>& mean,
                          const array_t<T>& variance, const std::optional<array_t<T>>& weight,
                          const array_t<T>& dy, double eps, bool rectified, bool fixed, const Needs& needs,
                          const std::optional<array_t<T>>& dweight, const std::optional<array_t<T>>& dbias,
                          int threads) {
  const ChannelNorm layer = channels(x, 1, eps, rectified);
  const Offset c = layer.channels;
  const T *m = vector(mean, c, "mean"), *v = vector(variance, c, "variance");
  const T* w = optional_vector(weight, c, "weight");
  const T *result = like(y, x, "y"), *slopes = like(dy, x, "dy");
  auto dx = wanted<T>(needs[0], std::nullopt, shape(x), "dx");
  auto dw = wanted(needs[1], dweight, {c}, "dweight"), db = wanted(needs[2], dbias, {c}, "dbias");
  T *to = data(dx), *to_w = data(dw), *to_b = data(db);
  run_recorded(threads, [=](const Execution& run) {
    batch_norm_backward(layer, fixed, x.data(), result, m, v, w, slopes, to, to_w, to_b, run);
  });
  return py::make_tuple(dx, dw, db);
}

// (y, mean, inverse)
template <class T>
py::tuple group_norm_forward(const array_t<T>& x, Offset groups, const std::optional<array_t<T>>& weight,
                             const std::optional<array_t<T>>& bias, double eps, int threads) {
  const ChannelNorm layer = channels(x, groups, eps, false);
  const T* w = optional_vector(weight, layer.channels, "weight");
  const T* b = optional_vector(bias, layer.channels, "bias");
  auto y = pooled_array<T>(shape(x));
  auto mean = pooled_array<T>({layer.images * groups}), inverse = pooled_array<T>({layer.images * groups});
  T *to = y.mutable_data(), *m = mean.mutable_data(), *i = inverse.mutable_data();
  run_recorded(threads, [=](const Execution& run) { group_norm(layer, x.data(), w, b, to, m, i, run); });
  return py::make_tuple(y, mean, inverse);
}

template <class T>
py::tuple group_norm_back(const array_t<T>& x, Offset groups, const array_t<T>& mean,
                          const array_t<T>& inverse, const std::optional<array_t<T>>& weight,
                          const array_t<T>& dy, const Needs& needs, const std::optional<array_t<T>>& dweight,
                          const std::optional<array_t<T>>& dbias, int threads) {
  const ChannelNorm layer = channels(x, groups, 0, false);
  const Offset c = layer.channels, n = layer.images * groups;
  const T *m = vector(mean, n, "mean"), *i = vector(inverse, n, "inverse");
  const T *w = optional_vector(weight, c, "weight"), *slopes = like(dy, x, "dy");
  auto dx = wanted<T>(needs[0], std::nullopt, shape(x), "dx");
  auto dw = wanted(needs[1], dweight, {c}, "dweight"), db = wanted(needs[2], dbias, {c}, "dbias");
  T *to = data(dx), *to_w = data(dw), *to_b = data(db);
  run_recorded(threads, [=](const Execution& run) {
    group_norm_backward(layer, x.data(), m, i, w, slopes, to, to_w, to_b, run);
  });
  return py::make_tuple(dx, dw, db);
}

template <class T>
void bind(py::module_& m) {
  const auto x = in("x"), weight = in("weight"), bias = in("bias"), mean = in("mean"),
             inverse = in("inverse"), variance = in("variance"), dy = in("dy"), dweight = in("dweight"),
             dbias = in("dbias");
  const auto eps = py::arg("eps"), groups = py::arg("groups"), needs = py::arg("needs"),
             threads = py::arg("threads"), centered = py::arg("centered"), rectified = py::arg("rectified");
  m.def("layer_norm", recorded(&layer_norm_forward<T>), x, weight, bias, eps, centered, threads);
  m.def("layer_norm_backward", recorded(&layer_norm_back<T>), x, weight, mean, inverse, dy, centered, needs,
        dweight, dbias, threads);
  m.def("channel_moments", recorded(&moments_of_channels<T>), x, threads);
  m.def("batch_norm", recorded(&batch_norm_forward<T>), x, mean, variance, weight, bias, eps, rectified,
        threads);
  m.def("batch_norm_backward", recorded(&batch_norm_back<T>), x, in("y"), mean, variance, weight, dy, eps,
        rectified, py::arg("fixed"), needs, dweight, dbias, threads);
  m.def("group_norm", recorded(&group_norm_forward<T>), x, groups, weight, bias, eps, threads);
  m.def("group_norm_backward", recorded(&group_norm_back<T>), x, groups, mean, inverse, weight, dy, needs,
        dweight, dbias, threads);
}

}  // namespace

void bind_nn_normalization(py::module_& m) {
  bind<float>(m);
  bind<double>(m);
}

}  // namespace eckart::bindings
