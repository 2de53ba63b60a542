// Bindings of eckart/nn/elementwise.hpp, softmax.hpp and embedding.hpp. Arrays may have any shape.
#include <pybind11/stl.h>

#include <algorithm>
#include <map>

#include "eckart/nn/elementwise.hpp"
#include "eckart/nn/embedding.hpp"
#include "eckart/nn/softmax.hpp"
#include "nn.hpp"

namespace eckart::bindings {
namespace {

template <class T>
std::vector<Offset> shape(const array_t<T>& a) {
  return {a.shape(), a.shape() + a.ndim()};
}

template <class T>
const T* like(const array_t<T>& a, const array_t<T>& x, const char* name) {
  if (shape(a) != shape(x)) shape_error(name, "the shape of x", "another");
  return a.data();
}

Function function_named(const std::string& name) {
  static const std::map<std::string, Function> names{
      {"relu", Function::relu},           {"tanh", Function::tanh},        {"sigmoid", Function::sigmoid},
      {"gelu", Function::gelu},           {"erf", Function::erf},          {"silu", Function::silu},
      {"gelu_tanh", Function::gelu_tanh}, {"softplus", Function::softplus}};
  const auto found = names.find(name);
  if (found == names.end()) shape_error("function", "the name of one", "'" + name + "'");
  return found->second;
}

template <class T>
array_t<T> elementwise_forward(const std::string& function, const array_t<T>& x, int threads) {
  const Function f = function_named(function);
  auto y = pooled_array<T>(shape(x));
  T* to = y.mutable_data();
  run_recorded(threads, [=](const Execution& run) { elementwise(f, x.size(), x.data(), to, run); });
  return y;
}

template <class T>
array_t<T> elementwise_back(const std::string& function, const array_t<T>& x, const array_t<T>& y,
                            const array_t<T>& dy, int threads) {
  const Function f = function_named(function);
  const T *result = like(y, x, "y"), *slopes = like(dy, x, "dy");
  auto dx = pooled_array<T>(shape(x));
  T* to = dx.mutable_data();
  run_recorded(threads, [=](const Execution& run) {
    elementwise_backward(f, x.size(), x.data(), result, slopes, to, run);
  });
  return dx;
}

// Rows and columns: all axes but the last one, and that.
template <class T>
std::pair<Offset, Offset> rows_of(const array_t<T>& x) {
  if (x.ndim() < 1) shape_error("x", "at least 1 dimension", "0");
  const Offset columns = x.shape(x.ndim() - 1);
  return {columns ? x.size() / columns : 0, columns};
}

template <class T>
array_t<T> softmax_forward(const array_t<T>& x, bool logarithm, int threads) {
  const auto [rows, columns] = rows_of(x);
  auto y = pooled_array<T>(shape(x));
  const Offset n = rows, m = columns;
  T* to = y.mutable_data();
  run_recorded(threads, [=](const Execution& run) { softmax(n, m, logarithm, x.data(), to, run); });
  return y;
}

template <class T>
array_t<T> softmax_back(const array_t<T>& y, const array_t<T>& dy, bool logarithm, int threads) {
  const auto [rows, columns] = rows_of(y);
  const T* slopes = like(dy, y, "dy");
  auto dx = pooled_array<T>(shape(y));
  const Offset n = rows, m = columns;
  T* to = dx.mutable_data();
  run_recorded(threads,
               [=](const Execution& run) { softmax_backward(n, m, logarithm, y.data(), slopes, to, run); });
  return dx;
}

// (losses, slopes, their sum, or mean by weight with `mean`: NaN of nothing); slopes of their mean with
// `mean`.
template <class T>
py::tuple cross_entropy_with_slopes(const array_t<T>& logits, const array_t<Offset>& classes,
                                    const std::optional<array_t<T>>& weight, Offset ignore_index,
                                    double smoothing, bool mean, int threads) {
  const auto x = matrix(logits, "logits");
  const Offset* c = vector(classes, x.rows, "target");
  const T* w = optional_vector(weight, x.cols, "weight");
  const CrossEntropy loss{x.rows, x.cols, ignore_index, smoothing};
  auto losses = pooled_array<T>({x.rows}), reduced = pooled_array<T>({});
  auto slopes = pooled_array<T>({x.rows, x.cols});
  T *to = losses.mutable_data(), *s = slopes.mutable_data(), *result = reduced.mutable_data();
  run_recorded(threads, [=](const Execution& run) {
    Offset bad;
    const double total = class_weights(loss, c, w, bad);
    if (bad >= 0) {
      const auto [least, most] = std::minmax_element(c, c + loss.rows);
      shape_error("target", "classes in [0, " + std::to_string(loss.columns) + ")",
                  std::to_string(*least) + " to " + std::to_string(*most));
    }
    const double sum = cross_entropy(loss, x.data, c, w, mean ? 1 / total : 1.0, to, s, run);
    *result = static_cast<T>(mean ? sum / total : sum);
  });
  return py::make_tuple(losses, slopes, reduced);
}

void check_ids(const array_t<Offset>& ids, Offset rows) {
  const Offset bad = first_outside(ids.size(), ids.data(), rows);
  if (bad >= 0) {
    shape_error("input", "integers in [0, " + std::to_string(rows) + ")", std::to_string(ids.data()[bad]));
  }
}

template <class T>
array_t<T> embedding(const array_t<Offset>& ids, const array_t<T>& weight, int threads) {
  const auto table = matrix(weight, "weight");
  auto s = shape(ids);
  s.push_back(table.cols);
  auto y = pooled_array<T>(s);
  T* to = y.mutable_data();
  run_recorded(threads, [=](const Execution& run) {
    check_ids(ids, table.rows);  // here: a plan sees other ids each time
    gather_rows(ids.size(), table.cols, ids.data(), table.data, to, run);
  });
  return y;
}

template <class T>
array_t<T> embedding_back(const array_t<Offset>& ids, const array_t<T>& dy, Offset rows,
                          const std::optional<array_t<T>>& dweight, int threads) {
  if (dy.ndim() != ids.ndim() + 1 || !std::equal(ids.shape(), ids.shape() + ids.ndim(), dy.shape())) {
    shape_error("dy", "the shape of the ids and one axis", "another");
  }
  const Offset d = dy.shape(dy.ndim() - 1);
  auto dw = target_array(dweight, {rows, d}, "dweight");
  T* to = dw.mutable_data();
  run_recorded(threads, [=](const Execution& run) {
    check_ids(ids, rows);
    scatter_rows(ids.size(), d, rows, ids.data(), dy.data(), to, run);
  });
  return dw;
}

template <class T>
array_t<T> dropped_out(const array_t<T>& x, double p, const array_t<Offset>& stream, int threads) {
  if (!(p >= 0 && p <= 1)) shape_error("p", "a number in [0, 1]", std::to_string(p));
  auto y = pooled_array<T>(shape(x));
  T* to = y.mutable_data();
  const Offset* names = vector(stream, 2, "stream");  // read when it runs: a plan counts its calls
  run_recorded(threads, [=](const Execution& run) {
    const auto seed = static_cast<std::uint64_t>(names[0]), call = static_cast<std::uint64_t>(names[1]);
    dropout(x.size(), p, seed, call, x.data(), to, run);
  });
  return y;
}

template <class T>
void bind(py::module_& m) {
  const auto x = in("x"), y = in("y"), dy = in("dy"), ids = in("ids");
  const auto function = py::arg("function"), logarithm = py::arg("logarithm"), threads = py::arg("threads");
  m.def("elementwise", recorded(&elementwise_forward<T>), function, x, threads);
  m.def("elementwise_backward", recorded(&elementwise_back<T>), function, x, y, dy, threads);
  m.def("softmax", recorded(&softmax_forward<T>), x, logarithm, threads);
  m.def("softmax_backward", recorded(&softmax_back<T>), y, dy, logarithm, threads);
  m.def("cross_entropy", recorded(&cross_entropy_with_slopes<T>), in("logits"), in("target"), in("weight"),
        py::arg("ignore_index"), py::arg("smoothing"), py::arg("mean"), threads);
  m.def("embedding", recorded(&embedding<T>), ids, in("weight"), threads);
  m.def("embedding_backward", recorded(&embedding_back<T>), ids, dy, py::arg("rows"), in("dweight"), threads);
  m.def("dropout", recorded(&dropped_out<T>), x, py::arg("p"), in("stream"), threads);
}

}  // namespace

void bind_nn_elementwise(py::module_& m) {
  bind<float>(m);
  bind<double>(m);
}

}  // namespace eckart::bindings
