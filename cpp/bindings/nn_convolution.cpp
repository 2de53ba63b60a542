// Bindings of eckart/nn/convolution.hpp.
#include <pybind11/stl.h>

#include "eckart/nn/convolution.hpp"
#include "eckart/nn/elementwise.hpp"
#include "nn_images.hpp"

namespace eckart::bindings {
namespace {

// The convolution that leads from images of this shape through these weights (out, in / groups, kh, kw).
template <class T>
Convolution convolution(const std::array<Offset, 4>& x, const array_t<T>& weight, const Pair& stride,
                        const Margins& padding, const Pair& dilation, Offset groups) {
  check_images(weight, "weight");
  if (groups < 1 || x[1] % groups != 0 || weight.shape(0) % groups != 0) {
    shape_error("groups",
                "a divisor of the channels in and out, " + std::to_string(x[1]) + " and " +
                    std::to_string(weight.shape(0)),
                std::to_string(groups));
  }
  if (weight.shape(1) * groups != x[1]) {
    shape_error("x", std::to_string(weight.shape(1) * groups) + " channels, as weight and groups have",
                std::to_string(x[1]));
  }
  Convolution c;
  c.images = x[0];
  c.in = x[1];
  c.out = weight.shape(0);
  c.groups = groups;
  c.y = window(x[2], weight.shape(2), stride[0], padding[0], padding[2], dilation[0]);
  c.x = window(x[3], weight.shape(3), stride[1], padding[1], padding[3], dilation[1]);
  return c;
}

template <class T>
void check_output(const Convolution& c, const array_t<T>& dy, const char* name) {
  if (image_shape(dy, name) != std::array<Offset, 4>{c.images, c.out, c.y.out, c.x.out}) {
    shape_error(name, "the shape of the convolution's result", "another");
  }
}

Function function_of(Activation f) {
  return f == Activation::relu ? Function::relu : f == Activation::tanh ? Function::tanh : Function::sigmoid;
}

// Whether each position has a bias of its own: (out, h, w) instead of (out,).
template <class T>
bool of_positions(const Convolution& c, const std::optional<array_t<T>>& bias) {
  if (!bias || bias->ndim() != 3) return false;
  if (bias->shape(0) != c.out || bias->shape(1) != c.y.out || bias->shape(2) != c.x.out) {
    shape_error("bias",
                "(" + std::to_string(c.out) + "), or that by " + std::to_string(c.y.out) + " by " +
                    std::to_string(c.x.out) + " positions",
                "others");
  }
  return true;
}

template <class T>
array_t<T> conv2d(const array_t<T>& x, const array_t<T>& weight, const std::optional<array_t<T>>& bias,
                  const Pair& stride, const Margins& padding, const Pair& dilation, Offset groups,
                  const std::string& activation, int threads) {
  const auto c = convolution(image_shape(x, "x"), weight, stride, padding, dilation, groups);
  const bool own = of_positions(c, bias);
  const T* b = own ? bias->data() : optional_vector(bias, c.out, "bias");
  const Activation f = activation_named(activation);
  auto result = pooled_array<T>({c.images, c.out, c.y.out, c.x.out});
  const Offset n = result.size(), positions = c.out * c.y.out * c.x.out;
  T* y = result.mutable_data();
  run_recorded(threads, [=](const Execution& run) {
    if (!own) return convolve(c, x.data(), weight.data(), b, f, y, run);
    convolve<T>(c, x.data(), weight.data(), nullptr, Activation::none, y, run);
    if (n > 0) add(n, positions, y, b, y, run);
    if (f != Activation::none) elementwise(function_of(f), n, y, y, run);
  });
  return result;
}

// From what conv2d gives back to images of `shape`: its gradient, and the layer that is called transposed.
template <class T>
array_t<T> conv2d_transposed(const array_t<T>& dy, const array_t<T>& weight,
                             const std::optional<array_t<T>>& bias, const std::array<Offset, 4>& shape,
                             const Pair& stride, const Margins& padding, const Pair& dilation, Offset groups,
                             const std::string& activation, int threads) {
  const auto c = convolution(shape, weight, stride, padding, dilation, groups);
  check_output(c, dy, "dy");
  const T* b = optional_vector(bias, c.in, "bias");
  const Activation f = activation_named(activation);
  auto result = pooled_array<T>({c.images, c.in, c.y.in, c.x.in});
  T* dx = result.mutable_data();
  run_recorded(threads, [=](const Execution& run) {
    convolve_transposed(c, dy.data(), weight.data(), b, f, dx, run);
  });
  return result;
}

// (dx, dw, db), None where `needs` has no use for it; dw and db in the caller's arrays where given. `dy` is
// the gradient of the layer's result y; y itself is only wanted where there was an activation.
template <class T>
py::tuple conv2d_backward(const array_t<T>& x, const array_t<T>& weight, const array_t<T>& dy,
                          const std::optional<array_t<T>>& y, const Pair& stride, const Margins& padding,
                          const Pair& dilation, Offset groups, const std::string& activation,
                          const std::array<bool, 3>& needs, const std::optional<array_t<T>>& dw,
                          const std::optional<array_t<T>>& db, int threads, bool own_bias) {
  const auto c = convolution(image_shape(x, "x"), weight, stride, padding, dilation, groups);
  check_output(c, dy, "dy");
  const bool own = own_bias && needs[2];
  // What leads back to the images reads the gradient several times, the weights' once: for these alone it is
  // taken back through the activation as it is read.
  const bool first = needs[0] || own;
  const Activation f = first ? Activation::none : activation_named(activation);
  const auto before = before_activation(dy, y, first ? activation : "none", threads);
  if (f != Activation::none && (!y || y->size() != dy.size()))
    shape_error("y", "the layer's result, as large as dy", "another, or none");
  std::optional<array_t<T>> results[3];
  if (needs[0]) results[0] = pooled_array<T>({c.images, c.in, c.y.in, c.x.in});
  if (needs[1]) results[1] = target_array(dw, {c.out, c.group_in(), c.y.kernel, c.x.kernel}, "dw");
  if (own) results[2] = target_array(db, {c.out, c.y.out, c.x.out}, "db");
  if (needs[2] && !own) results[2] = target_array(db, {c.out}, "db");
  T* to[3];
  for (int i = 0; i < 3; ++i) to[i] = results[i] ? results[i]->mutable_data() : nullptr;
  const T* result = f == Activation::none ? nullptr : y->data();
  run_recorded(threads, [=](const Execution& run) {
    const T* dz = before.data();
    if (to[0]) convolve_transposed<T>(c, dz, weight.data(), nullptr, Activation::none, to[0], run);
    if (own) sum_rows(c.images, c.out * c.y.out * c.x.out, dz, to[2], run);
    T* channels = own ? nullptr : to[2];
    if (to[1] || channels) convolve_weight_gradient(c, x.data(), dz, result, f, to[1], channels, run);
  });
  return py::make_tuple(results[0], results[1], results[2]);
}

template <class T>
void bind(py::module_& m) {
  m.def("conv2d", recorded(&conv2d<T>), in("x"), in("weight"), in("bias"), py::arg("stride"),
        py::arg("padding"), py::arg("dilation"), py::arg("groups"), py::arg("activation"),
        py::arg("threads"));
  m.def("conv2d_transposed", recorded(&conv2d_transposed<T>), in("dy"), in("weight"), in("bias"),
        py::arg("shape"), py::arg("stride"), py::arg("padding"), py::arg("dilation"), py::arg("groups"),
        py::arg("activation"), py::arg("threads"));
  m.def("conv2d_backward", recorded(&conv2d_backward<T>), in("x"), in("weight"), in("dy"), in("y"),
        py::arg("stride"), py::arg("padding"), py::arg("dilation"), py::arg("groups"), py::arg("activation"),
        py::arg("needs"), in("dw"), in("db"), py::arg("threads"), py::arg("own_bias") = false);
}

}  // namespace

void bind_nn_convolution(py::module_ m) {
  bind<float>(m);
  bind<double>(m);
}

}  // namespace eckart::bindings
