// How good ranked lists are, one list a user. The definitions are those of Manning, Raghavan and
// Schütze, "Introduction to Information Retrieval" (2008), chapter 8, cut off at rank k.
#pragma once

#include "eckart/base/csr.hpp"
#include "eckart/base/interrupt.hpp"
#include "eckart/base/types.hpp"

namespace eckart {

// The rows of the result, in this order.
enum RankingMetric : int {
  kPrecision,
  kRecall,
  kHitRate,
  kAveragePrecision,
  kReciprocalRank,
  kNdcg,
  kRankingMetrics,  // how many there are
};

constexpr const char* kRankingMetricNames[kRankingMetrics] = {
    "precision", "recall", "hit_rate", "average_precision", "reciprocal_rank", "ndcg"};

// What is wrong with a list: a code outside [-1, n_items), a code after the padding began, a code twice.
enum class ListFault : int { kNone, kOutOfRange, kAfterPadding, kDuplicate };

struct RankingFault {
  ListFault fault = ListFault::kNone;
  Offset row = -1;
  Offset column = -1;
};

// The first fault in reading order. Lists: (n_users, k), item codes, -1 pads the end.
// Cost: n_users * k; scratch of n_items a thread.
RankingFault first_ranking_fault(MatrixView<const Index> lists, Offset n_items, const Execution& run);

// With n relevant items of a user, rel(i) = 1 where the item at rank i is relevant, g(i) its gain,
// G(i) the i-th largest gain of the user, and m = min(k, n):
//   precision          sum_{i <= k} rel(i) / k
//   recall             sum_{i <= k} rel(i) / n, or / m
//   hit rate           1 if any rel(i), i <= k
//   average precision  sum_{i <= k} rel(i) precision(i) / m
//   reciprocal rank    1 / (the first i <= k with rel(i)), or 0
//   NDCG               sum_{i <= k} rel(i) g(i) / log2(i + 1)  over  sum_{i <= m} G(i) / log2(i + 1)
// A user without a relevant item gets NaN everywhere.
//
// lists: faultless, at least k columns.  relevant: one row a user; its values are gains > 0, or none
// for gains of 1.  out: (kRankingMetrics, n_users).  Cost: n_users * k * log n.
template <class T>
void ranking_metrics(MatrixView<const Index> lists, const CsrView<T>& relevant, Offset k,
                     bool recall_over_min_k, MatrixView<double> out, const Execution& run);

}  // namespace eckart
