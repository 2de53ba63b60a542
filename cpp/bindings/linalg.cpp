#include <pybind11/stl.h>

#include <vector>

#include "common.hpp"
#include "eckart/linalg/cholesky.hpp"
#include "eckart/linalg/topk.hpp"

namespace eckart::bindings {
namespace {

template <class T>
array_t<T> solve(const array_t<T>& a, const array_t<T>& b) {
  const auto m = matrix(a, "a");
  check_equal(m.rows, m.cols, "a: rows and columns");
  const T* rhs = vector(b, m.rows, "b");
  array_t<T> x(m.rows);
  T* out = x.mutable_data();
  run_released(1, [&](const Execution&) {
    RowMatrix<T> copy = as_eigen(m);
    Vector<T> v = Eigen::Map<const Vector<T>>(rhs, m.rows);
    if (m.rows > 0) solve_spd(copy, v);
    std::copy_n(v.data(), m.rows, out);
  });
  return x;
}

template <class T>
py::tuple top_k_of(const array_t<T>& queries, const array_t<T>& items, const std::optional<array_t<T>>& bias,
                   const std::optional<array_t<Offset>>& exclude_indptr,
                   const std::optional<array_t<Index>>& exclude_indices, Offset k, int threads) {
  const auto q = matrix(queries, "queries");
  const auto v = matrix(items, "items");
  check_equal(q.cols, v.cols, "columns of queries and items");
  const T* b = optional_vector(bias, v.rows, "bias");
  if (k < 1) shape_error("k", "at least 1", std::to_string(k));
  CsrView<T> exclude;
  if (exclude_indptr) {
    if (!exclude_indices) shape_error("exclude", "indices beside the row pointers", "none");
    exclude = csr<T>(*exclude_indptr, *exclude_indices, std::nullopt, v.rows, "exclude");
    check_equal(exclude.n_rows, q.rows, "rows of exclude and queries");
  }
  array_t<Index> ids({q.rows, k});
  array_t<T> scores({q.rows, k});
  const TopK<T> result{mutable_matrix(ids, "ids"), mutable_matrix(scores, "scores")};
  run_released(threads, [&](const Execution& run) {
    top_k(q, v, b, exclude_indptr ? &exclude : nullptr, result, run);
  });
  return py::make_tuple(ids, scores);
}

template <class T>
void bind(py::module_& m) {
  m.def("solve_spd", &solve<T>, in("a"), in("b"));
  m.def("top_k", &top_k_of<T>, in("queries"), in("items"), in("bias").none(true),
        in("exclude_indptr").none(true), in("exclude_indices").none(true), py::arg("k"), py::arg("threads"));
}

}  // namespace

void bind_linalg(py::module_ m) {
  m.doc() = "Gram matrices, small solves, top-k.";
  bind<float>(m);
  bind<double>(m);
}

}  // namespace eckart::bindings
