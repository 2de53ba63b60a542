// Bindings of eckart/completion/gauss_newton.hpp.
#include <pybind11/stl.h>

#include "common.hpp"
#include "eckart/completion/gauss_newton.hpp"

namespace eckart::bindings {
namespace {

template <class T>
py::tuple step(const array_t<Offset>& row_indptr, const array_t<Index>& row_indices,
               const array_t<T>& row_values, const array_t<Offset>& col_indptr,
               const array_t<Index>& col_indices, const array_t<T>& col_values, const array_t<T>& u,
               const array_t<T>& v, int max_steps, double tol, int threads) {
  GaussNewtonPoint<T> at;
  at.u = matrix(u, "u");
  at.v = matrix(v, "v");
  at.by_row = csr<T>(row_indptr, row_indices, row_values, at.v.rows, "rows");
  at.by_col = csr<T>(col_indptr, col_indices, col_values, at.u.rows, "columns");
  check_equal(at.u.cols, at.v.cols, "columns of u and v");
  check_equal(at.by_row.n_rows, at.u.rows, "rows of the entries and of u");
  check_equal(at.by_col.n_rows, at.v.rows, "columns of the entries and rows of v");
  check_equal(at.by_row.n_stored(), at.by_col.n_stored(), "entries by rows and by columns");
  array_t<T> x({at.u.rows, at.u.cols}), y({at.v.rows, at.v.cols});
  const auto to_x = mutable_matrix(x, "x"), to_y = mutable_matrix(y, "y");
  int steps = 0;
  run_released(threads, [&](const Execution& run) {
    steps = gauss_newton_step(at, CgLimits{max_steps, tol}, to_x, to_y, run);
  });
  return py::make_tuple(x, y, steps);
}

template <class T>
void refine(const array_t<Offset>& indptr, const array_t<Index>& indices, const array_t<T>& values,
            const array_t<T>& fixed, T ridge, array_t<T> factors, int threads) {
  const auto other = matrix(fixed, "fixed");
  const auto out = mutable_matrix(factors, "factors");
  const auto ratings = csr<T>(indptr, indices, values, other.rows, "ratings");
  check_equal(ratings.n_rows, out.rows, "rows of ratings and factors");
  check_equal(other.cols, out.cols, "rank of fixed and factors");
  run_released(threads, [&](const Execution& run) { refine_rows(ratings, other, ridge, out, run); });
}

template <class T>
void bind(py::module_& m) {
  m.def("gauss_newton_step", &step<T>, in("row_indptr"), in("row_indices"), in("row_values"),
        in("col_indptr"), in("col_indices"), in("col_values"), in("u"), in("v"), py::arg("max_steps"),
        py::arg("tol"), py::arg("threads"));
  m.def("refine_rows", &refine<T>, in("indptr"), in("indices"), in("values"), in("fixed"), py::arg("ridge"),
        in("factors"), py::arg("threads"));
}

}  // namespace

void bind_gauss_newton(py::module_& m) {
  bind<float>(m);
  bind<double>(m);
}

}  // namespace eckart::bindings
