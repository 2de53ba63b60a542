// A Gauss-Newton step for a factorisation U V' that is to meet the observed entries exactly:
//
//   minimise over X (n, r), Y (m, r)   sum over observed (b_ij - <u_i, v_j> - <x_i, v_j> - <u_i, y_j>)^2
//
// the linearised problem of R2RILS (Bauch, Nadler, Zilber 2021) and GNMR (Zilber, Nadler 2022). Its normal
// equations have the blocks
//
//   | G   B | |X|   |g|    G_i = sum_j v_j v_j',   g_i = sum_j v_j (b_ij - <u_i, v_j>)
//   | B'  H | |Y| = |h|    H_j = sum_i u_i u_i',   h_j likewise,   (B Y)_i = sum_j v_j <u_i, y_j>
//
// with sums over the observed entries of a row or column. Conjugate gradients run in the coordinates where G
// and H are the identity. The kernel X = U A, Y = -V A' (the same matrix in other coordinates) is never
// entered from a start at zero, so the step is the shortest in the norm of G and H. Cut short, it leaves out
// what the entries hardly determine: far from a solution that is the regularisation that the method needs.
// Cost of a step: 8 n_stored r flop and two gathers of 2 r numbers an entry; no array of n_stored numbers.
#pragma once

#include "eckart/base/csr.hpp"
#include "eckart/base/interrupt.hpp"

namespace eckart {

// The same observed entries from both sides, with values, and the factors at which to linearise.
template <class T>
struct GaussNewtonPoint {
  CsrView<T> by_row;      // (n, m)
  CsrView<T> by_col;      // (m, n)
  MatrixView<const T> u;  // (n, r)
  MatrixView<const T> v;  // (m, r)
};

struct CgLimits {
  int max_steps = 0;
  double tol = 0;  // stop when the residual's norm has fallen to this share of its start
};

// Fills x (n, r) and y (m, r); returns the steps of conjugate gradients that were done. Directions of a row's
// block without a pivot beyond rounding (of the block, or of the largest row of the other side's factors) are
// left out, as are rows without entries: their step is 0 there.
template <class T>
int gauss_newton_step(const GaussNewtonPoint<T>& at, CgLimits limits, MatrixView<T> x, MatrixView<T> y,
                      const Execution& run);

// One round of least squares for every row on its own, in place:
//
//   u_i += (G_i + ridge I)^-1 g_i
//
// From zero this is ridge regression, and each further round takes out more of what the ridge and rounding
// did: the limit is the exact solution, or the one of least norm where a row has too few entries.
template <class T>
void refine_rows(const CsrView<T>& ratings, const MatrixView<const T>& fixed, T ridge, MatrixView<T> factors,
                 const Execution& run);

}  // namespace eckart
