// The two halves of an exact ALS row: the Gram matrix of its packed rows, and the Cholesky solve.
// Only useful operations are counted: the lower triangle, no padding.
#include <cmath>
#include <vector>

#include "../common.hpp"
#include "eckart/base/random.hpp"
#include "eckart/linalg/batched_cholesky.hpp"

namespace eckart::bench {
namespace {

template <class T>
std::vector<T> random_rows(Offset n, Offset rank) {
  std::vector<T> x(n * rank);
  RandomStream stream(1, 0);
  for (T& value : x) value = static_cast<T>(stream.normal());
  return x;
}

template <class T>
void add_rows(const std::vector<T>& x, Offset rank, NormalEquations<T>& system) {
  for (std::size_t i = 0; i < x.size(); i += rank) {
    if (system.full()) system.flush();
    copy_row(x.data() + i, rank, system.next_row(T(1)));
  }
  system.flush();
}

// `rank` rows of 256 ratings each time; the rows of X come from the cache.
template <class T>
void gram(benchmark::State& state) {
  const Offset rank = state.range(0), n = 256;
  const std::vector<T> x = random_rows<T>(n, rank);
  NormalEquations<T> system(rank);
  for (auto _ : state) {
    system.reset();
    add_rows(x, rank, system);
    benchmark::ClobberMemory();
  }
  double expected = 0;
  for (Offset i = 0; i < n; ++i) expected += static_cast<double>(x[i * rank]) * x[i * rank];
  if (std::abs(system.gram()[0] - expected) > 1e-4 * expected) state.SkipWithError("wrong sum");
  report_flops(state, n * (rank * (rank + 1.0) + 3.0 * rank));
}

// As many systems as the register has lanes.
template <class T>
void cholesky(benchmark::State& state) {
  const Offset rank = state.range(0);
  constexpr Offset lanes = BatchedCholesky<T>::lanes;
  std::vector<NormalEquations<T>> systems;
  for (Offset l = 0; l < lanes; ++l) {
    systems.emplace_back(rank);
    systems[l].reset();
    add_rows(random_rows<T>(2 * rank, rank), rank, systems[l]);
  }
  const std::vector<T> ridge(lanes, T(1));
  BatchedCholesky<T> solver(rank, true);
  for (auto _ : state) {
    if (solver.solve(systems.data(), ridge.data()) != 0) state.SkipWithError("singular");
    benchmark::ClobberMemory();
  }
  const double d = rank + 1.0;
  report_flops(state, lanes * (d * d * d / 3 + 2 * d * d));
}

BENCHMARK(gram<float>)
    ->Name("linalg/gram/float32")
    ->ArgName("rank")
    ->Arg(16)
    ->Arg(32)
    ->Arg(64)
    ->Arg(128)
    ->Arg(256);
BENCHMARK(gram<double>)->Name("linalg/gram/float64")->ArgName("rank")->Arg(32)->Arg(64)->Arg(128);
BENCHMARK(cholesky<float>)
    ->Name("linalg/cholesky/float32")
    ->ArgName("rank")
    ->Arg(16)
    ->Arg(32)
    ->Arg(64)
    ->Arg(128);
BENCHMARK(cholesky<double>)->Name("linalg/cholesky/float64")->ArgName("rank")->Arg(32)->Arg(64);

}  // namespace
}  // namespace eckart::bench
