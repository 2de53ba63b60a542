// What the solvers of an ALS half share: chunks of rows, gathered ratings, normal equations of a row.
#pragma once

#include <algorithm>
#include <vector>

#include "eckart/base/parallel.hpp"
#include "eckart/base/simd.hpp"
#include "eckart/completion/als.hpp"
#include "eckart/linalg/gram.hpp"

namespace eckart::als {

constexpr Offset kChunkEntries = 16384;  // most stored entries a chunk: fine enough to share evenly
constexpr Offset kChunkWork = 1 << 30;   // operations a chunk: a request to stop is heard between two
constexpr Offset kRowGroup = 16;         // rows: a multiple of every register width
constexpr Offset kRowCost = 64;          // a solve counts as this many ratings, or as rank / 3
constexpr Offset kAhead = 8;             // rows to fetch early: the factors of random ids are rarely in cache

constexpr Offset kHeavyRow = 32768;  // a row with more ratings is formed by all threads together,
constexpr Offset kSegment = 8192;    // in segments of this many

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
  return row.values[j] - half.mean - (half.fixed_bias ? half.fixed_bias[row.indices[j]] : T(0));
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

// The squared residuals of a row, summed in double.
template <class T>
double row_error(const AlsHalf<T>& half, Offset i, const T* factors, T bias) {
  const CsrRow<T> row = half.ratings.row(i);
  double total = 0;
  gather(half, row, 0, row.size, [&](Offset j, const T* x) {
    const double residual = target(half, row, j) - (dot(factors, x, half.fixed.cols) + bias);
    total += residual * residual;
  });
  return total;
}

template <class T>
double row_error(const AlsHalf<T>& half, Offset i, const AlsSide<T>& side) {
  return row_error(half, i, side.factors.row(i), side.bias ? side.bias[i] : T(0));
}

// The normal equations of single rows. Those with very many ratings would keep one thread busy when
// the others have ended, so they are formed beforehand by all threads, in segments added in order.
template <class T>
class RowSystems {
 public:
  RowSystems(const AlsHalf<T>& half, RowSubset subset, const Execution& run) : half_(half) {
    const Offset n = subset.rows ? subset.size : half.ratings.n_rows;
    for (Offset i = 0; i < n; ++i) {
      const Offset row = row_of(subset, i);
      if (half.ratings.row_size(row) > kHeavyRow) form_heavy(row, run);
    }
    std::sort(heavy_.begin(), heavy_.end(), [](const Heavy& a, const Heavy& b) { return a.row < b.row; });
  }

  void form(Offset row, NormalEquations<T>& system) const {
    if (half_.ratings.row_size(row) > kHeavyRow) {
      system.clear();
      const auto found = std::lower_bound(heavy_.begin(), heavy_.end(), row,
                                          [](const Heavy& h, Offset wanted) { return h.row < wanted; });
      system.add(found->system);
    } else {
      system.reset();
      add(half_.ratings.row(row), 0, half_.ratings.row_size(row), system);
    }
  }

 private:
  struct Heavy {
    Offset row;
    NormalEquations<T> system;
  };

  void add(const CsrRow<T>& row, Offset begin, Offset end, NormalEquations<T>& system) const {
    const Offset rank = half_.fixed.cols;
    const Index* stored_end = half_.ratings.indices + half_.ratings.n_stored();
    for (Offset j = begin; j < end;) {
      const Offset stop = std::min(end, j + system.tile_rows());
      for (; j < stop; ++j) {
        copy_row(half_.fixed.row(row.indices[j]), rank, system.next_row(target(half_, row, j)));
      }
      // What is stored behind these ratings comes next, be it of this row or, mostly, of the next one.
      const Index* next = row.indices + j;
      system.flush({half_.fixed.data, rank, next, std::min<Offset>(system.tile_rows(), stored_end - next)});
    }
  }

  void form_heavy(Offset i, const Execution& run) {
    const CsrRow<T> row = half_.ratings.row(i);
    std::vector<NormalEquations<T>> parts;
    for (Offset begin = 0; begin < row.size; begin += kSegment) parts.emplace_back(half_.fixed.cols);
    parallel_ranges(static_cast<Offset>(parts.size()), 1, kParallelWork + 1.0, run, [&](Offset c, Offset) {
      parts[c].reset();
      add(row, c * kSegment, std::min(row.size, (c + 1) * kSegment), parts[c]);
    });
    for (std::size_t c = 1; c < parts.size(); ++c) parts[0].add(parts[c]);
    heavy_.push_back({i, std::move(parts[0])});
  }

  const AlsHalf<T>& half_;
  std::vector<Heavy> heavy_;  // by row
};

}  // namespace eckart::als
