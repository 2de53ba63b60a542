#include "eckart/linalg/spd_inverse.hpp"

#include <Eigen/Cholesky>
#include <algorithm>

#include "eckart/base/parallel.hpp"
#include "eckart/linalg/eigen.hpp"

namespace eckart {
namespace {

constexpr Offset kTile = 1024;  // of the symmetric update: packing costs little beside the product

template <class T>
using MutableMap = Eigen::Map<RowMatrix<T>>;
template <class T>
using Strided = Eigen::Map<RowMatrix<T>, 0, Eigen::OuterStride<>>;

template <class T>
Strided<T> part(MatrixView<T> a, Offset row, Offset rows, Offset col, Offset cols) {
  return {a.row(row) + col, rows, cols, Eigen::OuterStride<>(a.cols)};
}

// One block K = [k, k + b) is swept.
template <class T>
class Sweep {
 public:
  Sweep(MatrixView<T> a, Offset k, Offset b, RowMatrix<T>& old_panel, RowMatrix<T>& panel)
      : a_(a), k_(k), b_(b), old_(old_panel), new_(panel) {}

  bool run(const Execution& run) {
    const Offset n = a_.rows;
    if (!invert_pivot()) return false;
    parallel_ranges(n, kTile, 2.0 * n * b_ * b_, run, [this](Offset begin, Offset end) {
      copy_panel(begin, end);
      new_.block(begin, 0, end - begin, b_).noalias() = old_.block(begin, 0, end - begin, b_) * inverse_;
    });
    const Offset tiles = (n + kTile - 1) / kTile;
    parallel_for(
        tiles * (tiles + 1) / 2, 1.0 * n * n * b_, run, [] { return NoScratch{}; },
        [&](NoScratch&, Offset tile) {
          Offset i = 0;
          while ((i + 1) * (i + 2) / 2 <= tile) ++i;
          update(i * kTile, (tile - i * (i + 1) / 2) * kTile);
        });
    parallel_ranges(n, kTile, 1.0 * n * b_, run, [this](Offset begin, Offset end) { put_panel(begin, end); });
    return true;
  }

 private:
  bool invert_pivot() {
    RowMatrix<T> pivot = part(a_, k_, b_, k_, b_);
    Eigen::LLT<RowMatrix<T>, Eigen::Lower> factor(pivot);
    if (factor.info() != Eigen::Success) return false;
    inverse_ = factor.solve(RowMatrix<T>::Identity(b_, b_));
    inverse_ = (T(0.5) * (inverse_ + inverse_.transpose())).eval();
    return true;
  }

  // Column block K of the symmetric matrix; rows above K are found in row block K. Rows of K become zero,
  // so that the update leaves K alone.
  void copy_panel(Offset begin, Offset end) {
    for (Offset i = begin; i < end; ++i) {
      for (Offset j = 0; j < b_; ++j) {
        old_(i, j) = i < k_ ? a_.row(k_ + j)[i] : i < k_ + b_ ? T(0) : a_.row(i)[k_ + j];
      }
    }
  }

  void update(Offset i, Offset j) {
    const Offset rows = std::min(kTile, a_.rows - i), cols = std::min(kTile, a_.rows - j);
    part(a_, i, rows, j, cols).noalias() -=
        new_.block(i, 0, rows, b_) * old_.block(j, 0, cols, b_).transpose();
  }

  void put_panel(Offset begin, Offset end) {
    for (Offset i = begin; i < end; ++i) {
      for (Offset j = 0; j < b_; ++j) {
        if (i < k_) {
          a_.row(k_ + j)[i] = new_(i, j);
        } else {
          a_.row(i)[k_ + j] = i < k_ + b_ ? -inverse_(i - k_, j) : new_(i, j);
        }
      }
    }
  }

  MatrixView<T> a_;
  Offset k_, b_;
  RowMatrix<T>&old_, &new_;  // (n, kSweep): A_IK before the sweep, and A_IK D
  RowMatrix<T> inverse_;     // D
};

// -A^-1 in the lower triangle -> A^-1 in both.
template <class T>
void negate_and_mirror(MatrixView<T> a, const Execution& run) {
  const Offset n = a.rows, tile = 64, tiles = (n + tile - 1) / tile;
  parallel_ranges(tiles, 1, 1.0 * n * n, run, [&](Offset t, Offset) {
    const Offset i = t * tile, rows = std::min(tile, n - i);
    for (Offset j = 0; j < i; j += tile) {
      auto lower = part(a, i, rows, j, tile);
      lower = -lower;
      part(a, j, tile, i, rows) = lower.transpose();
    }
    for (Offset r = i; r < i + rows; ++r) {
      for (Offset c = i; c <= r; ++c) a.row(c)[r] = a.row(r)[c] = -a.row(r)[c];
    }
  });
}

}  // namespace

template <class T>
bool spd_inverse(MatrixView<T> a, const Execution& run) {
  const Offset n = a.rows;
  RowMatrix<T> old_panel(n, std::min(n, kSweep)), panel(n, std::min(n, kSweep));
  for (Offset k = 0; k < n; k += kSweep) {
    if (!Sweep<T>(a, k, std::min(kSweep, n - k), old_panel, panel).run(run)) return false;
  }
  negate_and_mirror(a, run);
  return true;
}

template bool spd_inverse(MatrixView<float>, const Execution&);
template bool spd_inverse(MatrixView<double>, const Execution&);

}  // namespace eckart
