// Bindings of eckart/nn/local.hpp.
#include <pybind11/stl.h>

#include "eckart/nn/local.hpp"
#include "nn_images.hpp"

namespace eckart::bindings {
namespace {

// The geometry of images x and weights (oh, ow, out, in, kh, kw), which say how many positions there must be.
template <class T>
Convolution local_layer(const array_t<T>& x, const array_t<T>& weight, const Pair& stride,
                        const Margins& padding, const Pair& dilation) {
  const auto shape = image_shape(x, "x");
  if (weight.ndim() != 6) shape_error("weight", "6 dimensions", std::to_string(weight.ndim()));
  check_equal(weight.shape(3), shape[1], "channels of weight and of x");
  Convolution c;
  c.images = shape[0];
  c.in = shape[1];
  c.out = weight.shape(2);
  c.y = window(shape[2], weight.shape(4), stride[0], padding[0], padding[2], dilation[0]);
  c.x = window(shape[3], weight.shape(5), stride[1], padding[1], padding[3], dilation[1]);
  if (weight.shape(0) != c.y.out || weight.shape(1) != c.x.out) {
    shape_error("weight",
                "weights for " + std::to_string(c.y.out) + " x " + std::to_string(c.x.out) + " positions",
                std::to_string(weight.shape(0)) + " x " + std::to_string(weight.shape(1)));
  }
  return c;
}

template <class T>
array_t<T> local2d(const array_t<T>& x, const array_t<T>& weight, const std::optional<array_t<T>>& bias,
                   const Pair& stride, const Margins& padding, const Pair& dilation,
                   const std::string& activation, int threads) {
  const auto c = local_layer(x, weight, stride, padding, dilation);
  if (bias && bias->size() != c.y.out * c.x.out * c.out) {
    shape_error("bias", std::to_string(c.y.out * c.x.out * c.out) + " entries", std::to_string(bias->size()));
  }
  const T* b = bias ? bias->data() : nullptr;
  const Activation f = activation_named(activation);
  auto result = pooled_array<T>({c.images, c.out, c.y.out, c.x.out});
  T* y = result.mutable_data();
  run_recorded(threads, [=](const Execution& run) { local(c, x.data(), weight.data(), b, f, y, run); });
  return result;
}

// (dx, dw, db) as conv2d_backward has them.
template <class T>
py::tuple local2d_backward(const array_t<T>& x, const array_t<T>& weight, const array_t<T>& dy,
                           const std::optional<array_t<T>>& y, const Pair& stride, const Margins& padding,
                           const Pair& dilation, const std::string& activation,
                           const std::array<bool, 3>& needs, const std::optional<array_t<T>>& dw,
                           const std::optional<array_t<T>>& db, int threads) {
  const auto c = local_layer(x, weight, stride, padding, dilation);
  if (image_shape(dy, "dy") != std::array<Offset, 4>{c.images, c.out, c.y.out, c.x.out}) {
    shape_error("dy", "the shape of the layer's result", "another");
  }
  const auto before = before_activation(dy, y, activation, threads);
  std::optional<array_t<T>> results[3];
  if (needs[0]) results[0] = pooled_array<T>({c.images, c.in, c.y.in, c.x.in});
  if (needs[1]) results[1] = target_array(dw, std::vector<Offset>(weight.shape(), weight.shape() + 6), "dw");
  if (needs[2]) results[2] = target_array(db, {c.y.out, c.x.out, c.out}, "db");
  T* to[3];
  for (int i = 0; i < 3; ++i) to[i] = results[i] ? results[i]->mutable_data() : nullptr;
  run_recorded(threads, [=](const Execution& run) {
    local_backward(c, x.data(), weight.data(), before.data(), to[0], to[1], to[2], run);
  });
  return py::make_tuple(results[0], results[1], results[2]);
}

template <class T>
void bind(py::module_& m) {
  using py::arg;
  m.def("local2d", recorded(&local2d<T>), in("x"), in("weight"), in("bias"), arg("stride"), arg("padding"),
        arg("dilation"), arg("activation"), arg("threads"));
  m.def("local2d_backward", recorded(&local2d_backward<T>), in("x"), in("weight"), in("dy"), in("y"),
        arg("stride"), arg("padding"), arg("dilation"), arg("activation"), arg("needs"), in("dw"), in("db"),
        arg("threads"));
}

}  // namespace

void bind_nn_local(py::module_ m) {
  bind<float>(m);
  bind<double>(m);
}

}  // namespace eckart::bindings
