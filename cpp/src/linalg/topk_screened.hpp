// Top-k with its product on the matrix unit (AMX), with exactly the answers of the product in float32.
//
// Scores of factors rounded to bf16 are within 2^-8 |q| |i| of the true ones, so an item whose rounded
// score is further than that below the worst of a query's list cannot enter. Nearly all items go this
// way, at eight times the float32 rate; the score of the others is formed again as the plain kernel
// forms it.
#pragma once

#include "eckart/linalg/topk.hpp"

namespace eckart {

// Whether the screening pays and holds: enough queries to share the packing of all items, and factors
// small enough that no product overflows.
bool can_screen(MatrixView<const float> queries, MatrixView<const float> items, const float* bias);

void top_k_screened(MatrixView<const float> queries, MatrixView<const float> items, const float* bias,
                    const CsrView<float>* exclude, TopK<float> result, const Execution& run);

}  // namespace eckart
