#include <vector>

#include "als_rows.hpp"
#include "eckart/linalg/batched_cholesky.hpp"
#include "eckart/linalg/cholesky.hpp"

namespace eckart {
namespace {

using namespace als;

// Up to this rank 16 systems and their factor stay in the second-level cache.
constexpr Offset kBatchedRank = 128;

// x solves the system (with its border where there is an intercept) plus ridge I.
template <class T>
void solve_dense(const NormalEquations<T>& system, bool intercept, T ridge, Vector<T>& x) {
  const Offset rank = system.rank();
  const Offset dim = rank + intercept;
  RowMatrix<T> a(dim, dim);
  x.resize(dim);
  for (Offset i = 0; i < rank; ++i) std::copy_n(system.gram() + i * system.stride(), i + 1, a.row(i).data());
  std::copy_n(system.rhs(), rank, x.data());
  if (intercept) {
    std::copy_n(system.sum(), rank, a.row(rank).data());
    a(rank, rank) = system.count();
    x[rank] = system.target_sum();
  }
  a.diagonal().array() += ridge;
  solve_spd(a, x);
}

// As many rows as a register has lanes, solved together.
template <class T>
class RowBatch {
 public:
  static constexpr Offset size = BatchedCholesky<T>::lanes;

  RowBatch(const AlsHalf<T>& half, const RowSystems<T>& rows, const AlsSide<T>& side)
      : half_(half), rows_(rows), side_(side), solver_(side.factors.cols, side.bias != nullptr) {
    for (Offset l = 0; l < size; ++l) systems_.emplace_back(side.factors.cols);
  }

  // Rows subset[begin] ... subset[begin + n - 1]; returns their squared residuals.
  double solve(RowSubset subset, Offset begin, Offset n, bool with_error) {
    T ridge[size];
    for (Offset l = 0; l < size; ++l) {
      const Offset row = l < n ? row_of(subset, begin + l) : 0;
      const bool has_ratings = l < n && half_.ratings.row_size(row) > 0;
      // A lane without ratings solves I x = 0: a row without ratings is zero.
      ridge[l] = has_ratings ? half_.reg[row] : T(1);
      if (has_ratings) {
        rows_.form(row, systems_[l]);
      } else {
        systems_[l].clear();
      }
    }
    const unsigned singular = solver_.solve(systems_.data(), ridge);
    Vector<T> x(side_.factors.cols + 1);
    double error = 0;
    for (Offset l = 0; l < n; ++l) {
      if (singular >> l & 1) {
        solve_dense(systems_[l], side_.bias != nullptr, ridge[l], x);
      } else {
        for (Offset f = 0; f < side_.factors.cols + (side_.bias != nullptr); ++f)
          x[f] = solver_.solution(l, f);
      }
      const Offset row = row_of(subset, begin + l);
      store(side_, row, x.data());
      if (with_error) error += row_error(half_, row, side_);
    }
    return error;
  }

 private:
  const AlsHalf<T>& half_;
  const RowSystems<T>& rows_;
  AlsSide<T> side_;
  std::vector<NormalEquations<T>> systems_;
  BatchedCholesky<T> solver_;
};

template <class T>
double solve_one_by_one(const AlsHalf<T>& half, const RowSystems<T>& rows, RowSubset subset, AlsSide<T> side,
                        double work, bool with_error, const Execution& run) {
  return for_chunks(
      half, subset, work, run, [&] { return NormalEquations<T>(side.factors.cols); },
      [&](NormalEquations<T>& system, Offset begin, Offset end) {
        Vector<T> x;
        double error = 0;
        for (Offset i = begin; i < end; ++i) {
          const Offset row = row_of(subset, i);
          if (half.ratings.row_size(row) == 0) {
            store_zero(side, row);
            continue;
          }
          rows.form(row, system);
          solve_dense(system, side.bias != nullptr, half.reg[row], x);
          store(side, row, x.data());
          if (with_error) error += row_error(half, row, side);
        }
        return error;
      });
}

}  // namespace

template <class T>
double als_solve_cholesky(const AlsHalf<T>& half, RowSubset subset, AlsSide<T> side, bool with_error,
                          const Execution& run) {
  const double n_rows = static_cast<double>(subset.rows ? subset.size : half.ratings.n_rows);
  const double share = half.ratings.n_rows ? n_rows / half.ratings.n_rows : 0.0;
  const double dim = side.factors.cols + 1.0;
  const double work = share * half.ratings.n_stored() * dim * dim + 0.3 * n_rows * dim * dim * dim;
  const RowSystems<T> rows(half, subset, run);
  if (side.factors.cols > kBatchedRank)
    return solve_one_by_one(half, rows, subset, side, work, with_error, run);
  return for_chunks(
      half, subset, work, run, [&] { return RowBatch<T>(half, rows, side); },
      [&](RowBatch<T>& batch, Offset begin, Offset end) {
        double error = 0;
        for (Offset i = begin; i < end; i += RowBatch<T>::size) {
          error += batch.solve(subset, i, std::min(RowBatch<T>::size, end - i), with_error);
        }
        return error;
      });
}

template double als_solve_cholesky(const AlsHalf<float>&, RowSubset, AlsSide<float>, bool, const Execution&);
template double als_solve_cholesky(const AlsHalf<double>&, RowSubset, AlsSide<double>, bool,
                                   const Execution&);

}  // namespace eckart
