#include "eckart/data/compress.hpp"

#include <algorithm>
#include <cassert>
#include <tuple>
#include <utility>
#include <vector>

#include "eckart/base/parallel.hpp"

namespace eckart {
namespace {

constexpr double kOperationsPerEntry = 20.0;

// Fills indptr and order: the entries of each row, in the order in which they came. Every chunk of
// entries counts its rows; sums over chunks give each chunk its own first place in every row.
template <class T>
void sort_by_row(const Triples<T>& in, Offset n_rows, const Compressed<T>& out, const Execution& run) {
  // At most 16 tables of counts, and no more of them than the entries pay for.
  const Offset n_chunks = std::clamp<Offset>(in.n / std::max<Offset>(n_rows, 1 << 14), 1, 16);
  const Offset chunk = std::max<Offset>(1, (in.n + n_chunks - 1) / n_chunks);
  const double work = kOperationsPerEntry * static_cast<double>(in.n);
  std::vector<Offset> places(static_cast<std::size_t>(n_chunks * n_rows), 0);

  parallel_ranges(in.n, chunk, work, run, [&](Offset begin, Offset end) {
    Offset* count = places.data() + begin / chunk * n_rows;
    for (Offset e = begin; e < end; ++e) {
      assert(in.rows[e] >= 0 && in.rows[e] < n_rows);
      ++count[in.rows[e]];
    }
  });
  Offset total = 0;
  for (Offset row = 0; row < n_rows; ++row) {
    out.indptr[row] = total;
    for (Offset c = 0; c < n_chunks; ++c) total += std::exchange(places[c * n_rows + row], total);
  }
  out.indptr[n_rows] = total;
  parallel_ranges(in.n, chunk, work, run, [&](Offset begin, Offset end) {
    Offset* place = places.data() + begin / chunk * n_rows;
    for (Offset e = begin; e < end; ++e) out.order[place[in.rows[e]]++] = e;
  });
}

using ColumnAndEntry = std::pair<Index, Offset>;

// Sorts the entries [begin, end) of one row by column and returns the number of repeated columns.
template <class T>
Offset finish_row(const Triples<T>& in, Offset begin, Offset end, const Compressed<T>& out,
                  std::vector<ColumnAndEntry>& scratch) {
  bool sorted = true;
  for (Offset p = begin; p < end; ++p) {
    out.indices[p] = in.cols[out.order[p]];
    if (p > begin && out.indices[p] < out.indices[p - 1]) sorted = false;
  }
  if (!sorted) {
    scratch.clear();
    for (Offset p = begin; p < end; ++p) scratch.emplace_back(out.indices[p], out.order[p]);
    std::sort(scratch.begin(), scratch.end());
    for (Offset p = begin; p < end; ++p) std::tie(out.indices[p], out.order[p]) = scratch[p - begin];
  }
  if (in.values) {
    for (Offset p = begin; p < end; ++p) out.values[p] = in.values[out.order[p]];
  }
  Offset repeated = 0;
  for (Offset p = begin + 1; p < end; ++p) repeated += out.indices[p] == out.indices[p - 1];
  return repeated;
}

}  // namespace

template <class T>
Offset compress(const Triples<T>& in, Offset n_rows, const Compressed<T>& out, const Execution& run) {
  sort_by_row(in, n_rows, out, run);
  const auto bounds = balanced_chunks(out.indptr, n_rows, 1 << 15);
  const Offset n_chunks = static_cast<Offset>(bounds.size()) - 1;
  std::vector<Offset> repeated(static_cast<std::size_t>(n_chunks), 0);
  parallel_for(
      n_chunks, kOperationsPerEntry * static_cast<double>(in.n), run,
      [] { return std::vector<ColumnAndEntry>(); },
      [&](std::vector<ColumnAndEntry>& scratch, Offset c) {
        for (Offset row = bounds[c]; row < bounds[c + 1]; ++row) {
          repeated[c] += finish_row(in, out.indptr[row], out.indptr[row + 1], out, scratch);
        }
      });
  Offset total = 0;
  for (Offset r : repeated) total += r;
  return total;
}

template Offset compress(const Triples<float>&, Offset, const Compressed<float>&, const Execution&);
template Offset compress(const Triples<double>&, Offset, const Compressed<double>&, const Execution&);

}  // namespace eckart
