// Item neighbourhoods: the most similar items of every item, and what they say of a user's row.
#pragma once

#include "eckart/base/csr.hpp"
#include "eckart/base/interrupt.hpp"
#include "eckart/linalg/column_products.hpp"
#include "eckart/linalg/topk.hpp"

namespace eckart {

// The k most similar columns of every column, best first, among those with a positive similarity
//
//   s_ij = <x_i, x_j> / (|x_i| |x_j| + shrinkage).
//
// Where `norms` is not null, norms[c] >= 0 of x's own column c stands for its |x_c|.
// Row i and the ids of `result` are the caller's own numbers; ties: the lower one first.
// Cost: that of ColumnProducts, and n_cols^2 divisions. Never n_cols x n_cols numbers in memory.
template <class T>
void nearest_columns(const SparseColumns<T>& x, const T* norms, T shrinkage, TopK<T> result,
                     const Execution& run);

// What is added up for user u and item i over the user's items j that are neighbours of i:
//   score = base_i + sum_j s_ij x_uj                        (a sum)
//   score = base_i + sum_j s_ij x_uj / sum_j s_ij           (a weighted mean; base_i alone without any j)
template <class T>
struct NeighbourModel {
  CsrView<T> neighbours;  // (n_items, n_items): row i holds s_ij, or s_ij at (j, i) for the lists
  const T* base;          // (n_items) or null
  bool mean;
};

// Scores of single pairs: row rows_of[p] of `rows` and item items[p]; an item of -1 scores 0.
template <class T>
void neighbour_pairs(const NeighbourModel<T>& model, const CsrView<T>& rows, const Index* rows_of,
                     const Index* items, Offset n_pairs, T* out, const Execution& run);

// The k best items of every row; `model.neighbours` is transposed: row j holds the items it speaks for.
// exclude: one row a row, or null. An item whose base is -infinity never appears.
// Cost: sum over the entries of a row of their neighbours, and one pass over the items.
template <class T>
void neighbour_top_k(const NeighbourModel<T>& model, const CsrView<T>& rows, const CsrView<T>* exclude,
                     TopK<T> result, const Execution& run);

}  // namespace eckart
