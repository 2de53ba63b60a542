// What this machine can do, measured: multiply-adds in registers, and memory streams. A kernel's
// share of these is how far it is from the best that the machine allows.
#include <Eigen/Core>
#include <vector>

#include "common.hpp"
#include "eckart/base/parallel.hpp"

namespace eckart::bench {
namespace {

constexpr Offset kStream = Offset{1} << 27;  // elements of a stream: 512 MiB of floats, past any cache
constexpr Offset kChunk = Offset{1} << 16;
constexpr int kChains = 12;  // independent sums: latency (4) times units (2), and some to spare

// 2 kChains rounds operations for each lane of a register (Eigen's packet of the instruction set).
template <class T>
T multiply_adds(Offset rounds) {
  using namespace Eigen::internal;
  using Packet = typename packet_traits<T>::type;
  const Packet factor = pset1<Packet>(T(0.999)), term = pset1<Packet>(T(0.001));
  Packet sum[kChains];
  for (int c = 0; c < kChains; ++c) sum[c] = pset1<Packet>(T(c));
  for (Offset r = 0; r < rounds; ++r) {
#pragma GCC unroll 12
    for (int c = 0; c < kChains; ++c) sum[c] = pmadd(sum[c], factor, term);
  }
  for (int c = 1; c < kChains; ++c) sum[0] = padd(sum[0], sum[c]);
  return predux(sum[0]);
}

template <class T>
void ceiling_fma(benchmark::State& state) {
  constexpr Offset kTasks = 64, kRounds = 20000;
  const Execution run{static_cast<int>(state.range(0)), nullptr};
  for (auto _ : state) {
    parallel_ranges(kTasks, 1, 1e12, run, [](Offset, Offset) {
      T result = multiply_adds<T>(kRounds);
      benchmark::DoNotOptimize(result);
    });
  }
  constexpr int lanes = Eigen::internal::packet_traits<T>::size;
  report_flops(state, 2.0 * lanes * kChains * kRounds * kTasks);
}

// The sum of a long vector: what every kernel that only reads is bounded by.
template <class T>
void ceiling_read(benchmark::State& state) {
  const std::vector<T> x(kStream, T(1));
  const Execution run{static_cast<int>(state.range(0)), nullptr};
  double total = 0;
  for (auto _ : state) {
    total = parallel_sum(kStream, kChunk, 1e12, run, [&](Offset begin, Offset end) {
      return static_cast<double>(
          Eigen::Map<const Eigen::Array<T, Eigen::Dynamic, 1>>(x.data() + begin, end - begin).sum());
    });
  }
  if (total != static_cast<double>(kStream)) state.SkipWithError("wrong sum");
  report_bytes(state, sizeof(T) * static_cast<double>(kStream));
}

// z = x + a y (McCalpin's STREAM triad): two streams in, one out.
template <class T>
void ceiling_triad(benchmark::State& state) {
  using Vector = Eigen::Array<T, Eigen::Dynamic, 1>;
  const Vector x = Vector::Constant(kStream, T(1)), y = Vector::Constant(kStream, T(2));
  Vector z = Vector::Zero(kStream);
  const Execution run{static_cast<int>(state.range(0)), nullptr};
  for (auto _ : state) {
    parallel_ranges(kStream, kChunk, 1e12, run, [&](Offset begin, Offset end) {
      z.segment(begin, end - begin) = x.segment(begin, end - begin) + T(3) * y.segment(begin, end - begin);
    });
    benchmark::ClobberMemory();
  }
  if ((z != T(7)).any()) state.SkipWithError("wrong sum of streams");
  report_bytes(state, 3 * sizeof(T) * static_cast<double>(kStream));
}

BENCHMARK(ceiling_fma<float>)->Name("ceiling/fma/float32")->Apply(one_and_all_threads);
BENCHMARK(ceiling_fma<double>)->Name("ceiling/fma/float64")->Apply(one_and_all_threads);
BENCHMARK(ceiling_read<float>)->Name("ceiling/read/float32")->Apply(one_and_all_threads);
BENCHMARK(ceiling_triad<float>)->Name("ceiling/triad/float32")->Apply(one_and_all_threads);

}  // namespace
}  // namespace eckart::bench
