// The buffer pool, and bindings of eckart/linalg/product.hpp and eckart/nn/linear.hpp.
#include "nn.hpp"

#include <pybind11/stl.h>

#include <array>

#include "eckart/linalg/product.hpp"

namespace eckart::bindings {
namespace {

py::array empty(const std::vector<Offset>& shape, const py::object& dtype) {
  for (Offset n : shape) {
    if (n < 0) shape_error("shape", "no negative number", std::to_string(n));
  }
  return pooled_array(py::dtype::from_args(dtype), shape);
}

py::dict pool_statistics() {
  const auto s = BufferPool::shared().statistics();
  py::dict d;
  d["in_use"] = s.in_use;
  d["cached"] = s.cached;
  d["requests"] = s.requests;
  d["allocated"] = s.allocated;
  return d;
}

template <class T>
using strided_t = py::array_t<T, 0>;  // any strides

// The last two dimensions of an array as a matrix, in numbers instead of bytes.
template <class T>
Strided<const T> last_matrix(const strided_t<T>& a, const char* name) {
  if (a.ndim() < 2) shape_error(name, "at least 2 dimensions", std::to_string(a.ndim()));
  constexpr Offset size = sizeof(T);
  for (int i = 0; i < a.ndim(); ++i) {
    if (a.strides(i) % size != 0) shape_error(name, "strides of whole entries", "others");
  }
  return {a.data(), a.strides(a.ndim() - 2) / size, a.strides(a.ndim() - 1) / size};
}

// Where each matrix of a batch begins, in the order of the broadcast shape.
template <class T>
std::vector<Offset> batch_starts(const strided_t<T>& a, const std::vector<Offset>& batch) {
  std::vector<Offset> starts{0};
  const Offset missing = static_cast<Offset>(batch.size()) + 2 - a.ndim();
  for (Offset d = 0; d < static_cast<Offset>(batch.size()); ++d) {
    const bool repeated = d < missing || a.shape(d - missing) == 1;
    const Offset stride = repeated ? 0 : a.strides(d - missing) / static_cast<Offset>(sizeof(T));
    std::vector<Offset> next;
    next.reserve(starts.size() * batch[d]);
    for (Offset start : starts) {
      for (Offset i = 0; i < batch[d]; ++i) next.push_back(start + i * stride);
    }
    starts = std::move(next);
  }
  return starts;
}

template <class T>
std::vector<Offset> broadcast_batch(const strided_t<T>& a, const strided_t<T>& b) {
  const Offset n = std::max(a.ndim(), b.ndim()) - 2;
  std::vector<Offset> batch(n);
  for (Offset d = 0; d < n; ++d) {
    const Offset in_a = d + a.ndim() - 2 - n, in_b = d + b.ndim() - 2 - n;
    const Offset left = in_a < 0 ? 1 : a.shape(in_a), right = in_b < 0 ? 1 : b.shape(in_b);
    if (left != right && left != 1 && right != 1) {
      shape_error("b", "batch dimensions that fit those of a",
                  std::to_string(right) + " beside " + std::to_string(left));
    }
    batch[d] = left == 1 ? right : left;
  }
  return batch;
}

template <class T>
array_t<T> matmul(const strided_t<T>& a, const strided_t<T>& b, int threads) {
  Product<T> p;
  p.a = last_matrix(a, "a");
  p.b = last_matrix(b, "b");
  p.m = a.shape(a.ndim() - 2);
  p.k = a.shape(a.ndim() - 1);
  p.n = b.shape(b.ndim() - 1);
  check_equal(p.k, b.shape(b.ndim() - 2), "columns of a and rows of b");
  const auto batch = broadcast_batch(a, b);
  auto shape = batch;
  shape.push_back(p.m);
  shape.push_back(p.n);
  auto result = pooled_array<T>(shape);
  p.c = {result.mutable_data(), p.n, 1};
  // Matrices that lie below each other, all times the same one, are one tall matrix.
  const bool tall = b.ndim() == 2 && (a.flags() & py::array::c_style);
  for (int d = 0; tall && d < a.ndim() - 2; ++d) p.m *= a.shape(d);
  const auto a_starts = tall ? std::vector<Offset>{0} : batch_starts(a, batch);
  const auto b_starts = tall ? std::vector<Offset>{0} : batch_starts(b, batch);
  std::vector<Offset> c_starts(a_starts.size());
  for (std::size_t i = 0; i < c_starts.size(); ++i) c_starts[i] = static_cast<Offset>(i) * p.m * p.n;
  run_recorded(threads, [=](const Execution& run) {
    if (c_starts.size() == 1) return multiply(p, run);
    multiply_batch(p, static_cast<Offset>(c_starts.size()), a_starts.data(), b_starts.data(), c_starts.data(),
                   run);
  });
  return result;
}

template <class T>
Linear layer(const array_t<T>& x, const array_t<T>& weight) {
  const auto left = matrix(x, "x"), right = matrix(weight, "weight");
  check_equal(left.cols, right.cols, "columns of x and of weight");
  return {left.rows, left.cols, right.rows};
}

template <class T>
array_t<T> linear_forward(const array_t<T>& x, const array_t<T>& weight,
                          const std::optional<array_t<T>>& bias, const std::string& activation, int threads) {
  const Linear shape = layer(x, weight);
  const T* b = optional_vector(bias, shape.out, "bias");
  const Activation f = activation_named(activation);
  auto result = pooled_array<T>({shape.n, shape.out});
  T* y = result.mutable_data();
  run_recorded(threads, [=](const Execution& run) { linear(shape, x.data(), weight.data(), b, f, y, run); });
  return result;
}

// (dx, dw, db), None where `needs` has no use for it; dw and db in the caller's arrays where given. `dy` is
// the gradient of the layer's result y; y itself is only wanted where there was an activation.
template <class T>
py::tuple gradients_of_linear(const array_t<T>& x, const array_t<T>& weight, const array_t<T>& dy,
                              const std::optional<array_t<T>>& y, const std::string& activation,
                              const std::array<bool, 3>& needs, const std::optional<array_t<T>>& dw,
                              const std::optional<array_t<T>>& db, int threads) {
  const Linear shape = layer(x, weight);
  const auto gradient = matrix(dy, "dy");
  check_equal(gradient.rows, shape.n, "rows of dy and of x");
  check_equal(gradient.cols, shape.out, "columns of dy and rows of weight");
  const auto before = before_activation(dy, y, activation, threads);
  std::optional<array_t<T>> results[3];
  if (needs[0]) results[0] = pooled_array<T>({shape.n, shape.in});
  if (needs[1]) results[1] = target_array(dw, {shape.out, shape.in}, "dw");
  if (needs[2]) results[2] = target_array(db, {shape.out}, "db");
  T* to[3];
  for (int i = 0; i < 3; ++i) to[i] = results[i] ? results[i]->mutable_data() : nullptr;
  run_recorded(threads, [=](const Execution& run) {
    linear_backward(shape, x.data(), weight.data(), before.data(), to[0], to[1], to[2], run);
  });
  return py::make_tuple(results[0], results[1], results[2]);
}

template <class T>
void bind(py::module_& m) {
  m.def("matmul", recorded(&matmul<T>), in("a"), in("b"), py::arg("threads"));
  m.def("linear", recorded(&linear_forward<T>), in("x"), in("weight"), in("bias"), py::arg("activation"),
        py::arg("threads"));
  m.def("linear_backward", recorded(&gradients_of_linear<T>), in("x"), in("weight"), in("dy"), in("y"),
        py::arg("activation"), py::arg("needs"), in("dw"), in("db"), py::arg("threads"));
}

}  // namespace

void bind_nn(py::module_ m) {
  m.doc() = "Layers of networks, forward and backward. Results lie in pooled memory.";
  m.def("empty", &empty, py::arg("shape"), py::arg("dtype"));
  m.def("pool_statistics", &pool_statistics);
  m.def("release_memory", [] { BufferPool::shared().release(); });
  bind<float>(m);
  bind<double>(m);
  bind_nn_arrangement(m);
  bind_nn_attention(m);
  bind_nn_elementwise(m);
  bind_nn_normalization(m);
  bind_nn_optimizers(m);
  bind_nn_response_norm(m);
  bind_plans(m);
}

}  // namespace eckart::bindings
