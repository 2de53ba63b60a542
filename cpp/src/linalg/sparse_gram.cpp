#include "eckart/linalg/sparse_gram.hpp"

#include <algorithm>

#include "eckart/base/parallel.hpp"

namespace eckart {

template <class T>
void sparse_gram(const SparseColumns<T>& x, MatrixView<T> gram, const Execution& run) {
  constexpr Offset lanes = ColumnProducts<T>::lanes;
  const Offset n = x.by_col.n_rows;
  const double per_column = n > 0 ? static_cast<double>(x.by_row.n_stored()) / n : 0.0;
  const double work = static_cast<double>(x.by_row.n_stored()) * per_column + static_cast<double>(n) * n;
  parallel_for((n + lanes - 1) / lanes, work, run, [&] { return ColumnProducts<T>(x); },
               [&](ColumnProducts<T>& products, Offset block) {
                 const Offset first = block * lanes, width = std::min(lanes, n - first);
                 products.compute(first, width);
                 for (Offset j = 0; j < n; ++j) {
                   const Simd<T> product = products.of(j);
                   for (Offset l = 0; l < width; ++l) gram.row(x.ids[first + l])[x.ids[j]] = product[l];
                 }
               });
}

template void sparse_gram(const SparseColumns<float>&, MatrixView<float>, const Execution&);
template void sparse_gram(const SparseColumns<double>&, MatrixView<double>, const Execution&);

}  // namespace eckart
