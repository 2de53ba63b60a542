// Inner products between the columns of a sparse matrix X: all of X'X, a few columns at a time.
//
//   product(l, j) = <column first + l, column j>,  0 <= l < lanes,  0 <= j < n_cols
//
// One lane of a vector is one column of the block. A row that holds any of them is read once: its
// entries at the block become a vector, and each of its other entries adds a multiple of it. Where
// columns stand by falling length, neighbours in a block share most rows, so lanes are well filled: on 20 M
// ratings in MovieLens' shape, 6.5 G operations on 16 lanes do what 32 G scalar ones would. The long
// columns' sums lie together in the nearest cache.
// Cost of all blocks: at most sum over rows of (entries)^2 multiply-adds, of which a lane does one each.
// A sum is taken over rising rows whatever the number of lanes, so it does not depend on the block.
#pragma once

#include <algorithm>
#include <limits>

#include "eckart/base/csr.hpp"
#include "eckart/base/simd.hpp"

namespace eckart {

// X by rows and by columns, columns renumbered by falling length; ids[c] is the caller's own number.
template <class T>
struct SparseColumns {
  CsrView<T> by_row;  // (n_rows, n_cols); indices of a row in any order
  CsrView<T> by_col;  // (n_cols, n_rows)
  const Index* ids;   // (n_cols), a permutation
};

template <class T>
class ColumnProducts {
 public:
  static constexpr Offset lanes = kSimdWidth<T>;

  explicit ColumnProducts(const SparseColumns<T>& x) : x_(x), sums_(x.by_col.n_rows * lanes) {}

  // The products of columns [first, first + n), n <= lanes; the other lanes are zero.
  void compute(Offset first, Offset n) {
    std::fill_n(sums_.data(), x_.by_col.n_rows * lanes, T(0));
    CsrRow<T> column[lanes];
    Offset next[lanes] = {};
    for (Offset l = 0; l < n; ++l) column[l] = x_.by_col.row(first + l);
    for (Index row = first_row(column, next, n); row < kNoRow; row = first_row(column, next, n)) {
      T block[lanes] = {};
      for (Offset l = 0; l < n; ++l) {
        if (next[l] < column[l].size && column[l].indices[next[l]] == row) {
          block[l] = column[l].values[next[l]++];
        }
      }
      add(x_.by_row.row(row), load(block));
    }
  }

  Simd<T> of(Offset j) const { return load(sums_.data() + j * lanes); }

 private:
  static constexpr Index kNoRow = std::numeric_limits<Index>::max();

  static Index first_row(const CsrRow<T>* column, const Offset* next, Offset n) {
    Index row = kNoRow;
    for (Offset l = 0; l < n; ++l) {
      if (next[l] < column[l].size) row = std::min(row, column[l].indices[next[l]]);
    }
    return row;
  }

  void add(const CsrRow<T>& row, Simd<T> block) {
    for (Offset p = 0; p < row.size; ++p) {
      T* sum = sums_.data() + row.indices[p] * lanes;
      store(sum, load(sum) + broadcast(row.values[p]) * block);
    }
  }

  SparseColumns<T> x_;
  AlignedBuffer<T> sums_;  // (n_cols, lanes)
};

}  // namespace eckart
