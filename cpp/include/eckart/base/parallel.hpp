// Parallel loops over fixed chunks.
//
// The work is cut into chunks by its size alone, never by the number of threads; a chunk writes
// only what is its own, and sums are taken chunk by chunk and added in order. So every result is
// the same, bit for bit, on any number of threads. Each thread begins with a share of its own, the same part
// of the data in every loop over it, and then helps the others.
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

// Hands out chunks: a thread first gets those of its own share, in order, then what is left of the others'.
// So it finds in its cache what it wrote in the loop before.
class Shares {
 public:
  Shares(Offset n, int threads) : n_(n), threads_(threads), next_(static_cast<std::size_t>(threads)) {
    for (int t = 0; t < threads; ++t) next_[t].value = begin(t);
  }
  // The next chunk for a thread, or -1.
  Offset take(int thread) {
    for (int k = 0; k < threads_; ++k) {
      const int t = (thread + k) % threads_;
      if (next_[t].value.load(std::memory_order_relaxed) >= begin(t + 1)) continue;
      const Offset chunk = next_[t].value.fetch_add(1, std::memory_order_relaxed);
      if (chunk < begin(t + 1)) return chunk;
    }
    return -1;
  }

 private:
  struct alignas(64) Counter {
    std::atomic<Offset> value{0};
  };
  Offset begin(int t) const { return n_ * t / threads_; }
  Offset n_;
  int threads_;
  std::vector<Counter> next_;
};

// take(): the next chunk, or -1.
template <class Take, class MakeScratch, class Body>
void run_chunks(Take take, bool main_thread, std::atomic<bool>& failed, std::exception_ptr& error,
                const Execution& run, MakeScratch& make_scratch, Body& body) {
  FlushSubnormals guard;
  try {
    auto scratch = make_scratch();
    while (!failed.load(std::memory_order_relaxed)) {
      if (run.stop) {
        if (main_thread) run.stop->poll();
        if (run.stop->requested()) break;
      }
      const Offset chunk = take();
      if (chunk < 0) break;
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
  std::atomic<bool> failed{false};
  std::exception_ptr error;
  [[maybe_unused]] const int threads =
      work < kParallelWork ? 1 : static_cast<int>(std::min<Offset>(run.threads, n_chunks));
#ifdef _OPENMP
  if (threads > 1) {
    detail::Shares shares(n_chunks, threads);
#pragma omp parallel num_threads(threads)
    {
      const int thread = omp_get_thread_num();
      detail::run_chunks([&] { return shares.take(thread); }, thread == 0, failed, error, run, make_scratch,
                         body);
    }
  } else
#endif
  {
    Offset next = 0;
    detail::run_chunks([&] { return next < n_chunks ? next++ : Offset{-1}; }, true, failed, error, run,
                       make_scratch, body);
  }
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
