// The index types of the whole core and a plain view of a row-major matrix.
#pragma once

#include <cassert>
#include <cstddef>
#include <cstdint>

namespace eckart {

using Index = std::int32_t;   // of a row, a column, an id
using Offset = std::int64_t;  // into stored entries; also every product of two indices

template <class T>
struct MatrixView {  // (rows, cols), row-major, contiguous
  T* data = nullptr;
  Offset rows = 0;
  Offset cols = 0;

  T* row(Offset i) const {
    assert(i >= 0 && i < rows);
    return data + i * cols;
  }
};

}  // namespace eckart
