#include "eckart/linalg/dense_products.hpp"

#include <algorithm>
#include <vector>

#include "eckart/base/parallel.hpp"
#include "eckart/linalg/eigen.hpp"

namespace eckart {

namespace {

constexpr Offset kRows = 512;     // of a chunk of a b: enough for Eigen to pack b once and use it often
constexpr Offset kColumns = 256;  // of `a` in one task of a' b
constexpr Offset kSlabs = 16;     // partial sums of a' b
constexpr Offset kPartial = Offset{1} << 22;  // numbers in all partial sums together, if out is smaller

}  // namespace

template <class T>
void multiply(const MatrixView<const T>& a, const MatrixView<const T>& b, const MatrixView<T>& out,
              const Execution& run) {
  const auto left = as_eigen(a), right = as_eigen(b);
  Eigen::Map<RowMatrix<T>> result(out.data, out.rows, out.cols);
  parallel_ranges(a.rows, kRows, 2.0 * a.rows * a.cols * b.cols, run, [&](Offset begin, Offset end) {
    result.middleRows(begin, end - begin).noalias() = left.middleRows(begin, end - begin) * right;
  });
}

template <class T>
void multiply_transposed(const MatrixView<const T>& a, const MatrixView<const T>& b, const MatrixView<T>& out,
                         const Execution& run) {
  const auto left = as_eigen(a), right = as_eigen(b);
  const Offset size = out.rows * out.cols;
  const Offset most = std::clamp<Offset>(kPartial / std::max<Offset>(size, 1), 1, kSlabs);
  const Offset slabs = std::clamp<Offset>(a.rows / kRows, 1, most);
  const Offset rows = (a.rows + slabs - 1) / slabs;
  const Offset blocks = (a.cols + kColumns - 1) / kColumns;
  std::vector<T> partial(slabs > 1 ? slabs * size : 0);
  parallel_for(
      slabs * blocks, 2.0 * a.rows * a.cols * b.cols, run, [] { return NoScratch{}; },
      [&](NoScratch&, Offset task) {
        const Offset slab = task / blocks, column = task % blocks * kColumns;
        const Offset n_columns = std::min(kColumns, a.cols - column);
        const Offset begin = std::min(slab * rows, a.rows);
        const Offset n = std::min(rows, a.rows - begin);
        Eigen::Map<RowMatrix<T>> to(slabs > 1 ? partial.data() + slab * size : out.data, out.rows, out.cols);
        to.middleRows(column, n_columns).noalias() =
            left.block(begin, column, n, n_columns).transpose() * right.middleRows(begin, n);
      });
  if (slabs == 1) return;
  parallel_ranges(size, 1 << 14, static_cast<double>(slabs * size), run, [&](Offset begin, Offset end) {
    Eigen::Map<Vector<T>> sum(out.data + begin, end - begin);
    sum.setZero();
    for (Offset slab = 0; slab < slabs; ++slab) {
      sum += Eigen::Map<const Vector<T>>(partial.data() + slab * size + begin, end - begin);
    }
  });
}

template void multiply(const MatrixView<const float>&, const MatrixView<const float>&,
                       const MatrixView<float>&, const Execution&);
template void multiply(const MatrixView<const double>&, const MatrixView<const double>&,
                       const MatrixView<double>&, const Execution&);
template void multiply_transposed(const MatrixView<const float>&, const MatrixView<const float>&,
                                  const MatrixView<float>&, const Execution&);
template void multiply_transposed(const MatrixView<const double>&, const MatrixView<const double>&,
                                  const MatrixView<double>&, const Execution&);

}  // namespace eckart
