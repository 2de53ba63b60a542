// Products of float32 by parts of bf16 on the matrix unit, where there is one: see split_tiles.hpp.
#pragma once

#include "eckart/linalg/product.hpp"

namespace eckart {

// Whether a product can be computed so, and gains by it.
bool is_split(const Product<float>& product);

// Returns false, and leaves C to be computed otherwise, where an operand is not finite.
bool multiply_split(const Product<float>& product, const Execution& run);

}  // namespace eckart
