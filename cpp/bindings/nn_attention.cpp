// Bindings of eckart/nn/attention.hpp. Heads may lie in memory in any order of axes, each row contiguous.
#include <pybind11/stl.h>

#include "eckart/nn/attention.hpp"
#include "nn.hpp"

namespace eckart::bindings {
namespace {

template <class T>
using strided_t = py::array_t<T, 0>;  // any strides

constexpr Offset size_of_step(py::ssize_t bytes, std::size_t item) {
  return static_cast<Offset>(bytes) / static_cast<Offset>(item);
}

template <class T, class Pointer>
Heads<Pointer> heads(Pointer* data, const strided_t<T>& a) {
  return {data, size_of_step(a.strides(0), sizeof(T)), size_of_step(a.strides(1), sizeof(T)),
          size_of_step(a.strides(2), sizeof(T))};
}

template <class T>
Heads<const T> checked_heads(const strided_t<T>& a, Offset batch, Offset n_heads, const char* name) {
  if (a.ndim() != 4) shape_error(name, "4 dimensions (batch, heads, rows, width)", std::to_string(a.ndim()));
  check_equal(a.shape(0), batch, name);
  check_equal(a.shape(1), n_heads, name);
  constexpr Offset item = sizeof(T);
  for (int i = 0; i < 3; ++i) {
    if (a.strides(i) % item != 0) shape_error(name, "strides of whole numbers", "others");
  }
  if (a.size() > 0 && a.shape(3) > 1 && a.strides(3) != item) shape_error(name, "contiguous rows", "others");
  return heads<T, const T>(a.data(), a);
}

// Uninitialised, of this array's shape but for the last axis, its axes lying in memory in the same order.
template <class T>
strided_t<T> laid_out_like(const strided_t<T>& a, Offset width) {
  const Offset b = a.shape(0), h = a.shape(1), t = a.shape(2);
  const bool rows_first =
      a.strides(1) < a.strides(2);  // (batch, rows, heads, width) seen through a transposition
  py::array whole =
      pooled_array<T>(rows_first ? std::vector<Offset>{b, t, h, width} : std::vector<Offset>{b, h, t, width});
  if (rows_first) whole = whole.attr("swapaxes")(1, 2);
  return whole;
}

template <class T>
Attention<T> attention_of(const strided_t<T>& q, const strided_t<T>& k, const strided_t<T>& v,
                          const std::optional<strided_t<T>>& mask, double scale, bool causal) {
  if (q.ndim() != 4 || k.ndim() != 4 || v.ndim() != 4)
    shape_error("query", "4 dimensions, as key and value", "others");
  Attention<T> a;
  a.batch = q.shape(0);
  a.heads = q.shape(1);
  a.queries = q.shape(2);
  a.keys = k.shape(2);
  a.width = q.shape(3);
  a.value_width = v.shape(3);
  a.scale = scale;
  a.causal = causal;
  a.q = checked_heads(q, a.batch, a.heads, "query");
  a.k = checked_heads(k, a.batch, a.heads, "key");
  a.v = checked_heads(v, a.batch, a.heads, "value");
  check_equal(k.shape(3), a.width, "width of key and query");
  check_equal(v.shape(2), a.keys, "rows of value and key");
  if (mask) {
    const Offset shape[] = {a.batch, a.heads, a.queries, a.keys};
    if (mask->ndim() != 4) shape_error("mask", "4 dimensions", std::to_string(mask->ndim()));
    for (int i = 0; i < 4; ++i) check_equal(mask->shape(i), shape[i], "an axis of the mask");
    a.mask = {mask->data(), size_of_step(mask->strides(0), sizeof(T)),
              size_of_step(mask->strides(1), sizeof(T)), size_of_step(mask->strides(2), sizeof(T)),
              size_of_step(mask->strides(3), sizeof(T))};
  }
  return a;
}

// (y, lse)
template <class T>
py::tuple attention(const strided_t<T>& query, const strided_t<T>& key, const strided_t<T>& value,
                    const std::optional<strided_t<T>>& mask, double scale, bool causal, int threads) {
  const auto a = attention_of(query, key, value, mask, scale, causal);
  auto y = laid_out_like(query, a.value_width);
  auto lse = pooled_array<T>({a.batch, a.heads, a.queries});
  const auto to = heads<T, T>(y.mutable_data(), y);
  T* sums = lse.mutable_data();
  run_recorded(threads, [=](const Execution& run) { attend(a, to, sums, run); });
  return py::make_tuple(y, lse);
}

// Where a gradient goes: the caller's array where one is given.
template <class T>
strided_t<T> gradient_of(const strided_t<T>& x, const std::optional<strided_t<T>>& given, const char* name) {
  if (!given) return laid_out_like(x, x.shape(3));
  checked_heads(*given, x.shape(0), x.shape(1), name);
  check_equal(given->shape(2), x.shape(2), name);
  check_equal(given->shape(3), x.shape(3), name);
  return *given;
}

// (dquery, dkey, dvalue)
template <class T>
py::tuple attention_back(const strided_t<T>& query, const strided_t<T>& key, const strided_t<T>& value,
                         const std::optional<strided_t<T>>& mask, const strided_t<T>& y,
                         const array_t<T>& lse, const strided_t<T>& dy, double scale, bool causal,
                         int threads, const std::optional<strided_t<T>>& dquery,
                         const std::optional<strided_t<T>>& dkey, const std::optional<strided_t<T>>& dvalue) {
  const auto a = attention_of(query, key, value, mask, scale, causal);
  for (const auto* result : {&y, &dy}) {
    if (result->ndim() != 4) shape_error("dy", "4 dimensions", std::to_string(result->ndim()));
    check_equal(result->shape(2), a.queries, "rows of the result");
    check_equal(result->shape(3), a.value_width, "width of the result");
  }
  const auto from = checked_heads(y, a.batch, a.heads, "y"),
             slopes = checked_heads(dy, a.batch, a.heads, "dy");
  check_equal(lse.size(), a.batch * a.heads * a.queries, "size of lse");
  auto dq = gradient_of(query, dquery, "dquery"), dk = gradient_of(key, dkey, "dkey"),
       dv = gradient_of(value, dvalue, "dvalue");
  const auto to_q = heads<T, T>(dq.mutable_data(), dq), to_k = heads<T, T>(dk.mutable_data(), dk),
             to_v = heads<T, T>(dv.mutable_data(), dv);
  run_recorded(threads, [=](const Execution& run) {
    attend_backward(a, from, lse.data(), slopes, to_q, to_k, to_v, run);
  });
  return py::make_tuple(dq, dk, dv);
}

template <class T>
void bind(py::module_& m) {
  const auto q = in("query"), k = in("key"), v = in("value"), mask = in("mask");
  const auto scale = py::arg("scale"), causal = py::arg("causal"), threads = py::arg("threads");
  m.def("attention", recorded(&attention<T>), q, k, v, mask, scale, causal, threads);
  m.def("attention_backward", recorded(&attention_back<T>), q, k, v, mask, in("y"), in("lse"), in("dy"),
        scale, causal, threads, in("dquery") = py::none(), in("dkey") = py::none(),
        in("dvalue") = py::none());
}

}  // namespace

void bind_nn_attention(py::module_& m) {
  bind<float>(m);
  bind<double>(m);
}

}  // namespace eckart::bindings
