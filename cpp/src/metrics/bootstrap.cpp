#include "eckart/metrics/bootstrap.hpp"

#include "eckart/base/parallel.hpp"
#include "eckart/base/random.hpp"

namespace eckart {

void bootstrap_means(MatrixView<const double> x, const double* w, std::uint64_t seed,
                     MatrixView<double> means, const Execution& run) {
  assert(x.rows >= 1 && x.rows <= INT32_MAX && means.cols == x.cols);
  const double work = 10.0 * x.rows * means.rows * (1 + x.cols);
  parallel_ranges(means.rows, 1, work, run, [&](Offset b, Offset) {
    RandomStream stream(seed, static_cast<std::uint64_t>(b));
    double* const mean = means.row(b);
    for (Offset c = 0; c < x.cols; ++c) mean[c] = 0;
    double total_weight = 0;
    for (Offset draw = 0; draw < x.rows; ++draw) {
      const Offset j = stream.below(static_cast<std::uint32_t>(x.rows));
      const double weight = w ? w[j] : 1.0;
      const double* const row = x.row(j);
      for (Offset c = 0; c < x.cols; ++c) mean[c] += weight * row[c];
      total_weight += weight;
    }
    for (Offset c = 0; c < x.cols; ++c) mean[c] /= total_weight;
  });
}

}  // namespace eckart
