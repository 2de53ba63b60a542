// One side of the linearised problem of gauss_newton.hpp, and what is done to its rows.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "eckart/base/csr.hpp"
#include "eckart/base/parallel.hpp"
#include "eckart/base/simd.hpp"

namespace eckart::gauss_newton {

constexpr Offset kEntries = 1 << 12;  // of a chunk of rows
constexpr Offset kAhead = 8;          // gathered rows on their way while one is used

template <class T>
inline void add_multiple(T alpha, const T* x, Offset n, T* y) {  // y += alpha x, whole vectors
  for (Offset c = 0; c < n; c += kSimdWidth<T>) store(y + c, load(y + c) + broadcast(alpha) * load(x + c));
}

// The inverse of the Cholesky factor of `gram` (rank, stride; lower triangle, destroyed) into w. A direction
// whose pivot is rounding, of this matrix or of one with diagonal `scale`, is left out: its row of w is zero.
template <class T>
void invert_cholesky(T* gram, Offset rank, Offset stride, T scale, T* w) {
  T largest = 0;
  for (Offset k = 0; k < rank; ++k) largest = std::max(largest, gram[k * stride + k]);
  const T floor = std::max(4 * static_cast<T>(rank) * largest, scale) * std::numeric_limits<T>::epsilon();
  for (Offset k = 0; k < rank; ++k) {
    T* row = gram + k * stride;
    for (Offset c = 0; c < k; ++c) {  // L_kc
      for (Offset p = 0; p < c; ++p) row[c] -= row[p] * gram[c * stride + p];
      row[c] *= gram[c * stride + c];  // the diagonal holds 1 / L_cc
    }
    T pivot = row[k];
    for (Offset p = 0; p < k; ++p) pivot -= row[p] * row[p];
    row[k] = pivot > floor ? 1 / std::sqrt(pivot) : T(0);
    T* out = w + k * stride;  // row k of L^-1 = (e_k - sum_c L_kc row c) / L_kk
    std::fill_n(out, stride, T(0));
    out[k] = 1;
    for (Offset c = 0; c < k; ++c) {
      for (Offset p = 0; p <= c; ++p) out[p] -= row[c] * w[c * stride + p];
    }
    for (Offset p = 0; p <= k; ++p) out[p] *= row[k];
  }
}

// The rows of a side. A row's factors stand beside its current direction, so that the other side gathers both
// at once; W is lower triangular with G_i^-1 = W' W. Everything is padded to whole vectors with zeros.
template <class T>
struct Half {
  CsrView<T> entries;
  Offset rank, stride;
  std::vector<Offset> bounds;
  T largest = 0;             // squared norm of a row's factors
  AlignedBuffer<T> packed;   // (n_rows, 2 stride): factors, direction
  AlignedBuffer<T> inverse;  // (n_rows, rank, stride): W
  AlignedBuffer<T> vectors;  // (n_rows, 4 stride): residual, p, A p and solution of conjugate gradients

  Half(const CsrView<T>& e, const MatrixView<const T>& factors)
      : entries(e),
        rank(factors.cols),
        stride(round_up(factors.cols, kSimdWidth<T>)),
        bounds(balanced_chunks(e.indptr, e.n_rows, kEntries)),
        packed(e.n_rows * 2 * stride),
        inverse(e.n_rows * rank * stride),
        vectors(e.n_rows * 4 * stride) {
    for (Offset i = 0; i < e.n_rows; ++i) {
      std::copy_n(factors.row(i), rank, this->factors(i));
      largest = std::max(largest, dot(this->factors(i), this->factors(i), stride));
    }
  }

  T* factors(Offset i) { return packed.data() + i * 2 * stride; }
  const T* factors(Offset i) const { return packed.data() + i * 2 * stride; }
  T* direction(Offset i) { return factors(i) + stride; }
  T* w(Offset i) { return inverse.data() + i * rank * stride; }
  T* residual(Offset i) { return vectors.data() + i * 4 * stride; }
  T* p(Offset i) { return residual(i) + stride; }
  T* q(Offset i) { return residual(i) + 2 * stride; }
  T* solution(Offset i) { return residual(i) + 3 * stride; }

