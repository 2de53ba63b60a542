#include "eckart/completion/gauss_newton.hpp"

#include "gauss_newton_half.hpp"

namespace eckart {

using namespace gauss_newton;

namespace {

// Conjugate gradients in the coordinates where both diagonal blocks are the identity: X = W_G' x, Y = W_H' y.
template <class T>
class WhitenedSystem {
 public:
  WhitenedSystem(const GaussNewtonPoint<T>& at, const Execution& run)
      : rows_(at.by_row, at.u), cols_(at.by_col, at.v), run_(run) {
    linearize(rows_, cols_);
    linearize(cols_, rows_);
  }

  int solve(CgLimits limits) {
    double norm = start(rows_) + start(cols_);
    const double goal = limits.tol * limits.tol * norm;
    int step = 0;
    while (step < limits.max_steps && norm > goal) {
      const double curvature = apply(rows_, cols_) + apply(cols_, rows_);
      if (!(curvature > 0)) break;
      ++step;
      const T alpha = static_cast<T>(norm / curvature);
      const double next = move(rows_, alpha) + move(cols_, alpha);
      const T beta = static_cast<T>(next / norm);
      turn(rows_, beta);
      turn(cols_, beta);
      norm = next;
    }
    return step;
  }

  void solution(MatrixView<T> x, MatrixView<T> y) {
    unwhiten(rows_, x);
    unwhiten(cols_, y);
  }

 private:
  void linearize(Half<T>& half, const Half<T>& other) {
    half.for_rows(half.entry_work() * half.rank, run_, [&](Offset i, T* scratch) {
      half.linearize(other, i, T(0), scratch);
      return 0.0;
    });
  }

  // p = r, and the direction that it means; returns |r|^2
  double start(Half<T>& half) {
    return half.for_rows(half.row_work(), run_, [&](Offset i, T*) {
      const T* r = half.residual(i);
      std::copy_n(r, half.stride, half.p(i));
      half.multiply_w_transposed(i, r, half.direction(i));
      return static_cast<double>(dot(r, r, half.stride));
    });
  }

  // The rows of q = A p on one side: p + W B W' p of the other. Returns their part of <p, q>.
  double apply(Half<T>& half, const Half<T>& other) {
    return half.for_rows(half.entry_work(), run_, [&](Offset i, T* scratch) {
      cross_row(other, half.entries.row(i), half.factors(i), scratch);
      half.multiply_w(i, scratch, half.q(i));
      add_multiple(T(1), half.p(i), half.stride, half.q(i));
      return static_cast<double>(dot(half.p(i), half.q(i), half.stride));
    });
  }

  // solution += alpha p, r -= alpha q; returns |r|^2
  double move(Half<T>& half, T alpha) {
    return half.for_rows(half.row_work(), run_, [&](Offset i, T*) {
      T* r = half.residual(i);
      add_multiple(alpha, half.p(i), half.stride, half.solution(i));
      add_multiple(-alpha, half.q(i), half.stride, r);
      return static_cast<double>(dot(r, r, half.stride));
    });
  }

  // p = r + beta p, and the direction that it means
  void turn(Half<T>& half, T beta) {
    half.for_rows(half.row_work(), run_, [&](Offset i, T*) {
      T* p = half.p(i);
      const T* r = half.residual(i);
      for (Offset c = 0; c < half.stride; c += kSimdWidth<T>) {
        store(p + c, load(r + c) + broadcast(beta) * load(p + c));
      }
      half.multiply_w_transposed(i, p, half.direction(i));
      return 0.0;
    });
  }

  void unwhiten(Half<T>& half, MatrixView<T> out) {
    half.for_rows(half.row_work(), run_, [&](Offset i, T* scratch) {
      half.multiply_w_transposed(i, half.solution(i), scratch);
      std::copy_n(scratch, half.rank, out.row(i));
      return 0.0;
    });
  }

  Half<T> rows_, cols_;
  const Execution& run_;
};

}  // namespace

template <class T>
int gauss_newton_step(const GaussNewtonPoint<T>& at, CgLimits limits, MatrixView<T> x, MatrixView<T> y,
                      const Execution& run) {
  WhitenedSystem<T> system(at, run);
  const int steps = system.solve(limits);
  system.solution(x, y);
  return steps;
}

template <class T>
void refine_rows(const CsrView<T>& ratings, const MatrixView<const T>& fixed, T ridge, MatrixView<T> factors,
                 const Execution& run) {
  const std::vector<Offset> none(static_cast<std::size_t>(fixed.rows) + 1, 0);
  const Half<T> other(CsrView<T>{fixed.rows, factors.rows, none.data(), nullptr, nullptr}, fixed);
  Half<T> half(ratings, {factors.data, factors.rows, factors.cols});
  half.for_rows(half.entry_work() * half.rank, run, [&](Offset i, T* scratch) {
    half.linearize(other, i, ridge, scratch);
    half.multiply_w_transposed(i, half.residual(i), scratch);
    for (Offset k = 0; k < half.rank; ++k) factors.row(i)[k] += scratch[k];
    return 0.0;
  });
}

template int gauss_newton_step(const GaussNewtonPoint<float>&, CgLimits, MatrixView<float>, MatrixView<float>,
                               const Execution&);
template int gauss_newton_step(const GaussNewtonPoint<double>&, CgLimits, MatrixView<double>,
                               MatrixView<double>, const Execution&);
template void refine_rows(const CsrView<float>&, const MatrixView<const float>&, float, MatrixView<float>,
                          const Execution&);
template void refine_rows(const CsrView<double>&, const MatrixView<const double>&, double, MatrixView<double>,
                          const Execution&);

}  // namespace eckart
