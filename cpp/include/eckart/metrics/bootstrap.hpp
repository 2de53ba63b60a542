// The bootstrap of weighted means: Efron, "Bootstrap methods: another look at the jackknife"
// (Annals of Statistics 1979).
#pragma once

#include <cstdint>

#include "eckart/base/interrupt.hpp"
#include "eckart/base/types.hpp"

namespace eckart {

// means[b, :] = sum_j w_j x[j, :] / sum_j w_j over n draws j with replacement, from stream (seed, b).
// All columns share the draws: drawing costs more than adding.
// x: (n, m), n >= 1.  w: (n), positive, or null for weights of 1.  means: (n_resamples, m).
// Cost: n * n_resamples draws of m numbers; no memory but the result.
void bootstrap_means(MatrixView<const double> x, const double* w, std::uint64_t seed,
                     MatrixView<double> means, const Execution& run);

}  // namespace eckart
