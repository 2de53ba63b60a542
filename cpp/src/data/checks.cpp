#include "eckart/data/checks.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <vector>

#include "eckart/base/parallel.hpp"

namespace eckart {
namespace {

constexpr Offset kChunk = 1 << 16;

// First i in [0, n) with bad(i), else -1. Every chunk looks for its own first.
template <class Bad>
Offset first_where(Offset n, double cost, const Execution& run, Bad bad) {
  std::vector<Offset> first((n + kChunk - 1) / kChunk, -1);
  parallel_ranges(n, kChunk, cost * static_cast<double>(n), run, [&](Offset begin, Offset end) {
    for (Offset i = begin; i < end; ++i) {
      if (bad(i)) {
        first[begin / kChunk] = i;
        return;
      }
    }
  });
  for (Offset f : first) {
    if (f >= 0) return f;
  }
  return -1;
}

bool row_is_bad(const Offset* indptr, const Index* indices, Offset row, Offset n_cols, Offset n_stored) {
  const Offset begin = indptr[row], end = indptr[row + 1];
  if (begin < 0 || begin > end || end > n_stored) return true;
  for (Offset p = begin; p < end; ++p) {
    if (indices[p] < 0 || indices[p] >= n_cols) return true;
    if (p > begin && indices[p] < indices[p - 1]) return true;
  }
  return false;
}

}  // namespace

Offset first_out_of_range(const Index* indices, Offset n, Offset bound, const Execution& run) {
  return first_where(n, 1.0, run, [=](Offset i) { return indices[i] < 0 || indices[i] >= bound; });
}

template <class T>
Offset first_not_finite(const T* values, Offset n, const Execution& run) {
  return first_where(n, 1.0, run, [=](Offset i) { return !std::isfinite(values[i]); });
}
template Offset first_not_finite(const float*, Offset, const Execution&);
template Offset first_not_finite(const double*, Offset, const Execution&);

Offset first_bad_row(const Offset* indptr, const Index* indices, Offset n_rows, Offset n_cols,
                     Offset n_stored, const Execution& run) {
  if (indptr[0] != 0 || indptr[n_rows] != n_stored) return 0;
  const double entries_per_row =
      static_cast<double>(n_stored) / static_cast<double>(std::max<Offset>(n_rows, 1));
  return first_where(n_rows, 1.0 + entries_per_row, run,
                     [=](Offset i) { return row_is_bad(indptr, indices, i, n_cols, n_stored); });
}

Offset first_not_rising(const std::uint8_t* bytes, const Offset* offsets, Offset n, const Execution& run) {
  return first_where(n, 10.0, run, [=](Offset i) {
    if (i == 0) return false;
    const Offset a = offsets[i - 1], b = offsets[i], end = offsets[i + 1];
    const Offset shared = std::min(b - a, end - b);
    const int order = shared == 0 ? 0 : std::memcmp(bytes + a, bytes + b, static_cast<std::size_t>(shared));
    return order > 0 || (order == 0 && b - a >= end - b);
  });
}

template <class I>
bool is_permutation(const I* places, Offset n, const Execution& run) {
  // Plain stores as far as the processor is concerned; two threads may well mark the same place.
  std::vector<std::atomic<std::uint8_t>> seen(static_cast<std::size_t>(n));
  const Offset outside = first_where(n, 4.0, run, [&](Offset i) {
    const auto place = static_cast<Offset>(places[i]);
    if (place < 0 || place >= n) return true;
    seen[place].store(1, std::memory_order_relaxed);
    return false;
  });
  if (outside >= 0) return false;
  // n places that leave no number of [0, n) out hold each of them once.
  return first_where(n, 1.0, run, [&](Offset i) { return !seen[i].load(std::memory_order_relaxed); }) < 0;
}
template bool is_permutation(const Index*, Offset, const Execution&);
template bool is_permutation(const Offset*, Offset, const Execution&);

}  // namespace eckart
