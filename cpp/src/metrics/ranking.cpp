#include "eckart/metrics/ranking.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <vector>

#include "eckart/base/math.hpp"
#include "eckart/base/parallel.hpp"

namespace eckart {
namespace {

constexpr Offset kUsersPerChunk = 256;

Offset chunk_count(Offset n_users) { return (n_users + kUsersPerChunk - 1) / kUsersPerChunk; }

std::vector<double> log_discounts(Offset k) {
  std::vector<double> discounts(k);
  for (Offset i = 0; i < k; ++i) discounts[i] = 1.0 / std::log2(static_cast<double>(i + 2));
  return discounts;
}

// `last_row[item]` is the last row that listed the item: no clearing between rows.
RankingFault first_fault_of_row(MatrixView<const Index> lists, Offset row, std::vector<Offset>& last_row) {
  const Index* list = lists.row(row);
  const Offset n_items = static_cast<Offset>(last_row.size());
  bool padding = false;
  for (Offset j = 0; j < lists.cols; ++j) {
    const Index item = list[j];
    if (item < -1 || item >= n_items) return {ListFault::kOutOfRange, row, j};
    if (item == -1) {
      padding = true;
      continue;
    }
    if (padding) return {ListFault::kAfterPadding, row, j};
    if (last_row[item] == row) return {ListFault::kDuplicate, row, j};
    last_row[item] = row;
  }
  return {};
}

template <class T>
struct Scratch {
  explicit Scratch(Offset k) : gained(k), ideal(k) {}
  std::vector<double> gained;  // (k), gain of the item at each rank, 0 for a miss
  std::vector<double> ideal;   // (k), gains of the best possible list
  std::vector<T> sorted;
};

// Position of an item in the relevant row, or -1.
template <class T>
Offset find(const CsrRow<T>& relevant, Index item) {
  const Index* const end = relevant.indices + relevant.size;
  const Index* const at = std::lower_bound(relevant.indices, end, item);
  return at != end && *at == item ? at - relevant.indices : -1;
}

// The m largest gains in falling order, then zeros.
template <class T>
void fill_ideal(const CsrRow<T>& relevant, Offset m, Scratch<T>& scratch) {
  std::fill(scratch.ideal.begin(), scratch.ideal.end(), 0.0);
  if (!relevant.values) {
    std::fill_n(scratch.ideal.begin(), m, 1.0);
    return;
  }
  std::vector<T>& sorted = scratch.sorted;
  sorted.assign(relevant.values, relevant.values + relevant.size);
  std::nth_element(sorted.begin(), sorted.begin() + (m - 1), sorted.end(), std::greater<T>());
  std::sort(sorted.begin(), sorted.begin() + m, std::greater<T>());
  std::copy_n(sorted.begin(), m, scratch.ideal.begin());
}

// Never inlined: one piece of machine code rounds a list and the ideal alike, so that a perfect list
// has an NDCG of exactly 1.
[[gnu::noinline]] double dcg(const std::vector<double>& gains, const std::vector<double>& discounts) {
  return dot(gains.data(), discounts.data(), static_cast<Offset>(gains.size()));
}

template <class T>
void score_user(const Index* list, const CsrRow<T>& relevant, Offset k, bool recall_over_min_k,
                const std::vector<double>& discounts, Scratch<T>& scratch, double (&score)[kRankingMetrics]) {
  const Offset n = relevant.size;
  if (n == 0) {
    std::fill(score, score + kRankingMetrics, std::numeric_limits<double>::quiet_NaN());
    return;
  }
  std::fill(scratch.gained.begin(), scratch.gained.end(), 0.0);
  double hits = 0, sum_of_precisions = 0, reciprocal_rank = 0;
  for (Offset i = 0; i < k && list[i] >= 0; ++i) {
    const Offset position = find(relevant, list[i]);
    if (position < 0) continue;
    const double rank = static_cast<double>(i + 1);
    if (hits == 0) reciprocal_rank = 1.0 / rank;
    hits += 1;
    sum_of_precisions += hits / rank;
    scratch.gained[i] = relevant.values ? relevant.values[position] : 1.0;
  }
  const Offset m = std::min(k, n);
  fill_ideal(relevant, m, scratch);
  score[kPrecision] = hits / static_cast<double>(k);
  score[kRecall] = hits / static_cast<double>(recall_over_min_k ? m : n);
  score[kHitRate] = hits > 0 ? 1 : 0;
  score[kAveragePrecision] = sum_of_precisions / static_cast<double>(m);
  score[kReciprocalRank] = reciprocal_rank;
  // Nearly equal gains in the wrong order may round past the ideal.
  score[kNdcg] = std::min(1.0, dcg(scratch.gained, discounts) / dcg(scratch.ideal, discounts));
}

}  // namespace

RankingFault first_ranking_fault(MatrixView<const Index> lists, Offset n_items, const Execution& run) {
  std::vector<RankingFault> faults(chunk_count(lists.rows));
  parallel_for(
      chunk_count(lists.rows), 4.0 * lists.rows * lists.cols, run,
      [&] { return std::vector<Offset>(n_items, -1); },
      [&](std::vector<Offset>& last_row, Offset chunk) {
        const Offset end = std::min(lists.rows, (chunk + 1) * kUsersPerChunk);
        for (Offset row = chunk * kUsersPerChunk; row < end; ++row) {
          faults[chunk] = first_fault_of_row(lists, row, last_row);
          if (faults[chunk].fault != ListFault::kNone) return;
        }
      });
  for (const RankingFault& fault : faults) {
    if (fault.fault != ListFault::kNone) return fault;
  }
  return {};
}

template <class T>
void ranking_metrics(MatrixView<const Index> lists, const CsrView<T>& relevant, Offset k,
                     bool recall_over_min_k, MatrixView<double> out, const Execution& run) {
  assert(k >= 1 && k <= lists.cols && relevant.n_rows == lists.rows);
  assert(out.rows == kRankingMetrics && out.cols == lists.rows);
  const std::vector<double> discounts = log_discounts(k);
  parallel_for(
      chunk_count(lists.rows), 20.0 * lists.rows * k, run, [&] { return Scratch<T>(k); },
      [&](Scratch<T>& scratch, Offset chunk) {
        const Offset end = std::min(lists.rows, (chunk + 1) * kUsersPerChunk);
        for (Offset u = chunk * kUsersPerChunk; u < end; ++u) {
          double score[kRankingMetrics];
          score_user(lists.row(u), relevant.row(u), k, recall_over_min_k, discounts, scratch, score);
          for (int metric = 0; metric < kRankingMetrics; ++metric) out.row(metric)[u] = score[metric];
        }
      });
}

template void ranking_metrics(MatrixView<const Index>, const CsrView<float>&, Offset, bool,
                              MatrixView<double>, const Execution&);
template void ranking_metrics(MatrixView<const Index>, const CsrView<double>&, Offset, bool,
                              MatrixView<double>, const Execution&);

}  // namespace eckart
