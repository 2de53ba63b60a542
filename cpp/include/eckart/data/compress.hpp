// Triples (row, column, value) in any order → compressed rows, columns rising within each, equal
// pairs in the order of the triples. That is a stable sort by row, then column; it has one answer,
// so neither chunks nor threads show in it.
#pragma once

#include "eckart/base/csr.hpp"
#include "eckart/base/interrupt.hpp"
#include "eckart/base/types.hpp"

namespace eckart {

template <class T>
struct Triples {  // n entries; values may be null (a mere pattern)
  const Index* rows;
  const Index* cols;
  const T* values;
  Offset n;
};

template <class T>
struct Compressed {
  Offset* indptr;  // (n_rows + 1)
  Index* indices;  // (n), never falling within a row
  T* values;       // (n), or null as in the triples
};

// Fills indptr (n_rows + 1) and returns true if the entries stand in order already: then `cols` and the
// values are the compressed rows. Cost: one read of both arrays, or less where an entry is out of order.
bool row_pointers(const Index* rows, const Index* cols, Offset n, Offset n_rows, Offset* indptr,
                  const Execution& run);

// Two passes of a radix sort: by column into `by_col` (n_cols rows; work space), from there by row into
// `out` (n_rows rows). Indices must lie in [0, n_rows) and [0, n_cols). Cost: 2 random writes an entry.
template <class T>
void compress(const Triples<T>& triples, const Compressed<T>& by_col, Offset n_cols, const Compressed<T>& out,
              Offset n_rows, const Execution& run);

// The compressed rows of the transposed matrix. Cost: 1 random write an entry, no memory beside `out`
// but at most 16 counts a column.
template <class T>
void transpose(const CsrView<T>& in, const Compressed<T>& out, const Execution& run);

// How many entries repeat the pair before them (0: all pairs are distinct).   Cost: n reads.
Offset count_repeated(const Offset* indptr, const Index* indices, Offset n_rows, const Execution& run);

}  // namespace eckart
