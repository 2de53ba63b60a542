#include <cmath>
#include <vector>

#include "eckart/base/parallel.hpp"
#include "eckart/linalg/gram.hpp"
#include "nmf_row.hpp"

namespace eckart {

namespace {

constexpr Offset kEntries = 1 << 12;  // stored entries of a chunk

// The system of a row's observed cells, and its rows solved. One a thread.
template <class T>
class MaskedRow {
 public:
  MaskedRow(const CsrView<T>& x, const T* weights, const MatrixView<const T>& h)
      : x_(x), weights_(weights), h_(h), former_(h.cols), system_(h.cols), solver_(h.cols) {}

  // Returns the violation of the first sweep.
  T solve(Offset i, NmfPenalty<T> penalty, NmfSweeps sweeps, T* w) {
    form(i);
    solver_.set_gram(system_.gram(), system_.stride(), penalty.l2);
    return solver_.solve(system_.rhs(), penalty.l1, sweeps, w);
  }

 private:
  // G = sum_j s_j h_j h_j', p = sum_j s_j x_j h_j over the observed j.
  void form(Offset i) {
    const CsrRow<T> row = x_.row(i);
    former_.start(system_);
    for (Offset j = 0; j < row.size; ++j) {
      if (former_.full()) former_.flush();
      const T* from = h_.row(row.indices[j]);
      if (weights_) {
        const T root = std::sqrt(weights_[x_.indptr[i] + j]);
        scale_row(from, h_.cols, root, former_.next_row(root * row.values[j], root));
      } else {
        copy_row(from, h_.cols, former_.next_row(row.values[j]));
      }
    }
    former_.flush();
    T* gram = system_.gram();  // only the lower triangle was formed
    for (Offset a = 0; a < h_.cols; ++a) {
      for (Offset b = a + 1; b < h_.cols; ++b)
        gram[a * system_.stride() + b] = gram[b * system_.stride() + a];
    }
  }

  CsrView<T> x_;
  const T* weights_;
  MatrixView<const T> h_;
  GramAccumulator<T> former_;
  NormalSystem<T> system_;
  NmfRow<T> solver_;
};

}  // namespace

template <class T>
double nmf_sweep_masked(const CsrView<T>& x, const T* weights, const MatrixView<const T>& h,
                        NmfPenalty<T> penalty, NmfSweeps sweeps, const MatrixView<T>& w,
                        const Execution& run) {
  const Offset k = h.cols;
  const auto bounds = balanced_chunks(x.indptr, x.n_rows, kEntries);
  std::vector<double> violation(bounds.size() - 1);
  parallel_for(
      static_cast<Offset>(violation.size()), (x.n_stored() + 2.0 * x.n_rows * sweeps.most) * k * k, run,
      [&] { return MaskedRow<T>(x, weights, h); },
      [&](MaskedRow<T>& solver, Offset chunk) {
        for (Offset i = bounds[chunk]; i < bounds[chunk + 1]; ++i) {
          violation[chunk] += solver.solve(i, penalty, sweeps, w.row(i));
        }
      });
  double total = 0;
  for (double part : violation) total += part;
  return total;
}

template double nmf_sweep_masked(const CsrView<float>&, const float*, const MatrixView<const float>&,
                                 NmfPenalty<float>, NmfSweeps, const MatrixView<float>&, const Execution&);
template double nmf_sweep_masked(const CsrView<double>&, const double*, const MatrixView<const double>&,
                                 NmfPenalty<double>, NmfSweeps, const MatrixView<double>&, const Execution&);

}  // namespace eckart
