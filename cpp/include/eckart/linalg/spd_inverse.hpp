// The inverse of a large symmetric positive definite matrix, in place.
//
// Blocked symmetric Gauss-Jordan elimination (the sweep operator; Goodnight 1979, "A tutorial on the
// SWEEP operator"). With D = A_KK^-1, sweeping block K replaces
//   A_IJ by A_IJ - A_IK D A_KJ,   A_IK by A_IK D,   A_KK by -D,
// and after every block the matrix holds -A^-1. Only the lower triangle is worked on. The part that has
// not been swept is the Schur complement of Cholesky's method, the part that has is minus an inverse that
// only grows: nothing cancels that does not cancel in Cholesky's method.
// Cost: n^3 / 2 multiply-adds, as Cholesky and inversion take together, and nearly all of them are one
// symmetric update a block, which runs in parallel. Memory beside the matrix: two panels (n, kSweep).
#pragma once

#include "eckart/base/interrupt.hpp"
#include "eckart/base/types.hpp"

namespace eckart {

constexpr Offset kSweep = 256;  // rows of a block

// a (n, n): only its lower triangle is read; becomes the whole inverse. Returns false where a block is not
// positive definite to rounding; a is then destroyed.
template <class T>
bool spd_inverse(MatrixView<T> a, const Execution& run);

}  // namespace eckart
