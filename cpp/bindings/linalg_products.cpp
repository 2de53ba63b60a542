// Bindings of eckart/linalg/{sparse_products,dense_products,shifted_gram,tall_basis}.hpp.
#include "common.hpp"
#include "eckart/linalg/dense_products.hpp"
#include "eckart/linalg/shifted_gram.hpp"
#include "eckart/linalg/sparse_products.hpp"
#include "eckart/linalg/tall_basis.hpp"

namespace eckart::bindings {
namespace {

template <class T>
array_t<T> sparse_times_dense(const array_t<Offset>& indptr, const array_t<Index>& indices,
                              const array_t<T>& values, const array_t<T>& x, int threads) {
  const auto right = matrix(x, "x");
  const auto a = csr<T>(indptr, indices, values, right.rows, "a");
  array_t<T> result({a.n_rows, right.cols});
  const auto out = mutable_matrix(result, "out");
  run_released(threads, [&](const Execution& run) { sparse_dense(a, right, out, run); });
  return result;
}

template <class T>
array_t<T> sampled(const array_t<Offset>& indptr, const array_t<Index>& indices, const array_t<T>& u,
                   const array_t<T>& v, int threads) {
  const auto left = matrix(u, "u");
  const auto right = matrix(v, "v");
  const auto pattern = csr<T>(indptr, indices, std::nullopt, right.rows, "pattern");
  check_equal(pattern.n_rows, left.rows, "rows of the pattern and of u");
  check_equal(left.cols, right.cols, "columns of u and v");
  array_t<T> result(pattern.n_stored());
  T* out = result.mutable_data();
  run_released(threads, [&](const Execution& run) { sampled_products(pattern, left, right, out, run); });
  return result;
}

template <class T>
array_t<T> product(const array_t<T>& a, const array_t<T>& b, int threads) {
  const auto left = matrix(a, "a");
  const auto right = matrix(b, "b");
  check_equal(left.cols, right.rows, "columns of a and rows of b");
  array_t<T> result({left.rows, right.cols});
  const auto out = mutable_matrix(result, "out");
  run_released(threads, [&](const Execution& run) { multiply(left, right, out, run); });
  return result;
}

template <class T>
array_t<T> transposed_product(const array_t<T>& a, const array_t<T>& b, int threads) {
  const auto left = matrix(a, "a");
  const auto right = matrix(b, "b");
  check_equal(left.rows, right.rows, "rows of a and of b");
  array_t<T> result({left.cols, right.cols});
  const auto out = mutable_matrix(result, "out");
  run_released(threads, [&](const Execution& run) { multiply_transposed(left, right, out, run); });
  return result;
}

template <class T>
py::tuple shifted_gram_of(const array_t<T>& x, const array_t<T>& shift, int threads) {
  const auto rows = matrix(x, "x");
  const T* c = vector(shift, rows.cols, "shift");
  array_t<double> gram({rows.cols, rows.cols}), sum(rows.cols);
  const auto out = mutable_matrix(gram, "gram");
  double* total = sum.mutable_data();
  run_released(threads, [&](const Execution& run) { shifted_gram(rows, c, out, total, run); });
  return py::make_tuple(gram, sum);
}

template <class T>
TallBasis<T> tall_basis(const array_t<T>& buffer, Offset columns, Offset rows) {
  const auto view = matrix(buffer, "basis");
  check_equal(view.rows, rows, "rows of the basis and of x");
  if (columns < 0 || columns > view.cols) {
    shape_error("columns", "at most " + std::to_string(view.cols), std::to_string(columns));
  }
  return {view.data, view.rows, columns, view.cols};
}

template <class T>
void put_columns(array_t<T> buffer, Offset at, const array_t<T>& x, int threads) {
  const auto to = mutable_matrix(buffer, "basis");
  const auto from = matrix(x, "x");
  check_equal(to.rows, from.rows, "rows of the basis and of x");
  if (at < 0 || at + from.cols > to.cols) {
    shape_error("at", "at most " + std::to_string(to.cols - from.cols), std::to_string(at));
  }
  run_released(threads, [&](const Execution& run) { set_columns(to, at, from, run); });
}

template <class T>
array_t<double> products_with_basis(const array_t<T>& basis, Offset columns, const array_t<T>& x,
                                    int threads) {
  const auto right = matrix(x, "x");
  const auto left = tall_basis(basis, columns, right.rows);
  array_t<double> result({columns, right.cols});
  double* out = result.mutable_data();
  run_released(threads, [&](const Execution& run) { basis_products(left, right, out, run); });
  return result;
}

template <class T>
array_t<double> subtract_in_place(const array_t<T>& basis, Offset columns, const array_t<T>& c, array_t<T> x,
                                  int threads) {
  const auto to = mutable_matrix(x, "x");
  const auto left = tall_basis(basis, columns, to.rows);
  const auto coefficients = matrix(c, "c");
  check_equal(coefficients.rows, columns, "rows of c and columns");
  check_equal(coefficients.cols, to.cols, "columns of c and of x");
  array_t<double> result({to.cols, to.cols});
  double* gram = result.mutable_data();
  run_released(threads, [&](const Execution& run) { subtract_basis(left, coefficients, to, gram, run); });
  return result;
}

template <class T>
void bind(py::module_& m) {
  m.def("set_columns", &put_columns<T>, in("basis"), py::arg("at"), in("x"), py::arg("threads"));
  m.def("basis_products", &products_with_basis<T>, in("basis"), py::arg("columns"), in("x"),
        py::arg("threads"));
  m.def("subtract_basis", &subtract_in_place<T>, in("basis"), py::arg("columns"), in("c"), in("x"),
        py::arg("threads"));
  m.def("sparse_dense", &sparse_times_dense<T>, in("indptr"), in("indices"), in("values"), in("x"),
        py::arg("threads"));
  m.def("sampled_products", &sampled<T>, in("indptr"), in("indices"), in("u"), in("v"), py::arg("threads"));
  m.def("multiply", &product<T>, in("a"), in("b"), py::arg("threads"));
  m.def("multiply_transposed", &transposed_product<T>, in("a"), in("b"), py::arg("threads"));
  m.def("shifted_gram", &shifted_gram_of<T>, in("x"), in("shift"), py::arg("threads"));
}

}  // namespace

void bind_linalg_products(py::module_ m) {
  bind<float>(m);
  bind<double>(m);
}

}  // namespace eckart::bindings
