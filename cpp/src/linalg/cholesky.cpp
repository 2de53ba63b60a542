#include "eckart/linalg/cholesky.hpp"

#include <Eigen/Cholesky>
#include <limits>
#include <numeric>
#include <utility>
#include <vector>

namespace eckart {
namespace {

// Cholesky with diagonal pivoting that stops at the numerical rank (LAPACK Working Note 161).
// Rare, so it is plain: works on both triangles of A.
template <class T>
void solve_semidefinite(RowMatrix<T>& a, Vector<T>& b) {
  const Offset d = a.rows();
  std::vector<Offset> order(d);
  std::iota(order.begin(), order.end(), Offset{0});
  const T floor = static_cast<T>(d) * std::numeric_limits<T>::epsilon() * a.diagonal().maxCoeff();

  Offset rank = 0;
  for (; rank < d; ++rank) {
    Offset pivot = rank;
    for (Offset i = rank; i < d; ++i) {
      if (a(i, i) > a(pivot, pivot)) pivot = i;
    }
    if (!(a(pivot, pivot) > floor)) break;
    a.row(rank).swap(a.row(pivot));
    a.col(rank).swap(a.col(pivot));
    std::swap(order[rank], order[pivot]);
    const Offset rest = d - rank - 1;
    const T root = std::sqrt(a(rank, rank));
    a(rank, rank) = root;
    a.col(rank).tail(rest) /= root;
    a.bottomRightCorner(rest, rest).noalias() -= a.col(rank).tail(rest) * a.col(rank).tail(rest).transpose();
  }

  Vector<T> x(rank);
  for (Offset i = 0; i < rank; ++i) x[i] = b[order[i]];
  const auto factor = a.topLeftCorner(rank, rank).template triangularView<Eigen::Lower>();
  factor.solveInPlace(x);
  factor.transpose().solveInPlace(x);
  b.setZero();
  for (Offset i = 0; i < rank; ++i) b[order[i]] = x[i];
}

}  // namespace

template <class T>
void solve_spd(RowMatrix<T>& a, Vector<T>& b) {
  // The factorisation overwrites the lower triangle only: the upper one keeps A in case it fails.
  const Vector<T> diagonal = a.diagonal();
  a.template triangularView<Eigen::StrictlyUpper>() = a.transpose();
  Eigen::LLT<Eigen::Ref<RowMatrix<T>>, Eigen::Lower> factor(a);
  const T smallest = a.diagonal().minCoeff();
  const T floor = static_cast<T>(a.rows()) * std::numeric_limits<T>::epsilon() * diagonal.maxCoeff();
  if (factor.info() == Eigen::Success && smallest * smallest > floor) {
    factor.solveInPlace(b);
    return;
  }
  a.template triangularView<Eigen::StrictlyLower>() = a.transpose();
  a.diagonal() = diagonal;
  solve_semidefinite(a, b);
}

template void solve_spd(RowMatrix<float>&, Vector<float>&);
template void solve_spd(RowMatrix<double>&, Vector<double>&);

}  // namespace eckart
