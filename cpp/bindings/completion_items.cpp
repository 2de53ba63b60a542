// Models that score a user's own row: item neighbourhoods and dense item weights.
#include <pybind11/stl.h>

#include "common.hpp"
#include "eckart/completion/neighbours.hpp"
#include "eckart/completion/row_scores.hpp"
#include "sparse_columns.hpp"

namespace eckart::bindings {
namespace {

template <class T>
using optional_t = std::optional<array_t<T>>;

// (ids, scores) of n rows, and the kernel's view of them.
template <class T>
struct Lists {
  Lists(Offset n, Offset k) : ids({n, k}), scores({n, k}) {
    if (k < 1) shape_error("k", "at least 1", std::to_string(k));
  }
  TopK<T> view() { return {mutable_matrix(ids, "ids"), mutable_matrix(scores, "scores")}; }
  py::tuple tuple() const { return py::make_tuple(ids, scores); }

  array_t<Index> ids;
  array_t<T> scores;
};

// Pairs (row, item) of a call; rows lie in [0, n_rows), items in [-1, n_items).
struct Pairs {
  Pairs(const array_t<Index>& rows_of, const array_t<Index>& items, Offset n_rows, Offset n_items)
      : n(rows_of.size()), rows(vector(rows_of, n, "rows_of")), items(vector(items, n, "items")) {
    for (Offset p = 0; p < n; ++p) {
      if (rows[p] < 0 || rows[p] >= n_rows || this->items[p] < -1 || this->items[p] >= n_items) {
        shape_error("rows_of, items", "numbers within the model",
                    std::to_string(rows[p]) + ", " + std::to_string(this->items[p]));
      }
    }
  }
  Offset n;
  const Index *rows, *items;
};

template <class T>
py::tuple nearest(const array_t<Offset>& row_indptr, const array_t<Index>& row_indices,
                  const array_t<T>& row_values, const array_t<Offset>& col_indptr,
                  const array_t<Index>& col_indices, const array_t<T>& col_values, const array_t<Index>& ids,
                  const optional_t<T>& norms, T shrinkage, Offset k, int threads) {
  const auto x =
      sparse_columns(row_indptr, row_indices, row_values, col_indptr, col_indices, col_values, ids);
  const T* divisors = optional_vector(norms, x.by_col.n_rows, "norms");
  Lists<T> lists(x.by_col.n_rows, k);
  const auto result = lists.view();
  run_released(threads, [&](const Execution& run) { nearest_columns(x, divisors, shrinkage, result, run); });
  return lists.tuple();
}

template <class T>
NeighbourModel<T> neighbour_model(const array_t<Offset>& indptr, const array_t<Index>& indices,
                                  const array_t<T>& values, const optional_t<T>& base, bool mean) {
  NeighbourModel<T> model;
  const Offset n = indptr.size() - 1;
  model.neighbours = csr<T>(indptr, indices, values, n, "neighbours");
  model.base = optional_vector(base, n, "base");
  model.mean = mean;
  return model;
}

template <class T>
array_t<T> pairs_by_neighbours(const array_t<Offset>& indptr, const array_t<Index>& indices,
                               const array_t<T>& values, const optional_t<T>& base, bool mean,
                               const array_t<Offset>& row_indptr, const array_t<Index>& row_indices,
                               const array_t<T>& row_values, const array_t<Index>& rows_of,
                               const array_t<Index>& items, int threads) {
  const auto model = neighbour_model(indptr, indices, values, base, mean);
  const auto rows = csr<T>(row_indptr, row_indices, row_values, model.neighbours.n_cols, "rows");
  const Pairs pairs(rows_of, items, rows.n_rows, model.neighbours.n_rows);
  array_t<T> out(pairs.n);
  T* data = out.mutable_data();
  run_released(threads, [&](const Execution& run) {
    neighbour_pairs(model, rows, pairs.rows, pairs.items, pairs.n, data, run);
  });
  return out;
}

template <class T>
py::tuple lists_by_neighbours(const array_t<Offset>& indptr, const array_t<Index>& indices,
                              const array_t<T>& values, const optional_t<T>& base, bool mean,
                              const array_t<Offset>& row_indptr, const array_t<Index>& row_indices,
                              const array_t<T>& row_values, const optional_t<Offset>& exclude_indptr,
                              const optional_t<Index>& exclude_indices, Offset k, int threads) {
  const auto model = neighbour_model(indptr, indices, values, base, mean);
  const Offset n_items = model.neighbours.n_cols;
  const auto rows = csr<T>(row_indptr, row_indices, row_values, n_items, "rows");
  const auto skip = excluded<T>(exclude_indptr, exclude_indices, rows.n_rows, n_items);
  Lists<T> lists(rows.n_rows, k);
  const auto result = lists.view();
  run_released(threads, [&](const Execution& run) {
    neighbour_top_k(model, rows, skip ? &*skip : nullptr, result, run);
  });
  return lists.tuple();
}

template <class T>
array_t<T> pairs_by_weights(const array_t<T>& weights, const array_t<Offset>& row_indptr,
                            const array_t<Index>& row_indices, const array_t<T>& row_values,
                            const array_t<Index>& rows_of, const array_t<Index>& items, int threads) {
  const auto w = matrix(weights, "weights");
  const auto rows = csr<T>(row_indptr, row_indices, row_values, w.rows, "rows");
  const Pairs pairs(rows_of, items, rows.n_rows, w.cols);
  array_t<T> out(pairs.n);
  T* data = out.mutable_data();
  run_released(threads, [&](const Execution& run) {
    row_pairs(rows, w, pairs.rows, pairs.items, pairs.n, data, run);
  });
  return out;
}

template <class T>
py::tuple lists_by_weights(const array_t<T>& weights, const optional_t<T>& bias,
                           const array_t<Offset>& row_indptr, const array_t<Index>& row_indices,
                           const array_t<T>& row_values, const optional_t<Offset>& exclude_indptr,
                           const optional_t<Index>& exclude_indices, Offset k, int threads) {
  const auto w = matrix(weights, "weights");
  const T* b = optional_vector(bias, w.cols, "bias");
  const auto rows = csr<T>(row_indptr, row_indices, row_values, w.rows, "rows");
  const auto skip = excluded<T>(exclude_indptr, exclude_indices, rows.n_rows, w.cols);
  Lists<T> lists(rows.n_rows, k);
  const auto result = lists.view();
  run_released(threads,
               [&](const Execution& run) { row_top_k(rows, w, b, skip ? &*skip : nullptr, result, run); });
  return lists.tuple();
}

template <class T>
void bind(py::module_& m) {
  m.def("nearest_columns", &nearest<T>, in("row_indptr"), in("row_indices"), in("row_values"),
        in("col_indptr"), in("col_indices"), in("col_values"), in("ids"), in("norms").none(true),
        py::arg("shrinkage"), py::arg("k"), py::arg("threads"));
  m.def("neighbour_pairs", &pairs_by_neighbours<T>, in("indptr"), in("indices"), in("values"),
        in("base").none(true), py::arg("mean"), in("row_indptr"), in("row_indices"), in("row_values"),
        in("rows_of"), in("items"), py::arg("threads"));
  m.def("neighbour_top_k", &lists_by_neighbours<T>, in("indptr"), in("indices"), in("values"),
        in("base").none(true), py::arg("mean"), in("row_indptr"), in("row_indices"), in("row_values"),
        in("exclude_indptr").none(true), in("exclude_indices").none(true), py::arg("k"), py::arg("threads"));
  m.def("row_pairs", &pairs_by_weights<T>, in("weights"), in("row_indptr"), in("row_indices"),
        in("row_values"), in("rows_of"), in("items"), py::arg("threads"));
  m.def("row_top_k", &lists_by_weights<T>, in("weights"), in("bias").none(true), in("row_indptr"),
        in("row_indices"), in("row_values"), in("exclude_indptr").none(true),
        in("exclude_indices").none(true), py::arg("k"), py::arg("threads"));
}

}  // namespace

void bind_item_models(py::module_& m) {
  bind<float>(m);
  bind<double>(m);
}

}  // namespace eckart::bindings
