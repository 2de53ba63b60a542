#include <pybind11/stl.h>

#include "common.hpp"
#include "eckart/completion/factor_gradient.hpp"

namespace eckart::bindings {

namespace {

// The observed entries, checked against the factors of both sides.
template <class T>
CsrView<T> observed(const array_t<Offset>& indptr, const array_t<Index>& indices, const array_t<T>& values,
                    const MatrixView<const T>& u, const MatrixView<const T>& v) {
  const auto x = csr<T>(indptr, indices, values, v.rows, "observed entries");
  check_equal(x.n_rows, u.rows, "rows of the observed entries and of u");
  check_equal(u.cols, v.cols, "columns of u and v");
  return x;
}

template <class T>
MatrixView<const T> direction(const array_t<T>& a, const MatrixView<const T>& like, const char* name) {
  const auto m = matrix(a, name);
  check_equal(m.rows, like.rows, "rows of a direction and its factors");
  check_equal(m.cols, like.cols, "columns of a direction and its factors");
  return m;
}

template <class T>
std::pair<array_t<T>, double> product(const array_t<Offset>& indptr, const array_t<Index>& indices,
                                      const array_t<T>& values, const array_t<T>& u, const array_t<T>& v,
                                      int threads) {
  const auto left = matrix(u, "u"), right = matrix(v, "v");
  const auto x = observed(indptr, indices, values, left, right);
  array_t<T> result({left.rows, left.cols});
  const auto out = mutable_matrix(result, "out");
  double error = 0;
  run_released(threads, [&](const Execution& run) { error = residual_product(x, left, right, out, run); });
  return {result, error};
}

template <class T>
std::array<double, 5> polynomial(const array_t<Offset>& indptr, const array_t<Index>& indices,
                                 const array_t<T>& values, const array_t<T>& u, const array_t<T>& v,
                                 const array_t<T>& d, const array_t<T>& e, int threads) {
  const auto left = matrix(u, "u"), right = matrix(v, "v");
  const auto x = observed(indptr, indices, values, left, right);
  const auto left_step = direction(d, left, "d"), right_step = direction(e, right, "e");
  std::array<double, 5> result{};
  run_released(threads, [&](const Execution& run) {
    result = error_along(x, left, right, left_step, right_step, run);
  });
  return result;
}

template <class T>
void bind(py::module_& m) {
  m.def("residual_product", &product<T>, in("indptr"), in("indices"), in("values"), in("u"), in("v"),
        py::arg("threads"));
  m.def("error_along", &polynomial<T>, in("indptr"), in("indices"), in("values"), in("u"), in("v"), in("d"),
        in("e"), py::arg("threads"));
}

}  // namespace

void bind_factor_gradient(py::module_& m) {
  bind<float>(m);
  bind<double>(m);
}

}  // namespace eckart::bindings
