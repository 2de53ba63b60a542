// What the solvers of an ALS half share: chunks of rows, and gathered ratings.
#pragma once

#include <algorithm>
#include <vector>

#include "eckart/base/parallel.hpp"
#include "eckart/base/simd.hpp"
#include "eckart/completion/als.hpp"

namespace eckart::als {

constexpr Offset kChunkEntries = 16384;  // most stored entries a chunk: fine enough to share evenly
constexpr Offset kChunkWork = 1 << 30;   // operations a chunk: a request to stop is heard between two
constexpr Offset kRowGroup = 16;         // rows: a multiple of every register width
constexpr Offset kRowCost = 64;          // a solve counts as this many ratings, or as rank / 3
constexpr Offset kAhead = 8;             // rows to fetch early: the factors of random ids are rarely in cache

inline Offset row_of(RowSubset subset, Offset i) { return subset.rows ? subset.rows[i] : i; }

// Sum of body(scratch, begin, end) over ranges of the rows to solve, of about equal work, added in
// order. Ranges start at multiples of kRowGroup, so that batches of rows are full.
template <class T, class MakeScratch, class Body>
double for_chunks(const AlsHalf<T>& half, RowSubset subset, double work, const Execution& run,
                  MakeScratch make_scratch, Body body) {
  const CsrView<T>& r = half.ratings;
  const Offset n_rows = subset.rows ? subset.size : r.n_rows;
  std::vector<Offset> groups{0};  // entries before each group of rows
  for (Offset i = 0; i < n_rows; i += kRowGroup) {
    Offset entries = 0;
    for (Offset k = i; k < std::min(n_rows, i + kRowGroup); ++k) {
      entries += r.row_size(row_of(subset, k));
    }
    groups.push_back(groups.back() + entries);
  }
  const Offset n_groups = static_cast<Offset>(groups.size()) - 1;
  const Offset rank = std::max<Offset>(1, half.fixed.cols);  // rank^2 operations a rating, rank^3 / 3 a solve
  const Offset entries_per_chunk = std::clamp<Offset>(kChunkWork / (rank * rank), 1, kChunkEntries);
  const std::vector<Offset> bounds =
      balanced_chunks(groups.data(), n_groups, entries_per_chunk, kRowGroup * std::max(kRowCost, rank / 3));
  std::vector<double> partial(bounds.size() - 1, 0.0);
  parallel_for(static_cast<Offset>(partial.size()), work, run, make_scratch, [&](auto& scratch, Offset c) {
    partial[c] = body(scratch, bounds[c] * kRowGroup, std::min(n_rows, bounds[c + 1] * kRowGroup));
  });
  double total = 0;
  for (double p : partial) total += p;
  return total;
}

// t_j = r_j - mu - b_j of the j-th rating of a row.
template <class T>
T target(const AlsHalf<T>& half, const CsrRow<T>& row, Offset j) {
  const T value = row.values ? row.values[j] : T(1);
  return value - half.mean - (half.fixed_bias ? half.fixed_bias[row.indices[j]] : T(0));
}

// The weights of a row's ratings, null where all are one.
template <class T>
const T* weights_of(const AlsHalf<T>& half, const CsrRow<T>& row) {
  return half.weights ? half.weights + (row.indices - half.ratings.indices) : nullptr;
}

// Whether a row is to be solved. Without ratings it is zero, unless unobserved pairs with biases count.
template <class T>
bool is_solved(const AlsHalf<T>& half, Offset row) {
  return half.ratings.row_size(row) > 0 || (half.unobserved > T(0) && half.fixed_bias);
}

// How many ratings are stored behind the first `end` of a row: mostly those of the next row.
template <class T>
Offset stored_behind(const AlsHalf<T>& half, const CsrRow<T>& row, Offset end) {
  return half.ratings.indices + half.ratings.n_stored() - (row.indices + end);
}

template <class T>
void store(const AlsSide<T>& side, Offset row, const T* x) {
  std::copy_n(x, side.factors.cols, side.factors.row(row));
  if (side.bias) side.bias[row] = x[side.factors.cols];
}

template <class T>
void store_zero(const AlsSide<T>& side, Offset row) {
  std::fill_n(side.factors.row(row), side.factors.cols, T(0));
  if (side.bias) side.bias[row] = T(0);
}

// Calls use(j, row of the fixed side) for the ratings j in [begin, end) of a row, fetching ahead.
template <class T, class Use>
void gather(const AlsHalf<T>& half, const CsrRow<T>& row, Offset begin, Offset end, Use use) {
  for (Offset j = begin; j < end; ++j) {
    if (j + kAhead < end) prefetch(half.fixed.row(row.indices[j + kAhead]), half.fixed.cols);
    use(j, half.fixed.row(row.indices[j]));
  }
}

}  // namespace eckart::als
