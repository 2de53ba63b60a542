// Solves of small symmetric systems A x = b that are positive definite, or nearly so.
#pragma once

#include "eckart/linalg/eigen.hpp"

namespace eckart {

// Solves A x = b from the lower triangle of A; both are destroyed and b becomes x.
//
// Where A is singular to rounding (no penalty and fewer ratings than factors) and b lies in its
// range, the result is a basic solution: pivoted Cholesky, coordinates beyond the numerical rank
// are zero. It still minimises the quadratic.   Cost: d^3 / 3 + 2 d^2 multiply-adds.
template <class T>
void solve_spd(RowMatrix<T>& a, Vector<T>& b);

}  // namespace eckart
