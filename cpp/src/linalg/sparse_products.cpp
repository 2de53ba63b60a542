#include "eckart/linalg/sparse_products.hpp"

#include "eckart/base/parallel.hpp"
#include "eckart/linalg/eigen.hpp"

namespace eckart {

namespace {

constexpr Offset kEntries = 1 << 14;  // of a chunk: some hundred microseconds of work
constexpr Offset kAhead = 8;          // gathered rows on their way while one is used

template <class T>
void fetch(const T* row, Offset k) {
  constexpr Offset line = 64 / sizeof(T);
  for (Offset c = 0; c < k; c += line) __builtin_prefetch(row + c);
}

// body(i) for every row i, a chunk holding about equally many stored entries. The sum of a row is taken in
// the order of its entries, by one thread.
template <class T, class Body>
void over_rows(const CsrView<T>& a, Offset k, const Execution& run, Body body) {
  const auto bounds = balanced_chunks(a.indptr, a.n_rows, kEntries);
  parallel_for(
      static_cast<Offset>(bounds.size()) - 1, 2.0 * a.n_stored() * k + a.n_rows, run,
      [] { return NoScratch{}; },
      [&](NoScratch&, Offset chunk) {
        for (Offset i = bounds[chunk]; i < bounds[chunk + 1]; ++i) body(i);
      });
}

}  // namespace

template <class T>
void sparse_dense(const CsrView<T>& a, const MatrixView<const T>& x, const MatrixView<T>& out,
                  const Execution& run) {
  const Offset k = x.cols;
  const Offset n_stored = a.n_stored();
  over_rows(a, k, run, [&](Offset i) {
    Eigen::Map<Eigen::Array<T, Eigen::Dynamic, 1>> sum(out.row(i), k);
    sum.setZero();
    for (Offset e = a.indptr[i]; e < a.indptr[i + 1]; ++e) {
      if (e + kAhead < n_stored) fetch(x.row(a.indices[e + kAhead]), k);
      sum += a.values[e] * Eigen::Map<const Eigen::Array<T, Eigen::Dynamic, 1>>(x.row(a.indices[e]), k);
    }
  });
}

template <class T>
void sampled_products(const CsrView<T>& pattern, const MatrixView<const T>& u, const MatrixView<const T>& v,
                      T* out, const Execution& run) {
  const Offset k = u.cols;
  const Offset n_stored = pattern.n_stored();
  over_rows(pattern, k, run, [&](Offset i) {
    const Eigen::Map<const Vector<T>> left(u.row(i), k);
    for (Offset e = pattern.indptr[i]; e < pattern.indptr[i + 1]; ++e) {
      if (e + kAhead < n_stored) fetch(v.row(pattern.indices[e + kAhead]), k);
      out[e] = k == 0 ? T(0) : left.dot(Eigen::Map<const Vector<T>>(v.row(pattern.indices[e]), k));
    }
  });
}

template void sparse_dense(const CsrView<float>&, const MatrixView<const float>&, const MatrixView<float>&,
                           const Execution&);
template void sparse_dense(const CsrView<double>&, const MatrixView<const double>&, const MatrixView<double>&,
                           const Execution&);
template void sampled_products(const CsrView<float>&, const MatrixView<const float>&,
                               const MatrixView<const float>&, float*, const Execution&);
template void sampled_products(const CsrView<double>&, const MatrixView<const double>&,
                               const MatrixView<const double>&, double*, const Execution&);

}  // namespace eckart
