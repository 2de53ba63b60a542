// Random normals: how factor matrices begin.
#include "eckart/base/fill.hpp"

#include <vector>

#include "../common.hpp"

namespace eckart::bench {
namespace {

constexpr Offset kRows = 4000, kCols = 64;

template <class T>
void fill_normal(benchmark::State& state) {
  std::vector<T> once(kRows * kCols), again(kRows * kCols);
  eckart::fill_normal(MatrixView<T>{once.data(), kRows, kCols}, 1, 0, T(1), Execution{});
  const Execution run{static_cast<int>(state.range(0)), nullptr};
  for (auto _ : state) {
    eckart::fill_normal(MatrixView<T>{again.data(), kRows, kCols}, 1, 0, T(1), run);
    benchmark::ClobberMemory();
  }
  if (again != once) state.SkipWithError("another answer than on one thread");
  state.SetItemsProcessed(state.iterations() * kRows * kCols);
}

BENCHMARK(fill_normal<float>)->Name("base/fill_normal/float32")->Apply(one_and_all_threads);
BENCHMARK(fill_normal<double>)->Name("base/fill_normal/float64")->Apply(one_and_all_threads);

}  // namespace
}  // namespace eckart::bench
