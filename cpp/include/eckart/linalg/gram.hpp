// The Gram matrix of gathered rows: what a least-squares problem with missing entries is made of.
//
//   A += X'X,  b += X't     with the rows of X gathered by index from a larger matrix
//
// Rows are packed a tile at a time, so that the product runs on memory that is contiguous and in
// cache, whatever the indices. Only the lower triangle of A is formed.
// Cost: n (d^2 + d) multiply-adds for the lower triangle and the right-hand side.
#pragma once

#include "eckart/linalg/eigen.hpp"

namespace eckart {

constexpr Offset kGramTile = 128;  // rows: at rank 64 and float32 a tile is 32 KB, half of L1

template <class T>
class GramAccumulator {
 public:
  explicit GramAccumulator(Offset dim)
      : tile_(kGramTile, dim), target_(kGramTile), gram_(dim, dim), rhs_(dim) {}

  Offset dim() const { return gram_.rows(); }

  // A = ridge I, b = 0.
  void reset(T ridge) {
    gram_.setZero();
    gram_.diagonal().setConstant(ridge);
    rhs_.setZero();
    filled_ = 0;
  }

  // The next packed row, to be filled by the caller, and its target.
  T* next_row(T target) {
    if (filled_ == kGramTile) flush();
    target_[filled_] = target;
    return tile_.data() + dim() * filled_++;
  }

  void flush() {
    if (filled_ == 0) return;
    const auto rows = tile_.topRows(filled_);
    gram_.template selfadjointView<Eigen::Lower>().rankUpdate(rows.transpose());
    rhs_.noalias() += rows.transpose() * target_.head(filled_);
    filled_ = 0;
  }

  RowMatrix<T>& gram() { return gram_; }  // lower triangle
  Vector<T>& rhs() { return rhs_; }

 private:
  RowMatrix<T> tile_;
  Vector<T> target_;
  RowMatrix<T> gram_;
  Vector<T> rhs_;
  Offset filled_ = 0;
};

}  // namespace eckart
