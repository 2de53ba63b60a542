// Orthogonalising a tall block against a tall basis, in two passes over the basis: what a Krylov method does
// beside its products. The basis is the first `columns` columns of a wider row-major buffer, so that it grows
// without a copy. The same bits for any number of threads: chunks of fixed length, summed in order.
#pragma once

#include "eckart/base/interrupt.hpp"
#include "eckart/base/types.hpp"

namespace eckart {

template <class T>
struct TallBasis {
  const T* data;  // (rows, stride)
  Offset rows;
  Offset columns;  // in use, at most `stride`
  Offset stride;
};

// The k columns of `buffer` (rows, stride) from `at` on become x (rows, k), at + k <= stride.
template <class T>
void set_columns(const MatrixView<T>& buffer, Offset at, const MatrixView<const T>& x, const Execution& run);

// out (columns, k) = B' x, x (rows, k).   Cost: 2 rows columns k flop.
template <class T>
void basis_products(const TallBasis<T>& basis, const MatrixView<const T>& x, double* out,
                    const Execution& run);

// x (rows, k) -= B c with c (columns, k), in place; gram (k, k) = x'x of the result, summed in double.
// Cost: 2 rows k (columns + k) flop.
template <class T>
void subtract_basis(const TallBasis<T>& basis, const MatrixView<const T>& c, const MatrixView<T>& x,
                    double* gram, const Execution& run);

}  // namespace eckart
