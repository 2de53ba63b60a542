#include "eckart/completion/factor_gradient.hpp"

#include <algorithm>
#include <vector>

#include "eckart/base/parallel.hpp"
#include "eckart/base/simd.hpp"

namespace eckart {

namespace {

constexpr Offset kEntries = 1 << 14;  // of a chunk: some hundred microseconds of work
constexpr Offset kAhead = 8;          // gathered rows on their way while one is used
constexpr Offset kFour = 4;           // entries whose inner products are summed up together

// A copy of a matrix whose rows are filled up with zeros to whole vectors: no tails in the inner loops.
template <class T>
class Padded {
 public:
  explicit Padded(const MatrixView<const T>& m, const Execution& run)
      : stride_(std::max(round_up(m.cols, kSimdWidth<T>), kSimdWidth<T>)), data_(m.rows * stride_) {
    parallel_ranges(m.rows, 4096, static_cast<double>(m.rows * stride_), run, [&](Offset begin, Offset end) {
      for (Offset i = begin; i < end; ++i) copy_row(m.row(i), m.cols, data_.data() + i * stride_);
    });
  }
  const T* row(Offset i) const { return data_.data() + i * stride_; }
  Offset stride() const { return stride_; }

 private:
  Offset stride_;
  AlignedBuffer<T> data_;
};

// The inner products of u with the rows v[0 ... 3].
template <class T>
void four_dots(const T* u, const T* const (&v)[kFour], Offset stride, T (&dots)[kFour]) {
  Simd<T> sums[kFour] = {};
  for (Offset c = 0; c < stride; c += kSimdWidth<T>) {
    const Simd<T> left = load(u + c);
    for (Offset r = 0; r < kFour; ++r) sums[r] += left * load(v[r] + c);
  }
  sum_lanes<T>(sums, dots);
}

// sum (stride) += the residuals of row i times the rows of v; returns their squares' sum.
template <class T>
double row_product(const CsrView<T>& x, Offset i, const T* u, const Padded<T>& v, T* sum) {
  const Offset stride = v.stride(), end = x.indptr[i + 1], last = x.n_stored() - 1;
  double error = 0;
  for (Offset e = x.indptr[i]; e < end; e += kFour) {
    const Offset n = std::min(kFour, end - e);
    const T* rows[kFour];
    T residual[kFour];
    for (Offset r = 0; r < kFour; ++r) {
      rows[r] = v.row(x.indices[e + std::min(r, n - 1)]);
      prefetch(v.row(x.indices[std::min(e + r + kAhead, last)]), stride);
    }
    four_dots(u, rows, stride, residual);
    for (Offset r = 0; r < kFour; ++r) {
      residual[r] = r < n ? x.values[e + r] - residual[r] : T(0);
      error += static_cast<double>(residual[r]) * residual[r];
    }
    for (Offset c = 0; c < stride; c += kSimdWidth<T>) {
      Simd<T> total = load(sum + c);
      for (Offset r = 0; r < kFour; ++r) total += broadcast(residual[r]) * load(rows[r] + c);
      store(sum + c, total);
    }
  }
  return error;
}

// Adds the coefficients of row i. d and e are the directions of u and v.
template <class T>
void row_polynomial(const CsrView<T>& x, Offset i, const T* u, const Padded<T>& v, const T* d,
                    const Padded<T>& e, std::array<double, 5>& c) {
  const Offset stride = v.stride(), last = x.n_stored() - 1;
  for (Offset p = x.indptr[i]; p < x.indptr[i + 1]; ++p) {
    const Index j = x.indices[p], ahead = x.indices[std::min(p + kAhead, last)];
    prefetch(v.row(ahead), stride);
    prefetch(e.row(ahead), stride);
    // The entry's residual is a - b t - q t^2.
    const double a = x.values[p] - dot(u, v.row(j), stride);
    const double b = dot(d, v.row(j), stride) + dot(u, e.row(j), stride);
    const double q = dot(d, e.row(j), stride);
    c[0] += a * a;
    c[1] -= 2 * a * b;
    c[2] += b * b - 2 * a * q;
    c[3] += 2 * b * q;
    c[4] += q * q;
  }
}

}  // namespace

template <class T>
double residual_product(const CsrView<T>& x, const MatrixView<const T>& u, const MatrixView<const T>& v,
                        const MatrixView<T>& out, const Execution& run) {
  const Padded<T> right(v, run);
  const auto bounds = balanced_chunks(x.indptr, x.n_rows, kEntries);
  const Offset n_chunks = static_cast<Offset>(bounds.size()) - 1, stride = right.stride();
  std::vector<double> errors(n_chunks, 0.0);
  parallel_for(
      n_chunks, 4.0 * x.n_stored() * stride + x.n_rows, run, [&] { return AlignedBuffer<T>(2 * stride); },
      [&](AlignedBuffer<T>& scratch, Offset chunk) {
        T *left = scratch.data(), *sum = left + stride;
        for (Offset i = bounds[chunk]; i < bounds[chunk + 1]; ++i) {
          copy_row(u.row(i), u.cols, left);
          std::fill_n(sum, stride, T(0));
          errors[chunk] += row_product(x, i, left, right, sum);
          copy_row(sum, out.cols, out.row(i));
        }
      });
  double total = 0;
  for (double error : errors) total += error;
  return total;
}

template <class T>
std::array<double, 5> error_along(const CsrView<T>& x, const MatrixView<const T>& u,
                                  const MatrixView<const T>& v, const MatrixView<const T>& d,
                                  const MatrixView<const T>& e, const Execution& run) {
  const Padded<T> right(v, run), right_step(e, run);
  const auto bounds = balanced_chunks(x.indptr, x.n_rows, kEntries);
  const Offset n_chunks = static_cast<Offset>(bounds.size()) - 1, stride = right.stride();
  std::vector<std::array<double, 5>> partial(n_chunks);
  parallel_for(
      n_chunks, 8.0 * x.n_stored() * stride + x.n_rows, run, [&] { return AlignedBuffer<T>(2 * stride); },
      [&](AlignedBuffer<T>& scratch, Offset chunk) {
        T *left = scratch.data(), *left_step = left + stride;
        partial[chunk] = {};
        for (Offset i = bounds[chunk]; i < bounds[chunk + 1]; ++i) {
          copy_row(u.row(i), u.cols, left);
          copy_row(d.row(i), d.cols, left_step);
          row_polynomial(x, i, left, right, left_step, right_step, partial[chunk]);
        }
      });
  std::array<double, 5> total{};
  for (const auto& part : partial) {
    for (std::size_t k = 0; k < total.size(); ++k) total[k] += part[k];
  }
  return total;
}

template double residual_product(const CsrView<float>&, const MatrixView<const float>&,
                                 const MatrixView<const float>&, const MatrixView<float>&, const Execution&);
template double residual_product(const CsrView<double>&, const MatrixView<const double>&,
                                 const MatrixView<const double>&, const MatrixView<double>&,
                                 const Execution&);
template std::array<double, 5> error_along(const CsrView<float>&, const MatrixView<const float>&,
                                           const MatrixView<const float>&, const MatrixView<const float>&,
                                           const MatrixView<const float>&, const Execution&);
template std::array<double, 5> error_along(const CsrView<double>&, const MatrixView<const double>&,
                                           const MatrixView<const double>&, const MatrixView<const double>&,
                                           const MatrixView<const double>&, const Execution&);

}  // namespace eckart
