// A read-only compressed sparse matrix. In a view of ratings, stored entries are the observed ones.
#pragma once

#include <algorithm>

#include "eckart/base/types.hpp"

namespace eckart {

template <class T>
struct CsrRow {
  const Index* indices;
  const T* values;  // null where the matrix is a mere pattern
  Offset size;

  bool contains(Index i) const { return std::binary_search(indices, indices + size, i); }  // indices rise
};

template <class T>
struct CsrView {
  Offset n_rows = 0;
  Offset n_cols = 0;
  const Offset* indptr = nullptr;  // (n_rows + 1), never falling, indptr[0] == 0
  const Index* indices = nullptr;  // (indptr[n_rows]), rising within a row, in [0, n_cols)
  const T* values = nullptr;       // (indptr[n_rows]) or null

  Offset n_stored() const { return n_rows == 0 ? 0 : indptr[n_rows]; }
  Offset row_size(Offset i) const { return indptr[i + 1] - indptr[i]; }
  CsrRow<T> row(Offset i) const {
    assert(i >= 0 && i < n_rows);
    return {indices + indptr[i], values ? values + indptr[i] : nullptr, row_size(i)};
  }
};

}  // namespace eckart
