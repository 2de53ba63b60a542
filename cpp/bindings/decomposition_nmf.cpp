// Bindings of eckart/decomposition/nmf.hpp.
#include <pybind11/stl.h>

#include "common.hpp"
#include "eckart/decomposition/nmf.hpp"

namespace eckart::bindings {
namespace {

template <class T>
double sweep(const array_t<T>& products, const array_t<T>& gram, T l1, T l2, Offset most, double tolerance,
             array_t<T>& w, int threads) {
  const auto p = matrix(products, "products");
  const auto g = matrix(gram, "gram");
  const auto out = mutable_matrix(w, "w");
  check_equal(g.rows, g.cols, "gram: rows and columns");
  check_equal(g.rows, out.cols, "rows of gram and columns of w");
  check_equal(p.rows, out.rows, "rows of products and w");
  check_equal(p.cols, out.cols, "columns of products and w");
  double violation = 0;
  run_released(threads, [&](const Execution& run) {
    violation = nmf_sweep(p, g, NmfPenalty<T>{l1, l2}, NmfSweeps{most, tolerance}, out, run);
  });
  return violation;
}

template <class T>
double sweep_masked(const array_t<Offset>& indptr, const array_t<Index>& indices, const array_t<T>& values,
                    const std::optional<array_t<T>>& weights, const array_t<T>& h, T l1, T l2, Offset most,
                    double tolerance, array_t<T>& w, int threads) {
  const auto fixed = matrix(h, "h");
  const auto out = mutable_matrix(w, "w");
  const auto x = csr<T>(indptr, indices, values, fixed.rows, "x");
  const T* s = optional_vector(weights, x.n_stored(), "weights");
  check_equal(x.n_rows, out.rows, "rows of x and w");
  check_equal(fixed.cols, out.cols, "columns of h and w");
  double violation = 0;
  run_released(threads, [&](const Execution& run) {
    violation = nmf_sweep_masked(x, s, fixed, NmfPenalty<T>{l1, l2}, NmfSweeps{most, tolerance}, out, run);
  });
  return violation;
}

template <class T>
py::tuple quotients(const array_t<T>& x, const array_t<T>& w, const array_t<T>& h, bool transposed,
                    bool with_log, int threads) {
  const auto data = matrix(x, "x");
  const auto left = matrix(w, "w");
  const auto right = matrix(h, "h");
  check_equal(data.rows, left.rows, "rows of x and w");
  check_equal(data.cols, right.rows, "columns of x and rows of h");
  check_equal(left.cols, right.cols, "columns of w and h");
  array_t<T> result({transposed ? right.rows : left.rows, left.cols});
  const auto out = mutable_matrix(result, "out");
  double logs = 0;
  run_released(threads, [&](const Execution& run) {
    logs = nmf_quotients(data, left, right, transposed, with_log, out, run);
  });
  return py::make_tuple(result, logs);
}

template <class T>
py::tuple quotients_sparse(const array_t<Offset>& indptr, const array_t<Index>& indices,
                           const array_t<T>& values, const array_t<T>& w, const array_t<T>& h, bool with_log,
                           int threads) {
  const auto left = matrix(w, "w");
  const auto right = matrix(h, "h");
  const auto x = csr<T>(indptr, indices, values, right.rows, "x");
  check_equal(x.n_rows, left.rows, "rows of x and w");
  check_equal(left.cols, right.cols, "columns of w and h");
  array_t<T> result({left.rows, left.cols});
  const auto out = mutable_matrix(result, "out");
  double logs = 0;
  run_released(threads, [&](const Execution& run) {
    logs = nmf_quotients_sparse(x, left, right, with_log, out, run);
  });
  return py::make_tuple(result, logs);
}

template <class T>
void bind(py::module_& m) {
  m.def("nmf_sweep", &sweep<T>, in("products"), in("gram"), py::arg("l1"), py::arg("l2"), py::arg("most"),
        py::arg("tolerance"), in("w"), py::arg("threads"));
  m.def("nmf_sweep_masked", &sweep_masked<T>, in("indptr"), in("indices"), in("values"),
        in("weights").none(true), in("h"), py::arg("l1"), py::arg("l2"), py::arg("most"),
        py::arg("tolerance"), in("w"), py::arg("threads"));
  m.def("nmf_quotients", &quotients<T>, in("x"), in("w"), in("h"), py::arg("transposed"), py::arg("with_log"),
        py::arg("threads"));
  m.def("nmf_quotients_sparse", &quotients_sparse<T>, in("indptr"), in("indices"), in("values"), in("w"),
        in("h"), py::arg("with_log"), py::arg("threads"));
}

}  // namespace

void bind_decomposition_nmf(py::module_ m) {
  bind<float>(m);
  bind<double>(m);
}

}  // namespace eckart::bindings
