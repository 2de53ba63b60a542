#include <pybind11/stl.h>

#include "common.hpp"
#include "eckart/completion/als.hpp"
#include "eckart/completion/predict.hpp"

namespace eckart::bindings {

void bind_factor_gradient(py::module_& m);  // completion_gradient.cpp
void bind_gauss_newton(py::module_& m);     // completion_gauss_newton.cpp
void bind_item_models(py::module_& m);      // completion_items.cpp

namespace {

template <class T>
using optional_t = std::optional<array_t<T>>;

// The fixed side and the ratings, checked against each other.
template <class T>
AlsHalf<T> als_half(const array_t<Offset>& indptr, const array_t<Index>& indices, const optional_t<T>& values,
                    const array_t<T>& fixed, const optional_t<T>& fixed_bias, T mean) {
  const auto factors = matrix(fixed, "fixed");
  if (factors.cols == 0) shape_error("fixed", "at least one factor", "0");
  AlsHalf<T> half;
  half.ratings = csr<T>(indptr, indices, values, factors.rows, "ratings");
  half.fixed = factors;
  half.fixed_bias = optional_vector(fixed_bias, factors.rows, "fixed_bias");
  half.mean = mean;
  return half;
}

// The side that is solved, checked against the half; takes the penalties too.
template <class T>
AlsSide<T> als_side(AlsHalf<T>& half, const array_t<T>& reg, array_t<T>& factors, optional_t<T>& bias) {
  half.reg = vector(reg, half.ratings.n_rows, "reg");
  AlsSide<T> side{mutable_matrix(factors, "factors"), nullptr};
  check_equal(half.ratings.n_rows, side.factors.rows, "rows of ratings and factors");
  check_equal(half.fixed.cols, side.factors.cols, "rank of fixed and factors");
  check_equal(half.fixed_bias != nullptr, bias.has_value(), "biases on both sides");
  if (bias) side.bias = mutable_vector(*bias, side.factors.rows, "bias");
  return side;
}

RowSubset row_subset(const optional_t<Index>& rows, Offset n_rows) {
  if (!rows) return {};
  const RowSubset subset{rows->data(), rows->size()};
  for (Offset i = 0; i < subset.size; ++i) {
    if (subset.rows[i] < 0 || subset.rows[i] >= n_rows) {
      shape_error("rows", "row numbers below " + std::to_string(n_rows), std::to_string(subset.rows[i]));
    }
  }
  return subset;
}

template <class T>
double solve(const array_t<Offset>& indptr, const array_t<Index>& indices, const optional_t<T>& values,
             const optional_t<T>& weights, T unobserved, const array_t<T>& fixed,
             const optional_t<T>& fixed_bias, T mean, const array_t<T>& reg, array_t<T> factors,
             optional_t<T> bias, const optional_t<Index>& rows, int cg_steps, Offset block, bool with_error,
             bool use_amx, int threads) {
  AlsHalf<T> half = als_half<T>(indptr, indices, values, fixed, fixed_bias, mean);
  half.weights = optional_vector(weights, half.ratings.n_stored(), "weights");
  half.unobserved = unobserved;
  const AlsSide<T> side = als_side(half, reg, factors, bias);
  const RowSubset subset = row_subset(rows, half.ratings.n_rows);
  double error = 0;
  run_released(threads, [&](const Execution& run) {
    error = cg_steps > 0 ? als_solve_cg(half, subset, cg_steps, side, with_error, run)
            : block > 0  ? als_solve_subspace(half, subset, block, side, with_error, run)
                         : als_solve_cholesky(half, subset, side, with_error, use_amx, run);
  });
  return error;
}

template <class T>
double squared_error(const array_t<Offset>& indptr, const array_t<Index>& indices, const array_t<T>& values,
                     const array_t<T>& fixed, const optional_t<T>& fixed_bias, T mean,
                     const array_t<T>& factors, const optional_t<T>& bias, int threads) {
  const AlsHalf<T> half = als_half<T>(indptr, indices, values, fixed, fixed_bias, mean);
  const auto f = matrix(factors, "factors");
  check_equal(half.ratings.n_rows, f.rows, "rows of ratings and factors");
  check_equal(half.fixed.cols, f.cols, "rank of fixed and factors");
  const T* b = optional_vector(bias, f.rows, "bias");
  double result = 0;
  run_released(threads, [&](const Execution& run) { result = als_squared_error(half, f, b, run); });
  return result;
}

template <class T>
double penalty(const array_t<T>& factors, const optional_t<T>& bias, const array_t<T>& reg, int threads) {
  const auto f = matrix(factors, "factors");
  const T* b = optional_vector(bias, f.rows, "bias");
  const T* r = vector(reg, f.rows, "reg");
  double result = 0;
  run_released(threads, [&](const Execution& run) { result = als_penalty(f, b, r, run); });
  return result;
}

template <class T>
array_t<T> predict(const array_t<T>& user_factors, const array_t<T>& item_factors,
                   const optional_t<T>& user_bias, const optional_t<T>& item_bias, T mean,
                   const array_t<Index>& users, const array_t<Index>& items, int threads) {
  FactorModel<T> model;
  model.users = matrix(user_factors, "user_factors");
  model.items = matrix(item_factors, "item_factors");
  check_equal(model.users.cols, model.items.cols, "rank of both sides");
  model.user_bias = optional_vector(user_bias, model.users.rows, "user_bias");
  model.item_bias = optional_vector(item_bias, model.items.rows, "item_bias");
  model.mean = mean;
  const Offset n = users.size();
  const Index* u = vector(users, n, "users");
  const Index* i = vector(items, n, "items");
  for (Offset p = 0; p < n; ++p) {
    if (u[p] >= model.users.rows || i[p] >= model.items.rows) {
      shape_error("users, items", "codes within the model",
                  std::to_string(u[p]) + ", " + std::to_string(i[p]));
    }
  }
  array_t<T> out(n);
  T* data = out.mutable_data();
  run_released(threads, [&](const Execution& run) { predict_pairs(model, u, i, n, data, run); });
  return out;
}

template <class T>
void bind_als(py::module_& m) {
  m.def("als_solve", &solve<T>, in("indptr"), in("indices"), in("values").none(true),
        in("weights").none(true), py::arg("unobserved"), in("fixed"), in("fixed_bias").none(true),
        py::arg("mean"), in("reg"), in("factors"), in("bias").none(true), in("rows").none(true),
        py::arg("cg_steps"), py::arg("block"), py::arg("with_error"), py::arg("use_amx"), py::arg("threads"));
  m.def("als_squared_error", &squared_error<T>, in("indptr"), in("indices"), in("values"), in("fixed"),
        in("fixed_bias").none(true), py::arg("mean"), in("factors"), in("bias").none(true),
        py::arg("threads"));
  m.def("als_penalty", &penalty<T>, in("factors"), in("bias").none(true), in("reg"), py::arg("threads"));
  m.def("predict_pairs", &predict<T>, in("user_factors"), in("item_factors"), in("user_bias").none(true),
        in("item_bias").none(true), py::arg("mean"), in("users"), in("items"), py::arg("threads"));
}

}  // namespace

void bind_completion(py::module_ m) {
  m.doc() = "Kernels of the completion models.";
  bind_als<float>(m);
  bind_als<double>(m);
  bind_factor_gradient(m);
  bind_gauss_newton(m);
  bind_item_models(m);
}

}  // namespace eckart::bindings
