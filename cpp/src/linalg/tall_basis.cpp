#include "eckart/linalg/tall_basis.hpp"

#include <algorithm>
#include <vector>

#include "eckart/base/parallel.hpp"
#include "eckart/base/simd.hpp"
#include "eckart/linalg/eigen.hpp"

namespace eckart {

namespace {

// Rows multiplied at once (up to twice as many at the end: Eigen sums tiny products in an order that depends
// on the address): their part of the basis stays in the cache.
constexpr Offset kRows = 256;
constexpr Offset kSlabs = 64;  // partial sums

template <class T>
using StridedMap = Eigen::Map<const RowMatrix<T>, 0, Eigen::OuterStride<>>;

template <class T>
StridedMap<T> rows_of(const TallBasis<T>& basis, Offset begin, Offset n) {
  return {basis.data + begin * basis.stride, n, basis.columns, Eigen::OuterStride<>(basis.stride)};
}

// The sum of body(begin, n, sum) over pieces of kRows rows, into out (size). A slab adds its pieces up in T
// (they are few), the slabs are added up in double.
template <class T, class Body>
void summed_rows(Offset rows, Offset size, double work, const Execution& run, double* out, Body body) {
  std::fill_n(out, size, 0.0);
  if (rows == 0) return;
  const Offset pieces = std::max<Offset>(1, rows / kRows);
  const Offset slabs = std::clamp<Offset>(pieces / 4, 1, kSlabs);
  const Offset length = (pieces + slabs - 1) / slabs;
  std::vector<T> partial(slabs * size, T(0));
  parallel_ranges(slabs, 1, work, run, [&](Offset slab, Offset) {
    for (Offset piece = slab * length; piece < std::min(pieces, (slab + 1) * length); ++piece) {
      const Offset begin = piece * kRows, end = piece == pieces - 1 ? rows : begin + kRows;
      body(begin, end - begin, partial.data() + slab * size);
    }
  });
  for (Offset slab = 0; slab < slabs; ++slab) {
    for (Offset i = 0; i < size; ++i) out[i] += partial[slab * size + i];
  }
}

}  // namespace

template <class T>
void set_columns(const MatrixView<T>& buffer, Offset at, const MatrixView<const T>& x, const Execution& run) {
  constexpr Offset ahead = 32;  // rows: they are far apart, and each store would wait for its line
  parallel_ranges(x.rows, 16 * kRows, 8.0 * x.rows * x.cols, run, [&](Offset begin, Offset end) {
    for (Offset i = begin; i < end; ++i) {
      __builtin_prefetch(buffer.row(std::min(i + ahead, end - 1)) + at, 1);
      copy_row(x.row(i), x.cols, buffer.row(i) + at);
    }
  });
}

template <class T>
void basis_products(const TallBasis<T>& basis, const MatrixView<const T>& x, double* out,
                    const Execution& run) {
  const auto right = as_eigen(x);
  const Offset k = x.cols;
  const double work = 2.0 * basis.rows * basis.columns * k;
  summed_rows<T>(basis.rows, basis.columns * k, work, run, out, [&](Offset begin, Offset n, T* sum) {
    Eigen::Map<RowMatrix<T>>(sum, basis.columns, k).noalias() +=
        rows_of(basis, begin, n).transpose() * right.middleRows(begin, n);
  });
}

template <class T>
void subtract_basis(const TallBasis<T>& basis, const MatrixView<const T>& c, const MatrixView<T>& x,
                    double* gram, const Execution& run) {
  const auto coefficients = as_eigen(c);
  const Offset k = x.cols;
  const double work = 2.0 * basis.rows * (basis.columns + k) * k;
  summed_rows<T>(basis.rows, k * k, work, run, gram, [&](Offset begin, Offset n, T* sum) {
    Eigen::Map<RowMatrix<T>> piece(x.row(begin), n, k);
    if (basis.columns > 0) piece.noalias() -= rows_of(basis, begin, n) * coefficients;
    Eigen::Map<RowMatrix<T>>(sum, k, k).noalias() += piece.transpose() * piece;
  });
}

template void set_columns(const MatrixView<float>&, Offset, const MatrixView<const float>&, const Execution&);
template void set_columns(const MatrixView<double>&, Offset, const MatrixView<const double>&,
                          const Execution&);
template void basis_products(const TallBasis<float>&, const MatrixView<const float>&, double*,
                             const Execution&);
template void basis_products(const TallBasis<double>&, const MatrixView<const double>&, double*,
                             const Execution&);
template void subtract_basis(const TallBasis<float>&, const MatrixView<const float>&,
                             const MatrixView<float>&, double*, const Execution&);
template void subtract_basis(const TallBasis<double>&, const MatrixView<const double>&,
                             const MatrixView<double>&, double*, const Execution&);

}  // namespace eckart
