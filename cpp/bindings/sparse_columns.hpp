// A sparse matrix by rows and by columns at once, as eckart/linalg/column_products.hpp takes it: six arrays
// of the two compressed forms, and the caller's number of each column.
#pragma once

#include "common.hpp"
#include "eckart/linalg/column_products.hpp"

namespace eckart::bindings {

template <class T>
SparseColumns<T> sparse_columns(const array_t<Offset>& row_indptr, const array_t<Index>& row_indices,
                                const array_t<T>& row_values, const array_t<Offset>& col_indptr,
                                const array_t<Index>& col_indices, const array_t<T>& col_values,
                                const array_t<Index>& ids) {
  SparseColumns<T> x;
  x.by_row = csr<T>(row_indptr, row_indices, row_values, ids.size(), "rows");
  x.by_col = csr<T>(col_indptr, col_indices, col_values, x.by_row.n_rows, "columns");
  check_equal(x.by_col.n_rows, ids.size(), "columns and ids");
  check_equal(x.by_row.n_stored(), x.by_col.n_stored(), "entries by row and by column");
  x.ids = vector(ids, x.by_col.n_rows, "ids");
  for (Offset c = 0; c < x.by_col.n_rows; ++c) {
    if (x.ids[c] < 0 || x.ids[c] >= x.by_col.n_rows) {
      shape_error("ids", "numbers below " + std::to_string(x.by_col.n_rows), std::to_string(x.ids[c]));
    }
  }
  return x;
}

}  // namespace eckart::bindings
