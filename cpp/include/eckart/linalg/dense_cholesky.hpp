// One large ridge system (A + lambda I) x = b, with the interface of BatchedCholesky: one lane. Eigen's
// blocked Cholesky, for ranks whose interleaved factors would not stay in cache.
#pragma once

#include <Eigen/Cholesky>
#include <limits>

#include "eckart/linalg/eigen.hpp"
#include "eckart/linalg/normal_system.hpp"

namespace eckart {

// The lower triangle of the system, bordered where there is an intercept, plus the ridge; and its
// right-hand side.
template <class T>
void to_dense(const NormalSystem<T>& system, bool intercept, T ridge, RowMatrix<T>& a, Vector<T>& b) {
  const Offset rank = system.rank();
  a.resize(rank + intercept, rank + intercept);
  b.resize(rank + intercept);
  for (Offset i = 0; i < rank; ++i) std::copy_n(system.gram() + i * system.stride(), i + 1, a.row(i).data());
  std::copy_n(system.rhs(), rank, b.data());
  if (intercept) {
    std::copy_n(system.sum(), rank, a.row(rank).data());
    a(rank, rank) = system.count;
    b[rank] = system.target_sum;
  }
  a.diagonal().array() += ridge;
}

template <class T>
class DenseCholesky {
 public:
  static constexpr Offset lanes = 1;

  DenseCholesky(Offset, bool intercept) : intercept_(intercept) {}

  unsigned solve(const NormalSystem<T>* const* systems, const T* ridge) {
    to_dense(**systems, intercept_, *ridge, a_, x_);
    const T floor = static_cast<T>(a_.rows()) * std::numeric_limits<T>::epsilon() * a_.diagonal().maxCoeff();
    factor_.compute(a_);
    const T smallest = factor_.matrixLLT().diagonal().minCoeff();
    if (factor_.info() != Eigen::Success || !(smallest * smallest > floor)) return 1;
    solve_again();
    return 0;
  }

  T solution(Offset, Offset i) const { return x_[i]; }
  void set_rhs(Offset, const T* b) { std::copy_n(b, x_.size(), x_.data()); }
  void solve_again() { factor_.solveInPlace(x_); }

 private:
  bool intercept_;
  RowMatrix<T> a_;
  Vector<T> x_;
  Eigen::LLT<RowMatrix<T>, Eigen::Lower> factor_;
};

}  // namespace eckart
