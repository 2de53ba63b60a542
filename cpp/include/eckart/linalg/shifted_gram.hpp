// The Gram matrix of a tall matrix whose rows are shifted first: what a covariance is made of.
//
//   gram = (X - 1 c')'(X - 1 c'),  sum = (X - 1 c')'1
//
// With c near the mean nothing cancels in the covariance, gram / n - (sum / n)(sum / n)', however far the
// mean is from zero (Chan, Golub, LeVeque 1983, "Algorithms for computing the sample variance").
//
// A syrk on packed blocks: the difference is formed while packing, a block stays in the second-level cache,
// a strip of it in the first, and the sums of a tile in registers. Only tiles that touch the lower triangle
// are formed. Rows are summed in T within a slab; the slabs, at most 16, are added up in double.
// Cost: n d^2 / 2 multiply-adds and d^2 / 2 numbers a slab.
#pragma once

#include "eckart/base/interrupt.hpp"
#include "eckart/base/types.hpp"

namespace eckart {

// x (n, d), shift (d); gram (d, d), both triangles, and sum (d).
template <class T>
void shifted_gram(const MatrixView<const T>& x, const T* shift, const MatrixView<double>& gram, double* sum,
                  const Execution& run);

}  // namespace eckart
