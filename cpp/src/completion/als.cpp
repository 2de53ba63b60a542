#include "eckart/completion/als.hpp"

#include <algorithm>
#include <vector>

#include "eckart/base/math.hpp"
#include "eckart/base/parallel.hpp"
#include "eckart/linalg/cholesky.hpp"
#include "eckart/linalg/gram.hpp"

namespace eckart {
namespace {

constexpr Offset kChunkEntries =
    4096;  // stored entries a chunk: fine enough to share, coarse enough to count

template <class T>
double solve_work(const AlsHalf<T>& half, Offset n_rows, Offset dim) {
  const double share = half.ratings.n_rows ? static_cast<double>(n_rows) / half.ratings.n_rows : 0.0;
  return share * half.ratings.n_stored() * dim * dim + 0.3 * n_rows * dim * dim * dim;
}

// solve(scratch, row) for every row of the subset, over chunks of about equal work.
template <class T, class MakeScratch, class Solve>
void for_rows(const AlsHalf<T>& half, RowSubset subset, double work, const Execution& run,
              MakeScratch make_scratch, Solve solve) {
  const CsrView<T>& r = half.ratings;
  std::vector<Offset> starts;  // pointers of the subset, where there is one
  const Offset* indptr = r.indptr;
  const Offset n_rows = subset.rows ? subset.size : r.n_rows;
  if (subset.rows) {
    starts.assign(n_rows + 1, 0);
    for (Offset i = 0; i < n_rows; ++i) starts[i + 1] = starts[i] + r.row_size(subset.rows[i]);
    indptr = starts.data();
  }
  const std::vector<Offset> bounds = balanced_chunks(indptr, n_rows, kChunkEntries);
  parallel_for(static_cast<Offset>(bounds.size()) - 1, work, run, make_scratch, [&](auto& scratch, Offset c) {
    for (Offset i = bounds[c]; i < bounds[c + 1]; ++i) solve(scratch, subset.rows ? subset.rows[i] : i);
  });
}

// t_j = r_j - mu - b_j of the j-th rating of a row.
template <class T>
T target(const AlsHalf<T>& half, const CsrRow<T>& row, Offset j) {
  return row.values[j] - half.mean - (half.fixed_bias ? half.fixed_bias[row.indices[j]] : T(0));
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

template <class T>
void als_solve_cholesky(const AlsHalf<T>& half, RowSubset subset, AlsSide<T> side, const Execution& run) {
  const Offset rank = side.factors.cols;
  const Offset dim = rank + (side.bias ? 1 : 0);
  const double work = solve_work(half, subset.rows ? subset.size : half.ratings.n_rows, dim);
  for_rows(
      half, subset, work, run, [&] { return GramAccumulator<T>(dim); },
      [&](GramAccumulator<T>& normal, Offset i) {
        const CsrRow<T> row = half.ratings.row(i);
        if (row.size == 0) return store_zero(side, i);
        normal.reset(half.reg[i]);
        for (Offset j = 0; j < row.size; ++j) {
          T* x = normal.next_row(target(half, row, j));
          std::copy_n(half.fixed.row(row.indices[j]), rank, x);
          if (side.bias) x[rank] = T(1);
        }
        normal.flush();
        solve_spd(normal.gram(), normal.rhs());
        store(side, i, normal.rhs().data());
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
  for_rows(
      half, subset, work, run, [&] { return CgScratch<T>(dim); },
      [&](CgScratch<T>& s, Offset i) {
        const CsrRow<T> row = half.ratings.row(i);
        if (row.size == 0) return store_zero(side, i);
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
