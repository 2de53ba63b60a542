// What the benchmarks share: how many threads, and rates a reader can compare with the ceiling.
#pragma once

#include <benchmark/benchmark.h>

#include <string>

#include "eckart/base/types.hpp"

#ifdef _OPENMP
#include <omp.h>
#endif

namespace eckart::bench {

inline int max_threads() {
#ifdef _OPENMP
  return omp_get_max_threads();
#else
  return 1;
#endif
}

// Floating-point operations a second, over all iterations; compare with ceiling/fma of as many threads.
inline void report_flops(benchmark::State& state, double flops_per_iteration) {
  state.counters["flop/s"] = benchmark::Counter(flops_per_iteration * static_cast<double>(state.iterations()),
                                                benchmark::Counter::kIsRate);
}

// Bytes a second that the algorithm must move; compare with ceiling/read or ceiling/triad.
inline void report_bytes(benchmark::State& state, double bytes_per_iteration) {
  state.counters["bytes/s"] =
      benchmark::Counter(bytes_per_iteration * static_cast<double>(state.iterations()),
                         benchmark::Counter::kIsRate, benchmark::Counter::kIs1024);
}

// Runs a benchmark with the argument `threads` on one thread and on all, timed by the wall clock.
inline void one_and_all_threads(benchmark::internal::Benchmark* b) {
  b->ArgName("threads")->UseRealTime()->Arg(1);
  if (max_threads() > 1) b->Arg(max_threads());
}

}  // namespace eckart::bench
