// The two halves of an exact ALS row: the Gram matrix of its packed rows, and the Cholesky solve.
// Only useful operations are counted: the lower triangle, no padding.
#include <cmath>
#include <numeric>
#include <vector>

#include "../common.hpp"
#include "eckart/base/amx.hpp"
#include "eckart/base/random.hpp"
#include "eckart/linalg/batched_cholesky.hpp"
#include "eckart/linalg/bf16_gram.hpp"
#include "eckart/linalg/gram.hpp"

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
void form(const std::vector<T>& x, Offset rank, GramAccumulator<T>& accumulator, NormalSystem<T>& system) {
  accumulator.start(system);
  for (std::size_t i = 0; i < x.size(); i += rank) {
    if (accumulator.full()) accumulator.flush();
    copy_row(x.data() + i, rank, accumulator.next_row(T(1)));
  }
  accumulator.flush();
}

double expected_corner(const std::vector<float>& x, Offset rank) {
  double total = 0;
  for (std::size_t i = 0; i < x.size(); i += rank) total += static_cast<double>(x[i]) * x[i];
  return total;
}

// `rank` rows of 256 ratings each time; the rows of X come from the cache.
template <class T>
void gram(benchmark::State& state) {
  const Offset rank = state.range(0), n = 256;
  const std::vector<T> x = random_rows<T>(n, rank);
  NormalSystem<T> system(rank);
  GramAccumulator<T> accumulator(rank);
  for (auto _ : state) {
    form(x, rank, accumulator, system);
    benchmark::ClobberMemory();
  }
  const double expected = expected_corner({x.begin(), x.end()}, rank);
  if (std::abs(system.gram()[0] - expected) > 1e-4 * expected) state.SkipWithError("wrong sum");
  report_flops(state, n * (rank * (rank + 1.0) + 3.0 * rank));
}

// The same on the matrix unit, from rounded rows.
void gram_amx(benchmark::State& state) {
  if (!amx_available()) return state.SkipWithError("no AMX here");
  const Offset rank = state.range(0), n = state.range(1);
  const std::vector<float> x = random_rows<float>(n, rank), targets(n, 1.0f);
  std::vector<Index> indices(n);
  std::iota(indices.begin(), indices.end(), 0);
  NormalSystem<float> system(rank);
  const Bf16Rows rounded({x.data(), n, rank}, Execution{});
  const AmxTiles tiles;
  Bf16GramAccumulator accumulator(rounded);
  for (auto _ : state) {
    accumulator.form(indices.data(), targets.data(), n, system);
    benchmark::ClobberMemory();
  }
  const double expected = expected_corner(x, rank);
  if (std::abs(system.gram()[0] - expected) > 1e-2 * expected) state.SkipWithError("wrong sum");
  report_flops(state, n * (rank * (rank + 1.0) + 3.0 * rank));
}

// As many systems as the register has lanes.
template <class T>
void cholesky(benchmark::State& state) {
  const Offset rank = state.range(0);
  constexpr Offset lanes = BatchedCholesky<T>::lanes;
  std::vector<NormalSystem<T>> systems;
  for (Offset l = 0; l < lanes; ++l) systems.emplace_back(rank);
  const NormalSystem<T>* pointers[lanes];
  GramAccumulator<T> accumulator(rank);
  for (Offset l = 0; l < lanes; ++l) {
    form(random_rows<T>(2 * rank, rank), rank, accumulator, systems[l]);
    pointers[l] = &systems[l];
  }
  const std::vector<T> ridge(lanes, T(1));
  BatchedCholesky<T> solver(rank, true);
  for (auto _ : state) {
    if (solver.solve(pointers, ridge.data()) != 0) state.SkipWithError("singular");
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
BENCHMARK(gram_amx)
    ->Name("linalg/gram/bf16_amx")
    ->ArgNames({"rank", "ratings"})
    ->Args({32, 256})
    ->Args({64, 24})
    ->Args({64, 144})
    ->Args({64, 256})
    ->Args({128, 256})
    ->Args({256, 256});
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
