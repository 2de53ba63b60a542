#include <cmath>
#include <limits>
#include <type_traits>
#include <vector>

#include "als_residuals.hpp"
#include "als_systems.hpp"
#include "eckart/linalg/batched_cholesky.hpp"
#include "eckart/linalg/cholesky.hpp"
#include "eckart/linalg/dense_cholesky.hpp"

namespace eckart {
namespace {

using namespace als;

// Up to this rank 16 systems and their factor stay in the second-level cache.
constexpr Offset kBatchedRank = 128;

template <class T>
struct Type {
  using type = T;
};

constexpr int kMaxCorrections = 8;  // of a solution from inexact equations, before they are formed exactly
// A correction smaller than this, relative to the solution, is left out: the rounding of exactly formed
// float32 equations moves a solution as far (measured: both are 1e-7 to 1e-6 from the float64 one).
constexpr double kSmallest = 16 * std::numeric_limits<float>::epsilon();

// A row while it is solved.
template <class T>
struct Lane {
  explicit Lane(Offset rank) : system(rank), x(rank + 1), gradient(rank + 1), step(rank + 1) {}

  Offset row = -1;
  NormalSystem<T> system;
  std::vector<T> x, gradient, step;  // (rank + 1): factors, then the intercept
  double error = 0;                  // squared residuals at x,
  bool error_known = false;          // where a refinement has taken them
  double last_size = 1;              // of the last correction, relative to x
  bool open = false;                 // x is still to be corrected
};

// As many rows as the solver has lanes, solved together.
template <class Gram, class Solver>
class RowBatch {
 public:
  using T = typename Gram::Value;
  static constexpr Offset size = Solver::lanes;

  RowBatch(const AlsHalf<T>& half, const RowSystems<Gram>& rows, const AlsSide<T>& side)
      : half_(half), rows_(rows), side_(side), former_(rows.former()), solver_(side.factors.cols, biased()) {
    for (Offset l = 0; l < size; ++l) lanes_.emplace_back(side.factors.cols);
  }

  // Rows subset[begin] ... subset[begin + n - 1]; returns their squared residuals.
  double solve(RowSubset subset, Offset begin, Offset n, bool with_error) {
    const NormalSystem<T>* systems[size];
    T ridge[size];
    for (Offset l = 0; l < size; ++l) {
      Lane<T>& lane = lanes_[l];
      lane.row = l < n ? row_of(subset, begin + l) : -1;
      lane.open = l < n && is_solved(half_, lane.row);
      // Other lanes solve I x = 0.
      lane.error_known = false;
      lane.last_size = 1;
      ridge[l] = lane.open ? half_.reg[lane.row] : T(1);
      if (lane.open) {
        rows_.form(lane.row, former_, lane.system);
      } else {
        lane.system.clear();
      }
      systems[l] = &lane.system;
    }
    const unsigned singular = solver_.solve(systems, ridge);
    for (Offset l = 0; l < n; ++l) {
      for (Offset f = 0; f < dim(); ++f) lanes_[l].x[f] = solver_.solution(l, f);
      if (singular >> l & 1) solve_alone(lanes_[l]);
    }
    if constexpr (!Gram::exact) refine(n);
    return finish(n, with_error);
  }

 private:
  bool biased() const { return side_.bias != nullptr; }
  Offset dim() const { return side_.factors.cols + biased(); }
  T bias(const Lane<T>& lane) const { return biased() ? lane.x.back() : T(0); }

  // Iterative refinement (Wilkinson 1963) of the first n lanes: the residual of the equations is taken
  // on the ratings themselves, in a pass that gives the squared error too, and solved with the factor at
  // hand.
  void refine(Offset n) {
    const auto open = [](const Lane<T>& lane) { return lane.open; };
    for (int k = 0; k < kMaxCorrections && std::any_of(lanes_.begin(), lanes_.begin() + n, open); ++k) {
      for (Offset l = 0; l < n; ++l) {
        Lane<T>& lane = lanes_[l];
        if (!lane.open) continue;
        lane.error = residual(lane);
        lane.error_known = true;
        solver_.set_rhs(l, lane.gradient.data());
      }
      solver_.solve_again();
      for (Offset l = 0; l < n; ++l) {
        if (lanes_[l].open) correct(lanes_[l], l);
      }
    }
    for (Offset l = 0; l < n; ++l) {
      if (lanes_[l].open) solve_alone(lanes_[l]);
    }
  }

  // The gradient of half the row's objective, downwards; returns the squared residuals, with the part of
  // the unobserved.
  double residual(Lane<T>& lane) {
    const Unobserved<T>& unobserved = rows_.unobserved();
    T *x = lane.x.data(), *gradient = lane.gradient.data(), *product = lane.step.data();
    const double error = sweep_row<T>(half_, lane.row, x, bias(lane), gradient);
    if (!unobserved) return error;
    const double value = unobserved.value(x, bias(lane), product);
    for (Offset f = 0; f < dim(); ++f) gradient[f] -= product[f];
    unobserved.add_rhs(gradient, gradient[side_.factors.cols]);
    return error + value;
  }

