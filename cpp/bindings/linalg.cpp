#include <pybind11/stl.h>

#include <vector>

#include "common.hpp"
#include "eckart/linalg/cholesky.hpp"
#include "eckart/linalg/sparse_gram.hpp"
#include "eckart/linalg/spd_inverse.hpp"
#include "eckart/linalg/topk.hpp"
#include "sparse_columns.hpp"

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
                   const std::optional<array_t<Index>>& exclude_indices, Offset k, bool use_amx,
                   int threads) {
  const auto q = matrix(queries, "queries");
  const auto v = matrix(items, "items");
  check_equal(q.cols, v.cols, "columns of queries and items");
  const T* b = optional_vector(bias, v.rows, "bias");
  if (k < 1) shape_error("k", "at least 1", std::to_string(k));
  const auto exclude = excluded<T>(exclude_indptr, exclude_indices, q.rows, v.rows);
  array_t<Index> ids({q.rows, k});
  array_t<T> scores({q.rows, k});
  const TopK<T> result{mutable_matrix(ids, "ids"), mutable_matrix(scores, "scores")};
  run_released(threads, [&](const Execution& run) {
    top_k(q, v, b, exclude ? &*exclude : nullptr, result, use_amx, run);
  });
  return py::make_tuple(ids, scores);
}

// X'X; arguments as in sparse_columns.hpp.
template <class T>
array_t<T> gram_of(const array_t<Offset>& row_indptr, const array_t<Index>& row_indices,
                   const array_t<T>& row_values, const array_t<Offset>& col_indptr,
                   const array_t<Index>& col_indices, const array_t<T>& col_values, const array_t<Index>& ids,
                   int threads) {
  const auto x =
      sparse_columns(row_indptr, row_indices, row_values, col_indptr, col_indices, col_values, ids);
  array_t<T> gram({x.by_col.n_rows, x.by_col.n_rows});
  const auto out = mutable_matrix(gram, "gram");
  run_released(threads, [&](const Execution& run) { sparse_gram(x, out, run); });
  return gram;
}

template <class T>
bool invert(array_t<T> a, int threads) {
  const auto m = mutable_matrix(a, "a");
  check_equal(m.rows, m.cols, "a: rows and columns");
  bool good = false;
  run_released(threads, [&](const Execution& run) { good = spd_inverse(m, run); });
  return good;
}

// Row r holds its own candidates [indptr[r], indptr[r + 1]) and their scores.
template <class T>
py::tuple best_of_rows(const array_t<Offset>& indptr, const array_t<Index>& candidates,
                       const array_t<T>& scores, const std::optional<array_t<Offset>>& exclude_indptr,
                       const std::optional<array_t<Index>>& exclude_indices, Offset k, int threads) {
  if (k < 1) shape_error("k", "at least 1", std::to_string(k));
  const auto rows = csr<T>(indptr, candidates, scores, 0, "candidates");
  const auto exclude = excluded<T>(exclude_indptr, exclude_indices, rows.n_rows, 0);
  array_t<Index> ids({rows.n_rows, k});
  array_t<T> best({rows.n_rows, k});
  const TopK<T> result{mutable_matrix(ids, "ids"), mutable_matrix(best, "scores")};
  run_released(threads, [&](const Execution& run) {
    top_k_of_rows(rows, exclude ? &*exclude : nullptr, result, run);
  });
  return py::make_tuple(ids, best);
}

template <class T>
void bind(py::module_& m) {
  m.def("solve_spd", &solve<T>, in("a"), in("b"));
  m.def("top_k", &top_k_of<T>, in("queries"), in("items"), in("bias").none(true),
        in("exclude_indptr").none(true), in("exclude_indices").none(true), py::arg("k"), py::arg("use_amx"),
        py::arg("threads"));
  m.def("sparse_gram", &gram_of<T>, in("row_indptr"), in("row_indices"), in("row_values"), in("col_indptr"),
        in("col_indices"), in("col_values"), in("ids"), py::arg("threads"));
  m.def("spd_inverse", &invert<T>, in("a"), py::arg("threads"));
  m.def("top_k_of_rows", &best_of_rows<T>, in("indptr"), in("candidates"), in("scores"),
        in("exclude_indptr").none(true), in("exclude_indices").none(true), py::arg("k"), py::arg("threads"));
}

}  // namespace

void bind_linalg(py::module_ m) {
  m.doc() = "Gram matrices, small solves, top-k, products.";
  bind<float>(m);
  bind<double>(m);
}

}  // namespace eckart::bindings
