// Parallel loops over fixed chunks.
//
// The work is cut into chunks by its size alone, never by the number of threads; a chunk writes
// only what is its own, and sums are taken chunk by chunk and added in order. So every result is
// the same, bit for bit, on any number of threads. Threads fetch the next chunk from a counter.
//
// An exception in a chunk is captured, the other chunks are abandoned, and it is thrown again
// after the region. A requested stop ends the loop with Interrupted. With one thread there is no
// OpenMP region at all, which is what makes a forked child safe (libgomp's pool does not survive
// a fork).
#pragma once

#include <algorithm>
#include <atomic>
#include <exception>
#include <utility>
#include <vector>

#include "eckart/base/interrupt.hpp"
#include "eckart/base/subnormal.hpp"
#include "eckart/base/types.hpp"

#ifdef _OPENMP
#include <omp.h>
#endif

namespace eckart {

// Below this many floating-point operations (about 20 us) a parallel region costs more than it saves.
constexpr double kParallelWork = 1e5;

namespace detail {

template <class MakeScratch, class Body>
void run_chunks(Offset n_chunks, std::atomic<Offset>& next, std::atomic<bool>& failed,
                std::exception_ptr& error, bool main_thread, const Execution& run, MakeScratch& make_scratch,
                Body& body) {
  FlushSubnormals guard;
  try {
    auto scratch = make_scratch();
    while (!failed.load(std::memory_order_relaxed)) {
      if (run.stop) {
        if (main_thread) run.stop->poll();
        if (run.stop->requested()) break;
      }
      const Offset chunk = next.fetch_add(1, std::memory_order_relaxed);
      if (chunk >= n_chunks) break;
      body(scratch, chunk);
    }
  } catch (...) {
    // The first to fail stores its exception; the others only see the flag.
    if (!failed.exchange(true)) error = std::current_exception();
  }
}

}  // namespace detail

// body(scratch, chunk) for every chunk in [0, n_chunks), with one scratch a thread from
// make_scratch(). `work` is the estimated number of operations of the whole loop.
template <class MakeScratch, class Body>
void parallel_for(Offset n_chunks, double work, const Execution& run, MakeScratch make_scratch, Body body) {
  if (work < kParallelWork && run.stop) {  // over before it could be stopped
    return parallel_for(n_chunks, work, Execution{1}, make_scratch, body);
  }
  std::atomic<Offset> next{0};
  std::atomic<bool> failed{false};
  std::exception_ptr error;
  [[maybe_unused]] const int threads =
      work < kParallelWork ? 1 : static_cast<int>(std::min<Offset>(run.threads, n_chunks));
#ifdef _OPENMP
  if (threads > 1) {
#pragma omp parallel num_threads(threads)
    detail::run_chunks(n_chunks, next, failed, error, omp_get_thread_num() == 0, run, make_scratch, body);
  } else
#endif
    detail::run_chunks(n_chunks, next, failed, error, true, run, make_scratch, body);
  if (error) std::rethrow_exception(error);
  if (run.stop && run.stop->requested()) throw Interrupted();
}

struct NoScratch {};

// body(begin, end) over [0, n) in chunks of `chunk`.
template <class Body>
void parallel_ranges(Offset n, Offset chunk, double work, const Execution& run, Body body) {
  parallel_for((n + chunk - 1) / chunk, work, run, [] { return NoScratch{}; },
               [&](NoScratch&, Offset c) { body(c * chunk, std::min(n, (c + 1) * chunk)); });
}

// body(begin, end) for one share of [0, n) a thread, the same each time: what a thread reads and writes in one
// call lies in its cache in the next. Only for loops whose entries have nothing to do with each other, so
// that no result depends on where the shares end.
template <class Body>
void parallel_shares(Offset n, double work, const Execution& run, Body body) {
  [[maybe_unused]] const int threads = work < kParallelWork ? 1 : run.threads;
#ifdef _OPENMP
  if (threads > 1) {
#pragma omp parallel num_threads(threads)
    {
      constexpr Offset line = 64;
      FlushSubnormals guard;
      const Offset team = omp_get_num_threads(), share = ((n + team - 1) / team + line - 1) / line * line;
      const Offset begin = std::min(n, omp_get_thread_num() * share);
      body(begin, std::min(n, begin + share));
    }
    return;
  }
#endif
  FlushSubnormals guard;
  body(Offset{0}, n);
}

// Sum of body(begin, end) over the chunks, added in order.
template <class Body>
double parallel_sum(Offset n, Offset chunk, double work, const Execution& run, Body body) {
  std::vector<double> partial((n + chunk - 1) / chunk, 0.0);
  parallel_ranges(n, chunk, work, run,
                  [&](Offset begin, Offset end) { partial[begin / chunk] = body(begin, end); });
  double total = 0;
  for (double p : partial) total += p;
  return total;
}

// Cuts rows into chunks of about `target` stored entries (and at least one row): the bounds of
// chunk c are [result[c], result[c + 1]). Long tails make chunks of equally many rows uneven.
inline std::vector<Offset> balanced_chunks(const Offset* indptr, Offset n_rows, Offset target,
                                           Offset cost_per_row = 16) {
  std::vector<Offset> bounds{0};
  Offset cost = 0;
  for (Offset i = 0; i < n_rows; ++i) {
    cost += indptr[i + 1] - indptr[i] + cost_per_row;
    if (cost >= target) {
      bounds.push_back(i + 1);
      cost = 0;
    }
  }
  if (bounds.back() != n_rows) bounds.push_back(n_rows);
  return bounds;
}

}  // namespace eckart
