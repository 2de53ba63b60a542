// The dense product of this core, for operands of any strides: C = f(alpha A B + beta C + bias).
//
// Tiles of sums stay in registers (register_tile.hpp). Blocks of both operands are copied into panels that
// fit the caches, but for small products, which are read where they lie. A block of C is one task, and the
// cut into blocks depends on the shapes alone: the same bits for any number of threads. Larger products of
// float32 go to the matrix unit where there is one, by parts of bf16 whose sum is exact (split_tiles.hpp).
#pragma once

#include "eckart/base/interrupt.hpp"
#include "eckart/base/types.hpp"
#include "eckart/linalg/activation.hpp"

namespace eckart {

template <class T>
struct Strided {  // entry (i, j) is data[i row + j column]
  T* data = nullptr;
  Offset row = 0, column = 0;

  T* at(Offset i, Offset j) const { return data + i * row + j * column; }
  Strided transposed() const { return {data, column, row}; }
};

// C (m, n) = activation(alpha A (m, k) B (k, n) + beta C + bias), the bias (n) added to every row.
template <class T>
struct Product {
  Offset m = 0, n = 0, k = 0;
  Strided<const T> a, b;
  Strided<T> c;
  T alpha = 1, beta = 0;
  const T* bias = nullptr;
  Activation activation = Activation::none;

  // C' = B'A'; the bias then belongs to the rows, which whoever uses this must see to.
  Product transposed() const {
    return {n, m, k, b.transposed(), a.transposed(), c.transposed(), alpha, beta, bias, activation};
  }
};

// Cost: 2 m n k flop.
template <class T>
void multiply(const Product<T>& product, const Execution& run);

// The same for many operands: product i begins at a_starts[i], b_starts[i], c_starts[i] numbers into the
// data.
template <class T>
void multiply_batch(const Product<T>& product, Offset batch, const Offset* a_starts, const Offset* b_starts,
                    const Offset* c_starts, const Execution& run);

}  // namespace eckart
