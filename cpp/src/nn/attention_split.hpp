// Attention of float32 by parts of bf16 on the matrix unit, where there is one: see split_tiles.hpp.
#pragma once

#include "eckart/nn/attention.hpp"

namespace eckart {
namespace attention {

// Whether attention can be computed so, and gains by it.
bool is_split(const Attention<float>& a);

// As attend and attend_backward. Return false, and leave all to be computed otherwise, where an operand is
// not finite.
bool attend_split(const Attention<float>& a, const Heads<float>& y, float* lse, const Execution& run);
bool attend_split_backward(const Attention<float>& a, const Heads<const float>& y, const float* lse,
                           const Heads<const float>& dy, const Heads<float>& dq, const Heads<float>& dk,
                           const Heads<float>& dv, const Execution& run);

}  // namespace attention
}  // namespace eckart
