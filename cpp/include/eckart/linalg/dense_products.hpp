// Products of tall dense matrices on all threads, the same bits for any number of them (BLAS gives other
// bits with other threads). Eigen multiplies; the cuts are ours and depend on the shapes alone.
#pragma once

#include "eckart/base/interrupt.hpp"
#include "eckart/base/types.hpp"

namespace eckart {

// out (n, k) = a b, a (n, d), b (d, k).   Cost: 2 n d k flop.
template <class T>
void multiply(const MatrixView<const T>& a, const MatrixView<const T>& b, const MatrixView<T>& out,
              const Execution& run);

// out (d, k) = a' b, a (n, d), b (n, k).   Cost: 2 n d k flop; at most 16 partial sums of out's size.
template <class T>
void multiply_transposed(const MatrixView<const T>& a, const MatrixView<const T>& b, const MatrixView<T>& out,
                         const Execution& run);

}  // namespace eckart