  // x += d. The lane is done when the next correction would be too small, and solved alone when the
  // corrections do not shrink.
  void correct(Lane<T>& lane, Offset l) {
    T *x = lane.x.data(), *d = lane.step.data();
    for (Offset f = 0; f < dim(); ++f) d[f] = solver_.solution(l, f);
    const double dd = dot(d, d, dim()), xx = dot(x, x, dim());
    const double dx = dot(d, x, dim()), dg = dot<T>(d, lane.gradient.data(), dim());
    for (Offset f = 0; f < dim(); ++f) x[f] += d[f];
    // Of the quadratic that x + d moves on; that d solves the equations only nearly is of third order.
    const double ridge = half_.reg[lane.row];
    lane.error -= dg + ridge * (2 * dx + dd);
    const double relative = xx > 0 ? std::sqrt(dd / xx) : 0;
    const double next = relative * (relative / lane.last_size);
    lane.last_size = relative;
    if (next <= kSmallest) {
      lane.open = false;
    } else if (!(next < relative / 2)) {
      solve_alone(lane);
    }
  }

  // For equations that are singular to the batch's rounding, or too ill-conditioned to refine.
  void solve_alone(Lane<T>& lane) {
    if constexpr (!Gram::exact) {
      typename ExactGram<T>::Former former(ExactGram<T>{half_});
      rows_.form_alone(lane.row, former, lane.system);
    }
    RowMatrix<T> a;
    Vector<T> x;
    to_dense(lane.system, biased(), half_.reg[lane.row], a, x);
    solve_spd(a, x);
    std::copy_n(x.data(), dim(), lane.x.data());
    lane.error_known = false;
    lane.open = false;
  }

  // Stores the rows, and sums their squared residuals where asked for.
  double finish(Offset n, bool with_error) {
    double error = 0;
    for (Offset l = 0; l < n; ++l) {
      Lane<T>& lane = lanes_[l];
      store(side_, lane.row, lane.x.data());
      if (!with_error) continue;
      error += lane.error_known ? lane.error
                                : row_error(half_, rows_.unobserved(), lane.row, side_, lane.step.data());
    }
    return error;
  }

  const AlsHalf<T>& half_;
  const RowSystems<Gram>& rows_;
  AlsSide<T> side_;
  typename Gram::Former former_;
  Solver solver_;
  std::vector<Lane<T>> lanes_;
};

template <class Gram, class Solver>
double solve_rows(const AlsHalf<typename Gram::Value>& half, RowSubset subset,
                  AlsSide<typename Gram::Value> side, double work, bool with_error, const Execution& run) {
  using Batch = RowBatch<Gram, Solver>;
  const RowSystems<Gram> rows(half, subset, run);
  return for_chunks(
      half, subset, work, run, [&] { return Batch(half, rows, side); },
      [&](Batch& batch, Offset begin, Offset end) {
        double error = 0;
        for (Offset i = begin; i < end; i += Batch::size) {
          error += batch.solve(subset, i, std::min(Batch::size, end - i), with_error);
        }
        return error;
      });
}

}  // namespace

template <class T>
double als_solve_cholesky(const AlsHalf<T>& half, RowSubset subset, AlsSide<T> side, bool with_error,
                          bool use_amx, const Execution& run) {
  const double n_rows = static_cast<double>(subset.rows ? subset.size : half.ratings.n_rows);
  const double share = half.ratings.n_rows ? n_rows / half.ratings.n_rows : 0.0;
  const Offset rank = side.factors.cols;
  const double dim = rank + 1.0;
  const double work = share * half.ratings.n_stored() * dim * dim + 0.3 * n_rows * dim * dim * dim;
  const auto solve = [&](auto gram) {
    using Gram = typename decltype(gram)::type;
    return rank <= kBatchedRank
               ? solve_rows<Gram, BatchedCholesky<T>>(half, subset, side, work, with_error, run)
               : solve_rows<Gram, DenseCholesky<T>>(half, subset, side, work, with_error, run);
  };
  if constexpr (std::is_same_v<T, float>) {
    const bool amx = use_amx && amx_available() && !half.weights && rank >= Bf16Gram::smallest_rank;
    if (amx) return solve(Type<Bf16Gram>{});
  }
  return solve(Type<ExactGram<T>>{});
}

template double als_solve_cholesky(const AlsHalf<float>&, RowSubset, AlsSide<float>, bool, bool,
                                   const Execution&);
template double als_solve_cholesky(const AlsHalf<double>&, RowSubset, AlsSide<double>, bool, bool,
                                   const Execution&);

}  // namespace eckart
