// Scores of sparse rows against dense item weights, S = X W: the k best of every row, and single pairs.
#pragma once

#include "eckart/base/csr.hpp"
#include "eckart/base/interrupt.hpp"
#include "eckart/linalg/topk.hpp"

namespace eckart {

// score(u, i) = bias_i + sum_j x_uj w_ji;  an item whose bias is -infinity never appears.
// bias (n_items) or null; exclude: one row a row, or null. A score is one sum over rising j, whatever else
// is asked along with it. X W is never formed: a tile of rows meets a panel of columns in cache.
// Cost: stored entries of X times n_items multiply-adds; W is read once a tile.
template <class T>
void row_top_k(const CsrView<T>& rows, MatrixView<const T> weights, const T* bias, const CsrView<T>* exclude,
               TopK<T> result, const Execution& run);

// Scores of row rows_of[p] and item items[p], without a bias; an item of -1 scores 0.
template <class T>
void row_pairs(const CsrView<T>& rows, MatrixView<const T> weights, const Index* rows_of, const Index* items,
               Offset n_pairs, T* out, const Execution& run);

}  // namespace eckart
