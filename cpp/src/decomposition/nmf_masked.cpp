#include <cmath>
#include <vector>

#include "eckart/base/parallel.hpp"
#include "eckart/linalg/gram.hpp"
#include "nmf_row.hpp"

namespace eckart {

namespace {

constexpr Offset kEntries = 1 << 12;  // stored entries of a chunk

double in_order(const std::vector<double>& parts) {
  double total = 0;
  for (double part : parts) total += part;
  return total;
}

// The system of a row's observed cells, and its rows solved. One a thread.
template <class T>
class MaskedRow {
 public:
  MaskedRow(const CsrView<T>& x, const T* weights, const MatrixView<const T>& h)
      : x_(x), weights_(weights), h_(h), former_(h.cols), system_(h.cols), solver_(h.cols) {}

  NmfMasked solve(Offset i, NmfPenalty<T> penalty, NmfSweeps sweeps, T* w) {
    form(i);
    NmfMasked result;
    result.squared_error = squared_error(i, w);
    solver_.set_gram(system_.gram(), system_.stride(), penalty.l2);
    result.violation = solver_.solve(system_.rhs(), penalty.l1, sweeps, w);
    return result;
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

  // sum_j s_j x_j^2 - 2 p'w + w'G w
  double squared_error(Offset i, const T* w) const {
    const CsrRow<T> row = x_.row(i);
    double error = 0;
    for (Offset j = 0; j < row.size; ++j) {
      const double x = row.values[j];
      error += (weights_ ? weights_[x_.indptr[i] + j] : T(1)) * x * x;
    }
    for (Offset a = 0; a < h_.cols; ++a) {
      double slope = -2.0 * system_.rhs()[a];
      for (Offset b = 0; b < h_.cols; ++b) {
        slope += static_cast<double>(system_.gram()[a * system_.stride() + b]) * w[b];
      }
      error += slope * w[a];
    }
    return error;
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
NmfMasked nmf_sweep_masked(const CsrView<T>& x, const T* weights, const MatrixView<const T>& h,
                           NmfPenalty<T> penalty, NmfSweeps sweeps, const MatrixView<T>& w,
                           const Execution& run) {
  const Offset k = h.cols;
  const auto bounds = balanced_chunks(x.indptr, x.n_rows, kEntries);
  const Offset n_chunks = static_cast<Offset>(bounds.size()) - 1;
  std::vector<double> error(n_chunks), violation(n_chunks);
  parallel_for(
      n_chunks, (x.n_stored() + 2.0 * x.n_rows * sweeps.most) * k * k, run,
      [&] { return MaskedRow<T>(x, weights, h); },
      [&](MaskedRow<T>& solver, Offset chunk) {
        for (Offset i = bounds[chunk]; i < bounds[chunk + 1]; ++i) {
          const NmfMasked row = solver.solve(i, penalty, sweeps, w.row(i));
          error[chunk] += row.squared_error;
          violation[chunk] += row.violation;
        }
      });
  return {in_order(error), in_order(violation)};
}

template NmfMasked nmf_sweep_masked(const CsrView<float>&, const float*, const MatrixView<const float>&,
                                    NmfPenalty<float>, NmfSweeps, const MatrixView<float>&, const Execution&);
template NmfMasked nmf_sweep_masked(const CsrView<double>&, const double*, const MatrixView<const double>&,
                                    NmfPenalty<double>, NmfSweeps, const MatrixView<double>&,
                                    const Execution&);

}  // namespace eckart
