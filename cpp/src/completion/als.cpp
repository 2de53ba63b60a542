#include "eckart/completion/als.hpp"

#include <algorithm>
#include <vector>

#include "eckart/base/math.hpp"
#include "eckart/base/parallel.hpp"
#include "eckart/base/simd.hpp"
#include "eckart/linalg/batched_cholesky.hpp"
#include "eckart/linalg/cholesky.hpp"

namespace eckart {
namespace {

constexpr Offset kChunkEntries = 16384;  // stored entries a chunk: fine enough to share evenly
constexpr Offset kRowGroup = 16;         // rows: a multiple of every register width
constexpr Offset kRowCost = 64;          // a solve counts as this many ratings
constexpr Offset kAhead = 8;             // rows to fetch early: the factors of random ids are rarely in cache

template <class T>
double solve_work(const AlsHalf<T>& half, Offset n_rows, Offset dim) {
  const double share = half.ratings.n_rows ? static_cast<double>(n_rows) / half.ratings.n_rows : 0.0;
  return share * half.ratings.n_stored() * dim * dim + 0.3 * n_rows * dim * dim * dim;
}

// body(scratch, begin, end) over ranges of the rows to solve, of about equal work. Ranges start at
// multiples of kRowGroup, so that batches of rows are full.
template <class T, class MakeScratch, class Body>
void for_chunks(const AlsHalf<T>& half, RowSubset subset, double work, const Execution& run,
                MakeScratch make_scratch, Body body) {
  const CsrView<T>& r = half.ratings;
  const Offset n_rows = subset.rows ? subset.size : r.n_rows;
  std::vector<Offset> groups{0};  // entries before each group of rows
  for (Offset i = 0; i < n_rows; i += kRowGroup) {
    Offset entries = 0;
    for (Offset k = i; k < std::min(n_rows, i + kRowGroup); ++k) {
      entries += r.row_size(subset.rows ? subset.rows[k] : k);
    }
    groups.push_back(groups.back() + entries);
  }
  const Offset n_groups = static_cast<Offset>(groups.size()) - 1;
  const std::vector<Offset> bounds =
      balanced_chunks(groups.data(), n_groups, kChunkEntries, kRowGroup * kRowCost);
  parallel_for(static_cast<Offset>(bounds.size()) - 1, work, run, make_scratch, [&](auto& scratch, Offset c) {
    body(scratch, bounds[c] * kRowGroup, std::min(n_rows, bounds[c + 1] * kRowGroup));
  });
}

// t_j = r_j - mu - b_j of the j-th rating of a row.
template <class T>
T target(const AlsHalf<T>& half, const CsrRow<T>& row, Offset j) {
  return row.values[j] - half.mean - (half.fixed_bias ? half.fixed_bias[row.indices[j]] : T(0));
}

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

template <class T>
void store(const AlsSide<T>& side, Offset row, const T* x) {
  std::copy_n(x, side.factors.cols, side.factors.row(row));
  if (side.bias) side.bias[row] = x[side.factors.cols];
}

template <class T>
void store_zero(const AlsSide<T>& side, Offset row) {
  std::fill_n(side.factors.row(row), side.factors.cols, T(0));
  if (side.bias) side.bias[row] = T(0);
}

}  // namespace

namespace {

// Up to this rank 16 systems and their factor stay in the second-level cache.
constexpr Offset kBatchedRank = 128;

// Adds the ratings [begin, end) of a row to its normal equations.
template <class T>
void add_ratings(const AlsHalf<T>& half, const CsrRow<T>& row, NormalEquations<T>& system) {
  const Offset rank = half.fixed.cols;
  for (Offset j = 0; j < row.size; ++j) {
    if (j + kAhead < row.size) prefetch(half.fixed.row(row.indices[j + kAhead]), rank);
    std::copy_n(half.fixed.row(row.indices[j]), rank, system.next_row(target(half, row, j)));
  }
  system.flush();
}

// kSimdWidth rows of one side, solved together.
template <class T>
class RowBatch {
 public:
  static constexpr Offset size = BatchedCholesky<T>::lanes;

  RowBatch(const AlsHalf<T>& half, const AlsSide<T>& side)
      : half_(half), side_(side), solver_(side.factors.cols, side.bias != nullptr) {
    for (Offset l = 0; l < size; ++l) systems_.emplace_back(side.factors.cols);
  }

