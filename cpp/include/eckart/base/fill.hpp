// Random fills, one stream a row: a row's numbers depend on the seed and the row alone, so a matrix
// that grows keeps the rows it had.
#pragma once

#include <cstdint>

#include "eckart/base/interrupt.hpp"
#include "eckart/base/types.hpp"

namespace eckart {

// out[i, :] = scale * standard normals of stream (seed, first_row + i).   Cost: rows * cols draws.
template <class T>
void fill_normal(MatrixView<T> out, std::uint64_t seed, Offset first_row, T scale, const Execution& run);

}  // namespace eckart
