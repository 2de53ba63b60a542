// What the bindings of `nn` share.
#pragma once

#include "eckart/nn/linear.hpp"
#include "pooled.hpp"
#include "recording.hpp"

namespace eckart::bindings {

// Each part of the family registers its functions.
void bind_nn_arrangement(py::module_& m);
void bind_nn_attention(py::module_& m);
void bind_nn_elementwise(py::module_& m);
void bind_nn_normalization(py::module_& m);
void bind_nn_optimizers(py::module_& m);
void bind_nn_response_norm(py::module_& m);
void bind_plans(py::module_& m);

inline Activation activation_named(const std::string& name) {
  if (name == "none") return Activation::none;
  if (name == "relu") return Activation::relu;
  if (name == "tanh") return Activation::tanh;
  if (name == "sigmoid") return Activation::sigmoid;
  throw py::value_error("activation: expected none, relu, tanh or sigmoid, got '" + name + "'");
}

// The gradient before the activation, given that of the result y; that itself where there was none.
template <class T>
array_t<T> before_activation(const array_t<T>& dy, const std::optional<array_t<T>>& y,
                             const std::string& activation, int threads) {
  const Activation f = activation_named(activation);
  if (f == Activation::none) return dy;
  if (!y || y->size() != dy.size())
    shape_error("y", "the layer's result, as large as dy", "another, or none");
  auto result = pooled_array<T>(std::vector<Offset>(dy.shape(), dy.shape() + dy.ndim()));
  T* dz = result.mutable_data();
  run_recorded(threads, [=](const Execution& run) {
    activation_backward(f, dy.size(), y->data(), dy.data(), dz, run);
  });
  return result;
}

}  // namespace eckart::bindings
