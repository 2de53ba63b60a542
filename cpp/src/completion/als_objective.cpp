#include "als_residuals.hpp"
#include "eckart/base/math.hpp"

namespace eckart {

using namespace als;

template <class T>
double als_squared_error(const AlsHalf<T>& half, MatrixView<const T> factors, const T* bias,
                         const Execution& run) {
  const CsrView<T>& r = half.ratings;
  const std::vector<Offset> bounds = balanced_chunks(r.indptr, r.n_rows, kChunkEntries);
  const Offset n_chunks = static_cast<Offset>(bounds.size()) - 1;
  return parallel_sum(n_chunks, 1, 4.0 * r.n_stored() * factors.cols, run, [&](Offset c, Offset) {
    double total = 0;
    for (Offset i = bounds[c]; i < bounds[c + 1]; ++i) {
      total += sweep_row<T>(half, i, factors.row(i), bias ? bias[i] : T(0), nullptr);
    }
    return total;
  });
}

template <class T>
double als_penalty(MatrixView<const T> factors, const T* bias, const T* reg, const Execution& run) {
  return parallel_sum(factors.rows, 256, 2.0 * factors.rows * factors.cols, run,
                      [&](Offset begin, Offset end) {
                        double total = 0;
                        for (Offset i = begin; i < end; ++i) {
                          const double b = bias ? bias[i] : 0.0;
                          total += reg[i] * (squared_norm(factors.row(i), factors.cols) + b * b);
                        }
                        return total;
                      });
}

template double als_squared_error(const AlsHalf<float>&, MatrixView<const float>, const float*,
                                  const Execution&);
template double als_squared_error(const AlsHalf<double>&, MatrixView<const double>, const double*,
                                  const Execution&);
template double als_penalty(MatrixView<const float>, const float*, const float*, const Execution&);
template double als_penalty(MatrixView<const double>, const double*, const double*, const Execution&);

}  // namespace eckart