  // Operations of a pass over the entries, and of one over the rows alone.
  double entry_work() const { return 4.0 * entries.n_stored() * stride + row_work(); }
  double row_work() const { return 2.0 * entries.n_rows * rank * stride; }

  // body(i, scratch of (1 + rank) stride numbers) for all rows; the sum of what it returns.
  template <class Body>
  double for_rows(double work, const Execution& run, Body body) const {
    const Offset n_chunks = static_cast<Offset>(bounds.size()) - 1;
    std::vector<double> partial(n_chunks, 0.0);
    parallel_for(
        n_chunks, work, run, [&] { return AlignedBuffer<T>((1 + rank) * stride); },
        [&](AlignedBuffer<T>& scratch, Offset chunk) {
          for (Offset i = bounds[chunk]; i < bounds[chunk + 1]; ++i)
            partial[chunk] += body(i, scratch.data());
        });
    double total = 0;
    for (double part : partial) total += part;
    return total;
  }

  void multiply_w(Offset i, const T* x, T* out) {  // out (rank) = W x
    for (Offset k = 0; k < rank; ++k) out[k] = dot(w(i) + k * stride, x, stride);
  }
  void multiply_w_transposed(Offset i, const T* x, T* out) {  // out (stride) = W' x
    for (Offset c = 0; c < stride; c += kSimdWidth<T>) {
      Simd<T> sum{};
      for (Offset k = 0; k < rank; ++k) sum += broadcast(x[k]) * load(w(i) + k * stride + c);
      store(out + c, sum);
    }
  }

  // W of row i, with `ridge` on the diagonal of its block, and W g_i as the first residual.
  void linearize(const Half& other, Offset i, T ridge, T* scratch) {
    T* gram = scratch + stride;
    std::fill_n(scratch, (1 + rank) * stride, T(0));
    const CsrRow<T> row = entries.row(i);
    for (Offset e = 0; e < row.size; ++e) {
      if (e + kAhead < row.size) prefetch(other.factors(row.indices[e + kAhead]), stride);
      const T* at = other.factors(row.indices[e]);
      add_multiple(row.values[e] - dot(factors(i), at, stride), at, stride, scratch);
      for (Offset k = 0; k < rank; ++k) add_multiple(at[k], at, stride, gram + k * stride);
    }
    for (Offset k = 0; k < rank; ++k) gram[k * stride + k] += ridge;
    invert_cholesky(gram, rank, stride, ridge > 0 ? T(0) : other.largest, w(i));
    multiply_w(i, scratch, residual(i));
  }
};

// out = sum over the entries j of a row of factors_j <own, direction_j>. Four entries at a time: their inner
// products end in one reduction, and the sums do not wait for one another.
template <class T>
void cross_row(const Half<T>& other, const CsrRow<T>& row, const T* own, T* out) {
  constexpr Offset width = kSimdWidth<T>;
  const Offset stride = other.stride;
  std::fill_n(out, stride, T(0));
  Offset e = 0;
  for (; e + 4 <= row.size; e += 4) {
    const T* at[4];
    Simd<T> products[4] = {};
    for (int l = 0; l < 4; ++l) {
      at[l] = other.factors(row.indices[e + l]);
      if (e + l + kAhead < row.size) prefetch(other.factors(row.indices[e + l + kAhead]), 2 * stride);
    }
    for (Offset c = 0; c < stride; c += width) {
      for (int l = 0; l < 4; ++l) products[l] += load(own + c) * load(at[l] + stride + c);
    }
    T weights[4];
    sum_lanes<T>(products, weights);
    for (Offset c = 0; c < stride; c += width) {
      const Simd<T> first = broadcast(weights[0]) * load(at[0] + c) + broadcast(weights[1]) * load(at[1] + c);
      const Simd<T> second =
          broadcast(weights[2]) * load(at[2] + c) + broadcast(weights[3]) * load(at[3] + c);
      store(out + c, load(out + c) + (first + second));
    }
  }
  for (; e < row.size; ++e) {
    const T* at = other.factors(row.indices[e]);
    add_multiple(dot(own, at + stride, stride), at, stride, out);
  }
}

}  // namespace eckart::gauss_newton
