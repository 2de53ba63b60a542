// The k best items of every query by inner product, without ever forming queries x items.
//
//   score(q, i) = <query_q, item_i> + bias_i
//
// A panel of items is packed once for a tile of queries; scores are formed in registers and compared
// there with the worst of the query's heap, so nearly all of them are never stored. Only a score that
// would enter is looked up among the excluded items (those a user has seen). Ties: the higher score
// first, then the lower id. A score is one chain of multiply-adds over the factors, so it does not
// depend, not even in the last bit, on which other queries were asked along with it.
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

// bias: (n_items) or null; exclude: one row a query, columns are items, or null. `use_amx`: where there is
// a matrix unit, items of many float32 queries are screened on it first; the answer is the same to the bit.
template <class T>
void top_k(MatrixView<const T> queries, MatrixView<const T> items, const T* bias, const CsrView<T>* exclude,
           TopK<T> result, bool use_amx, const Execution& run);

// The k best of each row's own candidates: row r of `rows` holds their ids, in any order, and their
// scores. exclude: one row a row, or null.
template <class T>
void top_k_of_rows(const CsrView<T>& rows, const CsrView<T>* exclude, TopK<T> result, const Execution& run);

}  // namespace eckart
