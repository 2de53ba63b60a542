// Non-negative matrix factorisation X ~ W H', X (n, d), W (n, k), H (d, k), all entries >= 0.
//
// Both halves of an iteration are the same problem on X and on X': given one side, improve the rows of the
// other, each of which is a problem of its own. So kernels know rows w_i and the fixed rows h_j alone.
#pragma once

#include "eckart/base/csr.hpp"
#include "eckart/base/interrupt.hpp"
#include "eckart/base/types.hpp"

namespace eckart {

// The penalty l1 |w|_1 + l2 |w|^2 / 2 of each row.
template <class T>
struct NmfPenalty {
  T l1 = 0;
  T l2 = 0;
};

// When a row's sweeps end: after `most` of them, or when one finds a violation of at most `tolerance`
// times that of the first. The violation of a sweep is the sum of the projected gradient's sizes.
struct NmfSweeps {
  Offset most = 1;
  double tolerance = 0;
};

// Sweeps of cyclic coordinate descent on min_{w >= 0} w'G w / 2 - p'w + penalty for every row w of `w` (n,
// k), with p its row of `products` = X H and G = `gram` = H'H (HALS: Cichocki and Phan 2009; several sweeps
// on the same products: Gillis and Glineur 2012). Returns the sum of the violations of first sweeps. Cost: 2
// n k^2 flop a sweep.
template <class T>
double nmf_sweep(const MatrixView<const T>& products, const MatrixView<const T>& gram, NmfPenalty<T> penalty,
                 NmfSweeps sweeps, const MatrixView<T>& w, const Execution& run);

// The same where only some cells count: x (n, d) holds the cells that are observed, `weights` (n_stored) what
// each counts, or null. Every row has a Gram matrix of its own.   Cost: n_stored k^2 flop and the sweeps.
template <class T>
double nmf_sweep_masked(const CsrView<T>& x, const T* weights, const MatrixView<const T>& h,
                        NmfPenalty<T> penalty, NmfSweeps sweeps, const MatrixView<T>& w,
                        const Execution& run);

// What multiplicative updates for the Kullback-Leibler divergence (Lee and Seung 2001) ask of X: with the
// quotients q_ij = x_ij / <w_i, h_j>, `out` = Q H (n, k), or Q'W (d, k) where `transposed`.
// Returns sum x_ij log q_ij where `with_log`, else 0: the divergence is that - sum x_ij + sum <w_i, h_j>.
// Q is formed a tile at a time, in cache.
// Cost: 4 n d k flop, n d divisions (and logarithms).
template <class T>
double nmf_quotients(const MatrixView<const T>& x, const MatrixView<const T>& w, const MatrixView<const T>& h,
                     bool transposed, bool with_log, const MatrixView<T>& out, const Execution& run);

// The same from the stored entries alone; Q'W is the same call on the compressed columns.
// Cost: 4 n_stored k flop.
template <class T>
double nmf_quotients_sparse(const CsrView<T>& x, const MatrixView<const T>& w, const MatrixView<const T>& h,
                            bool with_log, const MatrixView<T>& out, const Execution& run);

}  // namespace eckart
