#include <algorithm>
#include <vector>

#include "eckart/base/parallel.hpp"
#include "eckart/base/simd.hpp"
#include "eckart/decomposition/nmf.hpp"

namespace eckart {

namespace {

constexpr Offset kBlocks = 4;  // of a chunk

// Coordinate descent on a block of rows at once, a row in every lane: all rows share the matrix. One a
// thread.
template <class T>
class LaneSweeps {
 public:
  static constexpr Offset lanes = kSimdWidth<T>;
  using Lanes = Simd<T>;

  LaneSweeps(const MatrixView<const T>& gram, NmfPenalty<T> penalty)
      : k_(gram.rows), a_(k_ * k_), inverse_(k_), b_(k_ * lanes), w_(k_ * lanes) {
    std::copy_n(gram.data, k_ * k_, a_.data());
    for (Offset c = 0; c < k_; ++c) {
      T& diagonal = a_[c * k_ + c];
      diagonal += penalty.l2;
      inverse_[c] = diagonal > T(0) ? T(1) / diagonal : T(0);  // 0: the coordinate changes nothing, keep it
    }
    l1_ = penalty.l1;
  }

  // Improves `n` <= lanes rows; returns the sum of the violations that the first sweep found.
  double solve(const T* products, Offset n, NmfSweeps sweeps, T* w) {
    for (Offset c = 0; c < k_; ++c) {
      for (Offset l = 0; l < lanes; ++l) {
        b_[c * lanes + l] = l < n ? products[l * k_ + c] - l1_ : T(0);
        w_[c * lanes + l] = l < n ? w[l * k_ + c] : T(0);
      }
    }
    const Lanes first = sweep(Lanes{} == Lanes{});
    const Lanes enough = first * static_cast<T>(sweeps.tolerance);
    auto active = first > enough;
    for (Offset s = 1; s < sweeps.most && any(active); ++s) active &= sweep(active) > enough;
    for (Offset c = 0; c < k_; ++c) {
      for (Offset l = 0; l < n; ++l) w[l * k_ + c] = w_[c * lanes + l];
    }
    return sum_lanes<T>(first);
  }

 private:
  // One sweep over the coordinates of the rows in the active lanes; returns the violations.
  template <class Mask>
  Lanes sweep(Mask active) {
    const Lanes zero = {};
    Lanes violation = {};
    for (Offset c = 0; c < k_; ++c) {
      const Lanes slope = times_w(c) - load(b_.data() + c * lanes);
      const Lanes old = load(w_.data() + c * lanes);
      const Lanes moved = old - slope * broadcast(inverse_[c]);
      store(w_.data() + c * lanes, active ? (moved > zero ? moved : zero) : old);
      const Lanes size = slope > zero ? slope : -slope;
      violation += (old > zero) | (slope < zero) ? size : zero;
    }
    return violation;
  }

  // Row c of the matrix times w, in four running sums.
  Lanes times_w(Offset c) const {
    const T *row = a_.data() + c * k_, *w = w_.data();
    Lanes sum[4] = {};
    Offset i = 0;
    for (; i + 4 <= k_; i += 4) {
      for (int u = 0; u < 4; ++u) sum[u] += broadcast(row[i + u]) * load(w + (i + u) * lanes);
    }
    for (; i < k_; ++i) sum[0] += broadcast(row[i]) * load(w + i * lanes);
    return (sum[0] + sum[1]) + (sum[2] + sum[3]);
  }

  Offset k_;
  AlignedBuffer<T> a_;        // (k, k): the Gram matrix and the penalty
  AlignedBuffer<T> inverse_;  // (k), of its diagonal
  AlignedBuffer<T> b_;        // (k, lanes)
  AlignedBuffer<T> w_;        // (k, lanes)
  T l1_;
};

}  // namespace

template <class T>
double nmf_sweep(const MatrixView<const T>& products, const MatrixView<const T>& gram, NmfPenalty<T> penalty,
                 NmfSweeps sweeps, const MatrixView<T>& w, const Execution& run) {
  constexpr Offset lanes = LaneSweeps<T>::lanes, rows = kBlocks * lanes;
  std::vector<double> violation((w.rows + rows - 1) / rows);
  parallel_for(
      static_cast<Offset>(violation.size()), 2.0 * w.rows * w.cols * w.cols * sweeps.most, run,
      [&] { return LaneSweeps<T>(gram, penalty); },
      [&](LaneSweeps<T>& block, Offset chunk) {
        for (Offset i = chunk * rows; i < std::min(w.rows, (chunk + 1) * rows); i += lanes) {
          violation[chunk] += block.solve(products.row(i), std::min(lanes, w.rows - i), sweeps, w.row(i));
        }
      });
  double total = 0;
  for (double part : violation) total += part;
  return total;
}

template double nmf_sweep(const MatrixView<const float>&, const MatrixView<const float>&, NmfPenalty<float>,
                          NmfSweeps, const MatrixView<float>&, const Execution&);
template double nmf_sweep(const MatrixView<const double>&, const MatrixView<const double>&,
                          NmfPenalty<double>, NmfSweeps, const MatrixView<double>&, const Execution&);

}  // namespace eckart
