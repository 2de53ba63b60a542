// Convolutions of float32 by parts of bf16 on the matrix unit, where there is one: see split_tiles.hpp.
#pragma once

#include "correlation_cut.hpp"
#include "eckart/nn/convolution.hpp"

namespace eckart {

// Whether a correlation can be computed so, and gains by it.
bool is_split(const Correlation<float>& c);

// Returns false, and leaves the result to be computed otherwise, where an operand is not finite.
bool correlate_split(const Correlation<float>& c, const Execution& run);

// The same for the gradient of the weights, as convolve_weight_gradient has it.
bool is_split(const Convolution& c);
bool weight_gradient_split(const Convolution& conv, const float* x, const float* dy, const float* y,
                           Activation activation, float* dw, float* db, const Execution& run);

}  // namespace eckart
