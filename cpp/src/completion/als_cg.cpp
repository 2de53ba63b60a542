#include <limits>
#include <vector>

#include "als_residuals.hpp"
#include "als_systems.hpp"

namespace eckart {
namespace {

using namespace als;

// Ratings of a row that are packed for the steps: at rank 64 and float32 1 MB, half the second-level
// cache. A longer row is cheaper by its Gram matrix, formed once.
constexpr Offset kPackedRows = 4096;

// A vector of the system: factors padded with zeros, and the intercept on its own.
template <class T>
struct SystemVector {
  explicit SystemVector(Offset stride) : factors(stride) {}
  AlignedBuffer<T> factors;
  T intercept = 0;
};

// Conjugate gradients for one row at a time (Hestenes and Stiefel 1952).
template <class T>
class RowCg {
 public:
  RowCg(const AlsHalf<T>& half, const RowSystems<ExactGram<T>>& rows, const AlsSide<T>& side)
      : half_(half),
        rows_(rows),
        side_(side),
        rank_(side.factors.cols),
        stride_(round_up(rank_, kSimdWidth<T>)),
        packed_(kPackedRows * stride_),
        residuals_(kPackedRows),
        former_(rows.former()),
        gram_(rank_),
        x_(stride_),
        residual_(stride_),
        direction_(stride_),
        product_(stride_),
        scratch_(rank_ + 1) {}

  // Returns the row's part of the objective without its penalty, if asked for.
  double solve(Offset row, int steps, bool with_error) {
    std::copy_n(side_.factors.row(row), rank_, x_.factors.data());
    x_.intercept = side_.bias ? side_.bias[row] : T(0);
    ridge_ = half_.reg[row];
    n_ = half_.ratings.row_size(row);
    weights_ = weights_of(half_, half_.ratings.row(row));
    start(row);
    const double before = with_error ? objective() : 0;
    const double gain = iterate(steps);
    std::copy_n(x_.factors.data(), rank_, side_.factors.row(row));
    if (side_.bias) side_.bias[row] = x_.intercept;
    if (!with_error) return 0;
    // A row whose ratings were not packed has not met its squared residuals.
    if (n_ > kPackedRows) return row_error(half_, unobserved(), row, side_, scratch_.data());
    return before - gain - double(ridge_) * inner(x_, x_);
  }

 private:
  using Vector = SystemVector<T>;

  // At x_, from the squared residuals that start() has left; with the penalty.
  double objective() {
    return squares_ + unobserved().value(x_.factors.data(), x_.intercept, scratch_.data()) +
           double(ridge_) * inner(x_, x_);
  }

  // residual = b - (A + ridge I) x; of packed ratings, squares_ = sum_j w_j e_j^2
  void start(Offset i) {
    if (n_ > kPackedRows) {
      rows_.form(i, former_, gram_);
      apply(x_, residual_);
      subtract_from(gram_.rhs(), gram_.target_sum, residual_);
      return;
    }
    const CsrRow<T> row = half_.ratings.row(i);
    gather(half_, row, 0, n_, [&](Offset j, const T* x) {
      copy_row(x, rank_, packed_.data() + j * stride_);
      residuals_[j] = target(half_, row, j);
    });
    squares_ = 0;
    sweep(x_, residuals_.data(), residual_);
    unobserved().add_rhs(residual_.factors.data(), residual_.intercept);
  }

  void subtract_from(const T* rhs, T rhs_intercept, Vector& v) {
    for (Offset f = 0; f < rank_; ++f) v.factors[f] = rhs[f] - v.factors[f];
    v.intercept = side_.bias ? rhs_intercept - v.intercept : T(0);
  }

  // Returns by how much the objective fell: a step of length alpha lowers it by alpha |residual|^2.
  double iterate(int steps) {
    double gain = 0;
    copy(residual_, direction_);
    T norm = inner(residual_, residual_);
    const T converged = norm * std::numeric_limits<T>::epsilon() * std::numeric_limits<T>::epsilon();
    for (int step = 0; step < steps && norm > converged; ++step) {
      apply(direction_, product_);
      const T curvature = inner(direction_, product_);
      if (!(curvature > T(0))) break;
      const T alpha = norm / curvature;
      add(alpha, direction_, x_);
      add(-alpha, product_, residual_);
      gain += double(alpha) * norm;
      const T next = inner(residual_, residual_);
      const T beta = next / norm;
      for (Offset f = 0; f < stride_; ++f) {
        direction_.factors[f] = residual_.factors[f] + beta * direction_.factors[f];
      }
      direction_.intercept = residual_.intercept + beta * direction_.intercept;
      norm = next;
    }
    return gain;
  }

  // out = (A + ridge I) v
  void apply(const Vector& v, Vector& out) {
    if (n_ > kPackedRows) {
      apply_gram(v, out);
    } else {
      sweep(v, nullptr, out);
    }
  }

