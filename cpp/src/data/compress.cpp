#include "eckart/data/compress.hpp"

#include <algorithm>
#include <atomic>
#include <numeric>
#include <utility>
#include <vector>

#include "eckart/base/parallel.hpp"

namespace eckart {
namespace {

constexpr double kOperationsPerEntry = 10.0;
constexpr Offset kChunk = 1 << 16;

// Entries cut into parts of consecutive ones, each of which knows its own first place in every row of
// the result. Tables of counts are paid for by entries, so there are few of them.
struct Parts {
  Offset count, size;
  Parts(Offset n, Offset n_keys)
      : count(std::clamp<Offset>(n / std::max<Offset>(n_keys, 1 << 14), 1, 16)),
        size(std::max<Offset>(1, (n + count - 1) / count)) {}
};

// The stable counting sort of n entries. for_each(begin, end, f) calls f(key, other, value's place) for
// the entries [begin, end) in order; `out` has a row a key, whose indices are the others.
template <class T, class ForEach>
void sort_by_key(Offset n, Offset n_keys, const T* values, const Compressed<T>& out, const Execution& run,
                 ForEach for_each) {
  const Parts parts(n, n_keys);
  const double work = kOperationsPerEntry * static_cast<double>(n);
  std::vector<Offset> places(static_cast<std::size_t>(parts.count * n_keys), 0);
  const auto table = [&](Offset begin) { return places.data() + begin / parts.size * n_keys; };

  parallel_ranges(n, parts.size, work, run, [&](Offset begin, Offset end) {
    Offset* counts = table(begin);
    for_each(begin, end, [counts](Index key, Index, Offset) { ++counts[key]; });
  });
  Offset total = 0;
  for (Offset key = 0; key < n_keys; ++key) {
    out.indptr[key] = total;
    for (Offset c = 0; c < parts.count; ++c) total += std::exchange(places[c * n_keys + key], total);
  }
  out.indptr[n_keys] = total;
  parallel_ranges(n, parts.size, work, run, [&](Offset begin, Offset end) {
    Offset* next = table(begin);
    for_each(begin, end, [&out, next, values](Index key, Index other, Offset p) {
      const Offset q = next[key]++;
      out.indices[q] = other;
      if (values) out.values[q] = values[p];
    });
  });
}

}  // namespace

bool row_pointers(const Index* rows, const Index* cols, Offset n, Offset n_rows, Offset* indptr,
                  const Execution& run) {
  std::atomic<bool> in_order{true};
  parallel_ranges(n, kChunk, 2.0 * static_cast<double>(n), run, [&](Offset begin, Offset end) {
    if (!in_order.load(std::memory_order_relaxed)) return;
    bool good = true;
    for (Offset p = std::max<Offset>(begin, 1); p < end; ++p) {
      good &= rows[p] > rows[p - 1] || (rows[p] == rows[p - 1] && cols[p] >= cols[p - 1]);
    }
    if (!good) in_order.store(false, std::memory_order_relaxed);
  });
  if (!in_order) return false;
  parallel_ranges(n_rows + 1, kChunk, static_cast<double>(n_rows), run, [&](Offset begin, Offset end) {
    const Index* place = rows;
    for (Offset row = begin; row < end; ++row) {
      place = std::lower_bound(place, rows + n, static_cast<Index>(row));
      indptr[row] = place - rows;
    }
  });
  return true;
}

template <class T>
void compress(const Triples<T>& in, const Compressed<T>& by_col, Offset n_cols, const Compressed<T>& out,
              Offset n_rows, const Execution& run) {
  sort_by_key(in.n, n_cols, in.values, by_col, run, [&in](Offset begin, Offset end, auto f) {
    for (Offset p = begin; p < end; ++p) f(in.cols[p], in.rows[p], p);
  });
  transpose(CsrView<T>{n_cols, n_rows, by_col.indptr, by_col.indices, by_col.values}, out, run);
}

template <class T>
void transpose(const CsrView<T>& in, const Compressed<T>& out, const Execution& run) {
  sort_by_key(in.n_stored(), in.n_cols, in.values, out, run, [&in](Offset begin, Offset end, auto f) {
    Offset row = std::upper_bound(in.indptr, in.indptr + in.n_rows + 1, begin) - in.indptr - 1;
    for (Offset p = begin; p < end; ++row) {
      for (const Offset row_end = std::min(end, in.indptr[row + 1]); p < row_end; ++p) {
        f(in.indices[p], static_cast<Index>(row), p);
      }
    }
  });
}

Offset count_repeated(const Offset* indptr, const Index* indices, Offset n_rows, const Execution& run) {
  const auto bounds = balanced_chunks(indptr, n_rows, kChunk);
  const Offset n_chunks = static_cast<Offset>(bounds.size()) - 1;
  std::vector<Offset> repeated(static_cast<std::size_t>(n_chunks), 0);
  parallel_ranges(n_chunks, 1, static_cast<double>(indptr[n_rows]), run, [&](Offset c, Offset) {
    for (Offset row = bounds[c]; row < bounds[c + 1]; ++row) {
      for (Offset p = indptr[row] + 1; p < indptr[row + 1]; ++p) {
        repeated[c] += indices[p] == indices[p - 1];
      }
    }
  });
  return std::accumulate(repeated.begin(), repeated.end(), Offset{0});
}

#define ECKART_INSTANTIATE(T)                                                                           \
  template void compress(const Triples<T>&, const Compressed<T>&, Offset, const Compressed<T>&, Offset, \
                         const Execution&);                                                             \
  template void transpose(const CsrView<T>&, const Compressed<T>&, const Execution&);
ECKART_INSTANTIATE(float)
ECKART_INSTANTIATE(double)
ECKART_INSTANTIATE(Index)
ECKART_INSTANTIATE(Offset)

}  // namespace eckart
