#include <limits>
#include <vector>

#include "als_residuals.hpp"
#include "als_unobserved.hpp"

namespace eckart {
namespace {

using namespace als;

// A row whose factors take no more than this is packed for its passes: a share of the second-level cache.
// Those of a longer row are gathered again in each pass (measured: 1 MB and no packing at all are slower).
constexpr Offset kPackedBytes = 1 << 17;
constexpr Offset kSegment = 4096;  // ratings whose sums are taken in registers: long sums lose digits

// A vector of the system: factors padded with zeros, and the intercept on its own.
template <class T>
struct SystemVector {
  explicit SystemVector(Offset stride) : factors(stride) {}
  AlignedBuffer<T> factors;
  T intercept = 0;
};

// Conjugate gradients for one row at a time (Hestenes and Stiefel 1952). `vectors` registers hold a vector of
// the system while the ratings pass; a rank that is no multiple of the register, or a large one, has
// `vectors` 0 and keeps it in memory.
template <class T, int vectors>
class RowCg {
 public:
  RowCg(const AlsHalf<T>& half, const Unobserved<T>& unobserved, const AlsSide<T>& side)
      : half_(half),
        unobserved_(unobserved),
        side_(side),
        rank_(side.factors.cols),
        stride_(round_up(rank_, kSimdWidth<T>)),
        packed_rows_(std::max<Offset>(kPackedBytes / (stride_ * sizeof(T)), kRowsAtOnce)),
        packed_(packed_rows_ * stride_),
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
    row_ = half_.ratings.row(row);
    weights_ = weights_of(half_, row_);
    start();
    const double before = with_error ? objective() : 0;
    const double gain = iterate(steps);
    std::copy_n(x_.factors.data(), rank_, side_.factors.row(row));
    if (side_.bias) side_.bias[row] = x_.intercept;
    if (!with_error) return 0;
    return before - gain - double(ridge_) * inner(x_, x_);
  }

 private:
  using Vector = SystemVector<T>;
  static constexpr Offset kWidth = kSimdWidth<T>;
  static constexpr int kHeld = vectors > 0 ? vectors : 1;

  // At x_, from the squared residuals that start() has left; with the penalty.
  double objective() {
    return squares_ + unobserved_.value(x_.factors.data(), x_.intercept, scratch_.data()) +
           double(ridge_) * inner(x_, x_);
  }

  // residual = b - (A + ridge I) x; squares_ = sum_j w_j e_j^2
  void start() {
    squares_ = 0;
    sweep<Pass::start>(x_, residual_);
    unobserved_.add_rhs(residual_.factors.data(), residual_.intercept);
    if (!side_.bias) residual_.intercept = 0;
  }