  // One pass over the packed ratings. With targets: out = sum_j w_j (t_j - <x_j, v>) x_j - (S + ridge) v;
  // without: out = sum_j w_j <x_j, v> x_j + (S + ridge) v, S the part of the unobserved. Four ratings at a
  // time, so that x_j is read once.
  void sweep(const Vector& v, const T* targets, Vector& out) {
    const T sign = targets ? T(-1) : T(1);
    for (Offset f = 0; f < stride_; ++f) out.factors[f] = sign * ridge_ * v.factors[f];
    T total = sign * ridge_ * v.intercept;
    unobserved().add_product(sign, v.factors.data(), v.intercept, out.factors.data(), total);
    Offset j = 0;
    for (; j + kRowsAtOnce <= n_; j += kRowsAtOnce) total += sweep_rows<kRowsAtOnce>(j, v, targets, out);
    for (; j < n_; ++j) total += sweep_rows<1>(j, v, targets, out);
    out.intercept = side_.bias ? total : T(0);
  }

  template <int rows>
  T sweep_rows(Offset j, const Vector& v, const T* targets, Vector& out) {
    constexpr Offset width = kSimdWidth<T>;
    const T* x = packed_.data() + j * stride_;
    Simd<T> sum[rows] = {};
    for (Offset f = 0; f < stride_; f += width) {
      const Simd<T> p = load(v.factors.data() + f);
      for (int r = 0; r < rows; ++r) sum[r] += load(x + r * stride_ + f) * p;
    }
    T weight[rows], total = 0;
    if constexpr (rows == 4) {
      sum_lanes<T>(sum, weight);
    } else {
      for (int r = 0; r < rows; ++r) weight[r] = sum_lanes<T>(sum[r]);
    }
    for (int r = 0; r < rows; ++r) {
      const T fit = weight[r] + v.intercept;
      const T e = targets ? targets[j + r] - fit : fit;
      weight[r] = weights_ ? weights_[j + r] * e : e;
      if (targets) squares_ += weight[r] * e;
      total += weight[r];
    }
    for (Offset f = 0; f < stride_; f += width) {
      Simd<T> y = load(out.factors.data() + f);
      for (int r = 0; r < rows; ++r) y += load(x + r * stride_ + f) * broadcast(weight[r]);
      store(out.factors.data() + f, y);
    }
    return total;
  }

  // From the lower triangle of the Gram matrix, bordered by the sums.
  void apply_gram(const Vector& v, Vector& out) {
    const T* p = v.factors.data();
    T* y = out.factors.data();
    for (Offset f = 0; f < rank_; ++f) y[f] = ridge_ * p[f] + gram_.sum()[f] * v.intercept;
    for (Offset i = 0; i < rank_; ++i) {
      const T* g = gram_.gram() + i * gram_.stride();
      T total = g[i] * p[i];
      for (Offset f = 0; f < i; ++f) {
        total += g[f] * p[f];
        y[f] += g[f] * p[i];
      }
      y[i] += total;
    }
    T total = (gram_.count + ridge_) * v.intercept;
    for (Offset f = 0; f < rank_; ++f) total += gram_.sum()[f] * p[f];
    out.intercept = side_.bias ? total : T(0);
  }

  const Unobserved<T>& unobserved() const { return rows_.unobserved(); }

  void copy(const Vector& from, Vector& to) {
    std::copy_n(from.factors.data(), stride_, to.factors.data());
    to.intercept = from.intercept;
  }
  T inner(const Vector& a, const Vector& b) {
    return dot(a.factors.data(), b.factors.data(), stride_) + a.intercept * b.intercept;
  }
  void add(T alpha, const Vector& a, Vector& b) {  // b += alpha a
    for (Offset f = 0; f < stride_; ++f) b.factors[f] += alpha * a.factors[f];
    b.intercept += alpha * a.intercept;
  }

  const AlsHalf<T>& half_;
  const RowSystems<ExactGram<T>>& rows_;
  AlsSide<T> side_;
  Offset rank_, stride_, n_ = 0;
  T ridge_ = 0;
  double squares_ = 0;
  const T* weights_ = nullptr;  // of the row's ratings
  AlignedBuffer<T> packed_;     // (kPackedRows, stride), padding stays zero
  AlignedBuffer<T> residuals_;  // (kPackedRows)
  typename ExactGram<T>::Former former_;
  NormalSystem<T> gram_;
  Vector x_, residual_, direction_, product_;
  std::vector<T> scratch_;  // (rank + 1)
};

}  // namespace

template <class T>
double als_solve_cg(const AlsHalf<T>& half, RowSubset subset, int steps, AlsSide<T> side, bool with_error,
                    const Execution& run) {
  const double work = 4.0 * (steps + 1) * half.ratings.n_stored() * side.factors.cols;
  const RowSystems<ExactGram<T>> rows(half, subset, run);
  return for_chunks(
      half, subset, work, run, [&] { return RowCg<T>(half, rows, side); },
      [&](RowCg<T>& cg, Offset begin, Offset end) {
        double error = 0;
        for (Offset i = begin; i < end; ++i) {
          const Offset row = row_of(subset, i);
          if (!is_solved(half, row)) {
            store_zero(side, row);
          } else {
            error += cg.solve(row, steps, with_error);
          }
        }
        return error;
      });
}

template double als_solve_cg(const AlsHalf<float>&, RowSubset, int, AlsSide<float>, bool, const Execution&);
template double als_solve_cg(const AlsHalf<double>&, RowSubset, int, AlsSide<double>, bool, const Execution&);

}  // namespace eckart
