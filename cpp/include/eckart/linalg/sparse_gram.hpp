// The dense Gram matrix X'X of a sparse X, as models in closed form need it.
#pragma once

#include "eckart/base/interrupt.hpp"
#include "eckart/linalg/column_products.hpp"

namespace eckart {

// gram (n_cols, n_cols), in the caller's numbers.   Cost: that of ColumnProducts.
template <class T>
void sparse_gram(const SparseColumns<T>& x, MatrixView<T> gram, const Execution& run);

}  // namespace eckart