  // Returns by how much the objective fell: a step of length alpha lowers it by alpha |residual|^2.
  double iterate(int steps) {
    double gain = 0;
    copy(residual_, direction_);
    T norm = inner(residual_, residual_);
    const T converged = norm * std::numeric_limits<T>::epsilon() * std::numeric_limits<T>::epsilon();
    for (int step = 1; step <= steps && norm > converged; ++step) {
      const bool last = step == steps;
      const T curvature = last ? curvature_of(direction_) : apply(direction_, product_);
      if (!(curvature > T(0))) break;
      const T alpha = norm / curvature;
      add(alpha, direction_, x_);
      gain += double(alpha) * norm;
      if (last) break;  // nobody needs the residual
      add(-alpha, product_, residual_);
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

  // out = (A + ridge I) v; returns <v, out>.
  T apply(const Vector& v, Vector& out) {
    sweep<Pass::apply>(v, out);
    return inner(v, out);
  }

  // <v, (A + ridge I) v> without the vector: half a pass.
  T curvature_of(const Vector& v) {
    const T observed = sweep<Pass::curvature>(v, product_);
    return observed + inner(v, product_);
  }

  // What a pass over the ratings of the row does.
  enum class Pass {
    start,  // packs them; out = sum_j w_j (t_j - <x_j, v>) x_j - (S + ridge) v, S the part of the unobserved
    apply,  // out = sum_j w_j <x_j, v> x_j + (S + ridge) v
    curvature  // out = (S + ridge) v; returns sum_j w_j <x_j, v>^2
  };

  // Where it finds their factors.
  enum class From { table, table_to_pack, pack };

  template <Pass pass>
  T sweep(const Vector& v, Vector& out) {
    const T sign = pass == Pass::start ? T(-1) : T(1);
    for (Offset f = 0; f < stride_; ++f) out.factors[f] = sign * ridge_ * v.factors[f];
    out.intercept = sign * ridge_ * v.intercept;
    unobserved_.add_product(sign, v.factors.data(), v.intercept, out.factors.data(), out.intercept);
    T total = 0;
    constexpr From packed = pass == Pass::start ? From::table_to_pack : From::pack;
    for (Offset begin = 0; begin < row_.size; begin += kSegment) {
      const Offset end = std::min(begin + kSegment, row_.size);
      total += row_.size <= packed_rows_ ? segment<pass, packed>(begin, end, v, out)
                                         : segment<pass, From::table>(begin, end, v, out);
    }
    if (pass == Pass::curvature) return total;
    out.intercept = side_.bias ? out.intercept + total : T(0);
    return 0;
  }

  template <Pass pass, From from>
  T segment(Offset j, Offset end, const Vector& v, Vector& out) {
    Simd<T> held[kHeld], sums[kHeld] = {};
    for (int i = 0; i < vectors; ++i) held[i] = load(v.factors.data() + i * kWidth);
    T total = 0;
    for (; j + kRowsAtOnce <= end; j += kRowsAtOnce) {
      total += ratings<kRowsAtOnce, pass, from>(j, v, held, out, sums);
    }
    for (; j < end; ++j) total += ratings<1, pass, from>(j, v, held, out, sums);
    for (int i = 0; i < vectors; ++i) {
      T* y = out.factors.data() + i * kWidth;
      store(y, load(y) + sums[i]);
    }
    return total;
  }

  // `rows` ratings at a time, so that their sums over lanes are taken together. Returns their part of the
  // intercept, or of the curvature.
  template <int rows, Pass pass, From from>
  T ratings(Offset j, const Vector& v, const Simd<T> (&held)[kHeld], Vector& out, Simd<T> (&sums)[kHeld]) {
    const T* x[rows];
    for (int r = 0; r < rows; ++r) x[r] = from == From::pack ? packed_row(j + r) : arrived<from>(j + r);
    Simd<T> sum[rows] = {};
    for (Offset f = 0; f < stride_; f += kWidth) {
      const Simd<T> p = vectors > 0 ? held[f / kWidth % kHeld] : load(v.factors.data() + f);
      for (int r = 0; r < rows; ++r) {
        const Simd<T> part = load(x[r] + f);
        if (from == From::table_to_pack && vectors > 0) store(packed_row(j + r) + f, part);
        sum[r] += part * p;
      }
    }
    T weight[rows], total = 0;
    if constexpr (rows == 4) {
      sum_lanes<T>(sum, weight);
    } else {
      for (int r = 0; r < rows; ++r) weight[r] = sum_lanes<T>(sum[r]);
    }
    for (int r = 0; r < rows; ++r) {
      const T fit = weight[r] + v.intercept;
      const T e = pass == Pass::start ? target(half_, row_, j + r) - fit : fit;
      weight[r] = weights_ ? weights_[j + r] * e : e;
      if (pass == Pass::start) squares_ += weight[r] * e;
      total += pass == Pass::curvature ? weight[r] * e : weight[r];
    }
    if constexpr (pass != Pass::curvature) {
      for (Offset f = 0; f < stride_; f += kWidth) {
        Simd<T> y = vectors > 0 ? sums[f / kWidth % kHeld] : load(out.factors.data() + f);
        for (int r = 0; r < rows; ++r) y += load(x[r] + f) * broadcast(weight[r]);
        if constexpr (vectors > 0) {
          sums[f / kWidth % kHeld] = y;
        } else {
          store(out.factors.data() + f, y);
        }
      }
    }
    return total;
  }

  T* packed_row(Offset j) { return packed_.data() + j * stride_; }

  // The factors of the j-th rating in the table, and those of a later one on their way. Where registers do
  // not cover a row exactly, a copy of it with zeros behind.
  template <From from>
  const T* arrived(Offset j) {
    const Index* ids = row_.indices + j;
    if (kAheadSweep < stored_behind(half_, row_, j)) prefetch(half_.fixed.row(ids[kAheadSweep]), rank_);
    const T* x = half_.fixed.row(*ids);
    if (vectors > 0) return x;
    T* copy = packed_row(from == From::table_to_pack ? j : j % kRowsAtOnce);
    copy_row(x, rank_, copy);
    return copy;
  }

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
  const Unobserved<T>& unobserved_;
  AlsSide<T> side_;
  Offset rank_, stride_, packed_rows_;
  CsrRow<T> row_{};
  T ridge_ = 0;
  double squares_ = 0;
  const T* weights_ = nullptr;  // of the row's ratings
  AlignedBuffer<T> packed_;     // (packed_rows, stride), padding stays zero
  Vector x_, residual_, direction_, product_;
  std::vector<T> scratch_;  // (rank + 1)
};

template <class T, int vectors>
double solve_rows(const AlsHalf<T>& half, RowSubset subset, int steps, AlsSide<T> side, bool with_error,
                  const Execution& run) {
  using Cg = RowCg<T, vectors>;
  const double work = 4.0 * (steps + 1) * half.ratings.n_stored() * side.factors.cols;
  const Unobserved<T> unobserved(half, run);
  return for_chunks(
      half, subset, work, run, [&] { return Cg(half, unobserved, side); },
      [&](Cg& cg, Offset begin, Offset end) {
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

}  // namespace

template <class T>
double als_solve_cg(const AlsHalf<T>& half, RowSubset subset, int steps, AlsSide<T> side, bool with_error,
                    const Execution& run) {
  const Offset rank = side.factors.cols, width = kSimdWidth<T>;
  if (rank == 2 * width) return solve_rows<T, 2>(half, subset, steps, side, with_error, run);
  if (rank == 4 * width) return solve_rows<T, 4>(half, subset, steps, side, with_error, run);
  if (rank == 8 * width) return solve_rows<T, 8>(half, subset, steps, side, with_error, run);
  return solve_rows<T, 0>(half, subset, steps, side, with_error, run);
}

template double als_solve_cg(const AlsHalf<float>&, RowSubset, int, AlsSide<float>, bool, const Execution&);
template double als_solve_cg(const AlsHalf<double>&, RowSubset, int, AlsSide<double>, bool, const Execution&);

}  // namespace eckart
