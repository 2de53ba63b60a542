// The k best items of every query by inner product, without ever forming queries x items.
//
//   score(q, i) = <query_q, item_i> + bias_i
//
// Tiles of queries are multiplied with blocks of items; a score enters a query's heap only if it
// beats the heap's worst. Excluded items (those a user has seen) are struck out by walking the
// sorted exclusion row along with the blocks. Ties: the higher score first, then the lower id.
// Every tile has the same shape whatever it holds, so a query's scores do not depend, not even in
// the last bit, on which other queries were asked along with it.
// Cost: queries * items * rank multiply-adds.
#pragma once

#include "eckart/base/csr.hpp"
#include "eckart/base/interrupt.hpp"

namespace eckart {

template <class T>
struct TopK {             // (n_queries, k), best first; where fewer than k items remain:
  MatrixView<Index> ids;  // -1
  MatrixView<T> scores;   // -infinity
};

// bias: (n_items) or null; exclude: one row a query, columns are items, or null.
template <class T>
void top_k(MatrixView<const T> queries, MatrixView<const T> items, const T* bias, const CsrView<T>* exclude,
           TopK<T> result, const Execution& run);

}  // namespace eckart
