// Products of a sparse matrix with tall dense blocks, and inner products sampled at its stored entries: all
// that iterations on sparse-plus-low-rank matrices need, and nothing dense beyond the blocks.
#pragma once

#include "eckart/base/csr.hpp"
#include "eckart/base/interrupt.hpp"
#include "eckart/base/types.hpp"

namespace eckart {

// out (n_rows, k) = A x, x (n_cols, k).   Cost: 2 n_stored k flop; it gathers n_stored rows of x.
// A' x is the same call on the compressed columns.
template <class T>
void sparse_dense(const CsrView<T>& a, const MatrixView<const T>& x, const MatrixView<T>& out,
                  const Execution& run);

// out[e] = <u_i, v_j> for the stored entry e = (i, j), u (n_rows, k), v (n_cols, k).   Cost: 2 n_stored k
// flop.
template <class T>
void sampled_products(const CsrView<T>& pattern, const MatrixView<const T>& u, const MatrixView<const T>& v,
                      T* out, const Execution& run);

}  // namespace eckart
