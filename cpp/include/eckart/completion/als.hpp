// Alternating least squares on ratings with missing entries: explicit ones, and implicit feedback.
//
//   minimise  sum over observed w_ui (r_ui - y_ui)^2 + alpha_0 sum over all pairs y_ui^2
//             + sum_u lambda_u (|u|^2 + b_u^2) + sum_i lambda_i (|v|^2 + b_i^2)
//   y_ui = mu + b_u + b_i + <u, v>
//
// Explicit ratings have w = 1 and alpha_0 = 0. Implicit feedback has alpha_0 > 0, mu = 0 and preferences as
// ratings: 1, or 0 for negative feedback. This is the form of Rendle, Krichene, Zhang, Koren 2022
// ("Revisiting the performance of iALS on item recommendation benchmarks", eq. 1 to 4), who have w = 1.
// Hu, Koren, Volinsky 2008 (eq. 3) weigh each pair once, sum over all c_ui (p_ui - y_ui)^2 with c = 1 where
// nothing was observed: that is alpha_0 = 1, w = c - 1 and ratings c p / (c - 1).
//
// With one side fixed the other falls apart into one ridge regression a row. For user u with
// ratings S, x_i = (v_i, 1) and targets t_i = r_ui - mu - b_i, the normal equations are
//
//   (sum_{i in S} w_ui x_i x_i' + alpha_0 sum_i x_i x_i' + lambda_u I) (u, b_u)
//       = sum_{i in S} w_ui t_i x_i - alpha_0 sum_i b_i x_i
//
// so factors and bias are solved jointly. Items likewise. lambda is given a row: constant, or
// scaled by the row's count as in ALS-WR (Zhou, Wilkinson, Schreiber, Pan 2008).
// Cost of a half: |observed| d^2 / 2 + rows d^3 / 3 multiply-adds, d = rank + 1.
#pragma once

#include "eckart/base/csr.hpp"
#include "eckart/base/interrupt.hpp"

namespace eckart {

// Everything that is fixed while one side is solved. `ratings` has the solved side as rows.
template <class T>
struct AlsHalf {
  CsrView<T> ratings;             // without values, all are 1
  MatrixView<const T> fixed;      // (n_cols, rank), factors of the other side
  const T* fixed_bias = nullptr;  // (n_cols), or null: a model without biases
  const T* reg = nullptr;         // (n_rows), lambda of each row
  T mean = 0;                     // mu
  const T* weights = nullptr;     // (n_stored) w of each rating, not negative; null: all are 1
  T unobserved = 0;               // alpha_0, the weight of every pair
};

// The side that is solved. Rows without ratings become zero, unless alpha_0 > 0 and there are biases.
template <class T>
struct AlsSide {
  MatrixView<T> factors;  // (n_rows, rank)
  T* bias = nullptr;      // (n_rows), null exactly when fixed_bias is
};

// Which rows to solve: all, or those listed (distinct).
struct RowSubset {
  const Index* rows = nullptr;  // null: all
  Offset size = 0;
};

// Exact minimiser of every row, by Cholesky. Returns the objective of the solved rows without penalties
// if asked for (added in double, taken while their ratings are still in cache), else 0.
//
// `use_amx`: where there is a matrix unit, large float32 systems of equal weights are formed on it from
// rounded factors (linalg/bf16_gram.hpp), and solutions refined on the ratings to float32's accuracy.
template <class T>
double als_solve_cholesky(const AlsHalf<T>& half, RowSubset subset, AlsSide<T> side, bool with_error,
                          bool use_amx, const Execution& run);

// `steps` of conjugate gradients on the same normal equations, from the values that `side` holds
// (Hestenes and Stiefel 1952); each step lowers the objective. Cost of a step: 2 |observed| d.
// Returns as above.
template <class T>
double als_solve_cg(const AlsHalf<T>& half, RowSubset subset, int steps, AlsSide<T> side, bool with_error,
                    const Execution& run);

// One Newton step on each block of `block` coordinates in turn, from the values that `side` holds: exact in
// the block, so each lowers the objective (Rendle, Krichene, Zhang, Koren 2021, "iALS++"). The residuals of
// a row's ratings are kept up to date. The last block takes the intercept along.
// Cost of a half: |observed| d block / 2 + rows d block^2 / 3 multiply-adds. Returns as above.
template <class T>
double als_solve_subspace(const AlsHalf<T>& half, RowSubset subset, Offset block, AlsSide<T> side,
                          bool with_error, const Execution& run);

// Sum over the observed of weighted squared residuals, accumulated in double.
template <class T>
double als_squared_error(const AlsHalf<T>& half, MatrixView<const T> factors, const T* bias,
                         const Execution& run);

// Sum over rows of reg * (|factors|^2 + bias^2), accumulated in double.
template <class T>
double als_penalty(MatrixView<const T> factors, const T* bias, const T* reg, const Execution& run);

}  // namespace eckart
