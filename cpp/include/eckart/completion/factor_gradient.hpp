// The gradient of half the squared error of U V' on the observed entries, and that error along a line.
//
//   f(U, V) = 1/2 ||R||^2, R = P(X - U V'):   -df/dU = R V,   -df/dV = R' U
//
// R is never stored: each pass takes the entries of a row, forms their residuals and uses them at once, so
// that a gradient costs one gathered row of the other side an entry (4 |observed| k flops).
#pragma once

#include <array>

#include "eckart/base/csr.hpp"
#include "eckart/base/interrupt.hpp"

namespace eckart {

// out = R V for x (n_rows, n_cols), u (n_rows, k), v (n_cols, k); returns ||R||^2, added in double.
// With the transpose of x and the sides exchanged it is R' U.
template <class T>
double residual_product(const CsrView<T>& x, const MatrixView<const T>& u, const MatrixView<const T>& v,
                        const MatrixView<T>& out, const Execution& run);

// The coefficients c of ||P(X - (U + t D)(V + t E)')||^2 = c[0] + c[1] t + ... + c[4] t^4, where d and e are
// shaped as u and v.
template <class T>
std::array<double, 5> error_along(const CsrView<T>& x, const MatrixView<const T>& u,
                                  const MatrixView<const T>& v, const MatrixView<const T>& d,
                                  const MatrixView<const T>& e, const Execution& run);

}  // namespace eckart
