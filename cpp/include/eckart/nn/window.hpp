// How a window slides along one axis: the positions that a convolution or a pooling reads and writes.
#pragma once

#include "eckart/base/types.hpp"

namespace eckart {

// Position `o` of the output sees input positions o stride + k dilation - before for 0 <= k < kernel; those
// outside [0, in) are padding.
struct Window {
  Offset in = 1, out = 1, kernel = 1, stride = 1, before = 0, dilation = 1;
};

}  // namespace eckart
