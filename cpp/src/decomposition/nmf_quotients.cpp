#include <algorithm>
#include <cmath>
#include <vector>

#include "eckart/base/vector_log.hpp"
#include "eckart/decomposition/nmf.hpp"
#include "tile_products.hpp"

namespace eckart {

namespace {

constexpr Offset kEntries = 1 << 13;  // stored entries of a chunk
constexpr Offset kAhead = 8;          // gathered rows on their way while one is used
template <class T>
constexpr T kTiny = sizeof(T) == 4 ? T(1e-20) : T(1e-150);  // instead of a product that is 0

// The quotients of any tile of X.
template <class T>
class Quotients {
 public:
  Quotients(const MatrixView<const T>& x, const MatrixView<const T>& w, const MatrixView<const T>& h)
      : x_(x),
        columns_(round_up(x.cols, kTileColumns<T>)),
        w_(w, round_up(x.rows, kTileRows)),
        h_(h, columns_),
        h_transposed_(h.cols * columns_) {
    for (Offset j = 0; j < h.rows; ++j) {
      for (Offset c = 0; c < h.cols; ++c) h_transposed_[c * columns_ + j] = h.row(j)[c];
    }
  }

  const PaddedRows<T>& w() const { return w_; }
  const PaddedRows<T>& h() const { return h_; }

  // Returns the tile's sum of x log q.
  template <bool with_log>
  double form(Offset i, Offset j, T* tile) const {
    constexpr Offset width = kSimdWidth<T>;
    double log_sum = 0;
    for (Offset p = 0; p < kTileRows; p += kPanel) {
      panel_groups(kTileColumns<T> / width, [&](auto vectors, Offset first) {
        Simd<T> product[kPanel][vectors] = {}, logs = {};
        const Offset column = j + first * width;
        panel_product<T>(w_.row(i + p), w_.stride(), 1, h_transposed_.data() + column, columns_, w_.columns(),
                         product);
        for (Offset r = 0; r < kPanel; ++r) {
          for (int v = 0; v < vectors; ++v) {
            const Simd<T> x = load_padded(x_, i + p + r, column + v * width);
            const Simd<T> q = x / at_least_tiny(product[r][v]);
            if constexpr (with_log) logs += x * vector_log<T>(at_least_tiny(q));
            store(tile + (p + r) * kTileColumns<T> + (first + v) * width, q);
          }
        }
        if constexpr (with_log) log_sum += sum_lanes<T>(logs);
      });
    }
    return log_sum;
  }

 private:
  static Simd<T> at_least_tiny(Simd<T> v) { return v > kTiny<T> ? v : broadcast(kTiny<T>); }

  MatrixView<const T> x_;
  Offset columns_;
  PaddedRows<T> w_, h_;
  AlignedBuffer<T> h_transposed_;  // (k, columns)
};

// The sums of one row; returns sum_j x_ij log q_ij.
template <class T>
double row_quotients(const CsrRow<T>& row, const T* w, const MatrixView<const T>& h, bool with_log, T* sum) {
  const Offset k = h.cols;
  double logs = 0;
  std::fill_n(sum, k, T(0));
  for (Offset e = 0; e < row.size; ++e) {
    if (e + kAhead < row.size) prefetch(h.row(row.indices[e + kAhead]), k);
    const T* h_j = h.row(row.indices[e]);
    const T q = row.values[e] / std::max(dot(w, h_j, k), kTiny<T>);
    if (with_log && q > T(0)) logs += static_cast<double>(row.values[e]) * std::log(q);
    for (Offset c = 0; c < k; ++c) sum[c] += q * h_j[c];
  }
  return logs;
}

}  // namespace

template <class T>
double nmf_quotients(const MatrixView<const T>& x, const MatrixView<const T>& w, const MatrixView<const T>& h,
                     bool transposed, bool with_log, const MatrixView<T>& out, const Execution& run) {
  const Quotients<T> q(x, w, h);
  const double work = 4.0 * x.rows * x.cols * (w.cols + 4);
  const auto multiply_by = [&](auto form) {
    return transposed ? tile_multiply_transposed(x.rows, form, q.w(), out, work, run)
                      : tile_multiply(x.cols, form, q.h(), out, work, run);
  };
  if (with_log) {
    return multiply_by([&](Offset i, Offset j, T* tile) { return q.template form<true>(i, j, tile); });
  }
  return multiply_by([&](Offset i, Offset j, T* tile) { return q.template form<false>(i, j, tile); });
}

template <class T>
double nmf_quotients_sparse(const CsrView<T>& x, const MatrixView<const T>& w, const MatrixView<const T>& h,
                            bool with_log, const MatrixView<T>& out, const Execution& run) {
  const auto bounds = balanced_chunks(x.indptr, x.n_rows, kEntries);
  std::vector<double> logs(bounds.size() - 1);
  parallel_for(
      static_cast<Offset>(logs.size()), 4.0 * x.n_stored() * (w.cols + 4), run, [] { return NoScratch{}; },
      [&](NoScratch&, Offset chunk) {
        for (Offset i = bounds[chunk]; i < bounds[chunk + 1]; ++i) {
          logs[chunk] += row_quotients(x.row(i), w.row(i), h, with_log, out.row(i));
        }
      });
  return detail::in_order(logs);
}

#define ECKART_INSTANTIATE(T)                                                                  \
  template double nmf_quotients(const MatrixView<const T>&, const MatrixView<const T>&,        \
                                const MatrixView<const T>&, bool, bool, const MatrixView<T>&,  \
                                const Execution&);                                             \
  template double nmf_quotients_sparse(const CsrView<T>&, const MatrixView<const T>&,          \
                                       const MatrixView<const T>&, bool, const MatrixView<T>&, \
                                       const Execution&);
ECKART_INSTANTIATE(float)
ECKART_INSTANTIATE(double)
#undef ECKART_INSTANTIATE

}  // namespace eckart