  void solve(const Offset* rows, Offset n) {
    T ridge[size];
    for (Offset l = 0; l < size; ++l) {
      systems_[l].reset();
      const bool has_ratings = l < n && half_.ratings.row_size(rows[l]) > 0;
      // A lane without ratings solves I x = 0: a row without ratings is zero.
      ridge[l] = has_ratings ? half_.reg[rows[l]] : T(1);
      if (has_ratings) add_ratings(half_, half_.ratings.row(rows[l]), systems_[l]);
    }
    const unsigned singular = solver_.solve(systems_.data(), ridge);
    for (Offset l = 0; l < n; ++l) {
      if (singular >> l & 1) {
        solve_alone(rows[l], systems_[l], ridge[l]);
        continue;
      }
      T* out = side_.factors.row(rows[l]);
      for (Offset f = 0; f < side_.factors.cols; ++f) out[f] = solver_.solution(l, f);
      if (side_.bias) side_.bias[rows[l]] = solver_.solution(l, side_.factors.cols);
    }
  }

 private:
  void solve_alone(Offset row, const NormalEquations<T>& system, T ridge) {
    Vector<T> x;
    solve_dense(system, side_.bias != nullptr, ridge, x);
    store(side_, row, x.data());
  }

  const AlsHalf<T>& half_;
  AlsSide<T> side_;
  std::vector<NormalEquations<T>> systems_;
  BatchedCholesky<T> solver_;
};

}  // namespace

template <class T>
void als_solve_cholesky(const AlsHalf<T>& half, RowSubset subset, AlsSide<T> side, const Execution& run) {
  const Offset rank = side.factors.cols;
  const Offset n_rows = subset.rows ? subset.size : half.ratings.n_rows;
  const double work = solve_work(half, n_rows, rank + 1);
  if (rank <= kBatchedRank) {
    for_chunks(
        half, subset, work, run, [&] { return RowBatch<T>(half, side); },
        [&](RowBatch<T>& batch, Offset begin, Offset end) {
          Offset rows[RowBatch<T>::size];
          for (Offset i = begin; i < end; i += RowBatch<T>::size) {
            const Offset n = std::min(RowBatch<T>::size, end - i);
            for (Offset l = 0; l < n; ++l) rows[l] = subset.rows ? subset.rows[i + l] : i + l;
            batch.solve(rows, n);
          }
        });
    return;
  }
  for_chunks(
      half, subset, work, run, [&] { return NormalEquations<T>(rank); },
      [&](NormalEquations<T>& system, Offset begin, Offset end) {
        Vector<T> x;
        for (Offset i = begin; i < end; ++i) {
          const Offset row = subset.rows ? subset.rows[i] : i;
          if (half.ratings.row_size(row) == 0) {
            store_zero(side, row);
            continue;
          }
          system.reset();
          add_ratings(half, half.ratings.row(row), system);
          solve_dense(system, side.bias != nullptr, half.reg[row], x);
          store(side, row, x.data());
        }
      });
}

namespace {

template <class T>
struct CgScratch {
  explicit CgScratch(Offset dim) : x(dim), residual(dim), direction(dim), product(dim) {}
  std::vector<T> x, residual, direction, product;
  std::vector<T> rows;  // gathered (size, dim)
};

// y = X' X p + ridge p with X the gathered rows.
template <class T>
void apply_normal(const std::vector<T>& rows, Offset dim, T ridge, const std::vector<T>& p,
                  std::vector<T>& y) {
  for (Offset f = 0; f < dim; ++f) y[f] = ridge * p[f];
  for (Offset j = 0; j < static_cast<Offset>(rows.size()) / dim; ++j) {
    const T* x = rows.data() + j * dim;
    axpy(dot(x, p.data(), dim), x, y.data(), dim);
  }
}

template <class T>
void conjugate_gradients(CgScratch<T>& s, Offset dim, T ridge, int steps) {
  s.direction = s.residual;
  T norm = dot(s.residual.data(), s.residual.data(), dim);
  const T target = norm * T(1e-14);  // converged to rounding: further steps would divide 0 by 0
  for (int step = 0; step < steps && norm > target; ++step) {
    apply_normal(s.rows, dim, ridge, s.direction, s.product);
    const T curvature = dot(s.direction.data(), s.product.data(), dim);
    if (!(curvature > T(0))) break;
    const T alpha = norm / curvature;
    axpy(alpha, s.direction.data(), s.x.data(), dim);
    axpy(-alpha, s.product.data(), s.residual.data(), dim);
    const T next = dot(s.residual.data(), s.residual.data(), dim);
    for (Offset f = 0; f < dim; ++f) s.direction[f] = s.residual[f] + next / norm * s.direction[f];
    norm = next;
  }
}

}  // namespace

template <class T>
void als_solve_cg(const AlsHalf<T>& half, RowSubset subset, int steps, AlsSide<T> side,
                  const Execution& run) {
  const Offset rank = side.factors.cols;
  const Offset dim = rank + (side.bias ? 1 : 0);
  const double work = 4.0 * steps * half.ratings.n_stored() * dim;
  for_chunks(
      half, subset, work, run, [&] { return CgScratch<T>(dim); },
      [&](CgScratch<T>& s, Offset begin, Offset end) {
        for (Offset k = begin; k < end; ++k) {
          const Offset i = subset.rows ? subset.rows[k] : k;
          const CsrRow<T> row = half.ratings.row(i);
          if (row.size == 0) {
            store_zero(side, i);
            continue;
          }
          std::copy_n(side.factors.row(i), rank, s.x.data());
          if (side.bias) s.x[rank] = side.bias[i];
          s.rows.resize(row.size * dim);
          for (Offset f = 0; f < dim; ++f) s.residual[f] = -half.reg[i] * s.x[f];
          for (Offset j = 0; j < row.size; ++j) {
            T* x = s.rows.data() + j * dim;
            std::copy_n(half.fixed.row(row.indices[j]), rank, x);
            if (side.bias) x[rank] = T(1);
            axpy(target(half, row, j) - dot(x, s.x.data(), dim), x, s.residual.data(), dim);
          }
          conjugate_gradients(s, dim, half.reg[i], steps);
          store(side, i, s.x.data());
        }
      });
}

template <class T>
double als_squared_error(const AlsHalf<T>& half, MatrixView<const T> factors, const T* bias,
                         const Execution& run) {
  const CsrView<T>& r = half.ratings;
  const std::vector<Offset> bounds = balanced_chunks(r.indptr, r.n_rows, kChunkEntries);
  const Offset n_chunks = static_cast<Offset>(bounds.size()) - 1;
  return parallel_sum(n_chunks, 1, 4.0 * r.n_stored() * factors.cols, run, [&](Offset c, Offset) {
    double total = 0;
    for (Offset i = bounds[c]; i < bounds[c + 1]; ++i) {
      const CsrRow<T> row = r.row(i);
      for (Offset j = 0; j < row.size; ++j) {
        if (j + kAhead < row.size) prefetch(half.fixed.row(row.indices[j + kAhead]), factors.cols);
        const T fit = dot(factors.row(i), half.fixed.row(row.indices[j]), factors.cols);
        const double residual = target(half, row, j) - (bias ? bias[i] : T(0)) - fit;
        total += residual * residual;
      }
    }
    return total;
  });
}

template <class T>
double als_penalty(MatrixView<const T> factors, const T* bias, const T* reg, const Execution& run) {
  return parallel_sum(factors.rows, 256, 2.0 * factors.rows * factors.cols, run,
                      [&](Offset begin, Offset end) {
                        double total = 0;
                        for (Offset i = begin; i < end; ++i) {
                          const double b = bias ? bias[i] : 0.0;
                          total += reg[i] * (squared_norm(factors.row(i), factors.cols) + b * b);
                        }
                        return total;
                      });
}

#define ECKART_INSTANTIATE(T)                                                                            \
  template void als_solve_cholesky(const AlsHalf<T>&, RowSubset, AlsSide<T>, const Execution&);          \
  template void als_solve_cg(const AlsHalf<T>&, RowSubset, int, AlsSide<T>, const Execution&);           \
  template double als_squared_error(const AlsHalf<T>&, MatrixView<const T>, const T*, const Execution&); \
  template double als_penalty(MatrixView<const T>, const T*, const T*, const Execution&);
ECKART_INSTANTIATE(float)
ECKART_INSTANTIATE(double)

}  // namespace eckart
