// Ratings with a known answer: r_ui = mean + b_u + b_i + u·v + noise·ε, on pairs whose activity and
// popularity have the long tails of real data.
//
// The same seed gives the same bits on every machine, instruction set and number of threads: one
// random stream a row, and of floating point only + − × ÷ and the square root in double, which IEEE 754
// fixes (the logarithm of the normal numbers is our own; no libm, no BLAS, no fused multiply-add).
#pragma once

#include <cstdint>

#include "eckart/base/interrupt.hpp"
#include "eckart/base/types.hpp"

namespace eckart {

struct SyntheticSpec {
  Offset users = 0, items = 0, n = 0;  // n <= users * items
  Offset rank = 0;
  double mean = 0, noise = 0;
  double step = 0;  // > 0: round to its multiples and clip to [step, highest]
  double highest = 0;
  std::uint64_t seed = 0;
};

struct SyntheticRatings {  // rows by user, then by item
  Index* user_index;       // (n)
  Index* item_index;       // (n)
  float* values;           // (n)
  double* user_factors;    // (users, rank)
  double* item_factors;    // (items, rank)
  double* user_biases;     // (users)
  double* item_biases;     // (items)
};

// Activity: the user of rank r has ratings in proportion to 1 / (r + 1 + users/400) (Mandelbrot's law),
// at least one each if n >= users. Popularity: items are drawn without replacement with weights
// (1 / (r + max(1, n/users)))²; every item is rated if n >= items.
// Cost: about n (log of a row + rank) operations, and `items` for each of the few most active users.
void make_ratings(const SyntheticSpec& spec, const SyntheticRatings& out, const Execution& run);

}  // namespace eckart
