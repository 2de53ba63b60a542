#include "eckart/metrics/ranking.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <vector>

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
struct User {
  const Index* list;
  CsrRow<T> relevant;

  // Position of an item in the relevant row, or -1.
  Offset find(Index item) const {
    const Index* const end = relevant.indices + relevant.size;
    const Index* const at = std::lower_bound(relevant.indices, end, item);
    return at != end && *at == item ? at - relevant.indices : -1;
  }
  double gain(Offset position) const { return relevant.values ? relevant.values[position] : 1.0; }
};

// DCG of the best possible list: the m largest gains in falling order.
template <class T>
double ideal_dcg(const CsrRow<T>& relevant, Offset m, const std::vector<double>& discounts,
                 std::vector<T>& gains) {
  double dcg = 0;
  if (!relevant.values) {
    for (Offset i = 0; i < m; ++i) dcg += discounts[i];
    return dcg;
  }
  gains.assign(relevant.values, relevant.values + relevant.size);
  std::nth_element(gains.begin(), gains.begin() + (m - 1), gains.end(), std::greater<T>());
  std::sort(gains.begin(), gains.begin() + m, std::greater<T>());
  for (Offset i = 0; i < m; ++i) dcg += gains[i] * discounts[i];
  return dcg;
}

template <class T>
void score_user(const User<T>& user, Offset k, bool recall_over_min_k, const std::vector<double>& discounts,
                std::vector<T>& gains, double (&score)[kRankingMetrics]) {
  const Offset n = user.relevant.size;
  if (n == 0) {
    std::fill(score, score + kRankingMetrics, std::numeric_limits<double>::quiet_NaN());
    return;
  }
  double hits = 0, sum_of_precisions = 0, reciprocal_rank = 0, dcg = 0;
  for (Offset i = 0; i < k && user.list[i] >= 0; ++i) {
    const Offset position = user.find(user.list[i]);
    if (position < 0) continue;
    if (hits == 0) reciprocal_rank = 1.0 / static_cast<double>(i + 1);
    hits += 1;
    sum_of_precisions += hits / static_cast<double>(i + 1);
    dcg += user.gain(position) * discounts[i];
  }
  const Offset m = std::min(k, n);
  score[kPrecision] = hits / static_cast<double>(k);
  score[kRecall] = hits / static_cast<double>(recall_over_min_k ? m : n);
  score[kHitRate] = hits > 0 ? 1 : 0;
  score[kAveragePrecision] = sum_of_precisions / static_cast<double>(m);
  score[kReciprocalRank] = reciprocal_rank;
  // Rounding must not carry a perfect list past 1.
  score[kNdcg] = std::min(1.0, dcg / ideal_dcg(user.relevant, m, discounts, gains));
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
      chunk_count(lists.rows), 20.0 * lists.rows * k, run, [] { return std::vector<T>(); },
      [&](std::vector<T>& gains, Offset chunk) {
        const Offset end = std::min(lists.rows, (chunk + 1) * kUsersPerChunk);
        for (Offset u = chunk * kUsersPerChunk; u < end; ++u) {
          double score[kRankingMetrics];
          score_user(User<T>{lists.row(u), relevant.row(u)}, k, recall_over_min_k, discounts, gains, score);
          for (int metric = 0; metric < kRankingMetrics; ++metric) out.row(metric)[u] = score[metric];
        }
      });
}

template void ranking_metrics(MatrixView<const Index>, const CsrView<float>&, Offset, bool,
                              MatrixView<double>, const Execution&);
template void ranking_metrics(MatrixView<const Index>, const CsrView<double>&, Offset, bool,
                              MatrixView<double>, const Execution&);

}  // namespace eckart
