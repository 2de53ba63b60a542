#include "eckart/linalg/topk.hpp"

#include <algorithm>
#include <limits>
#include <type_traits>
#include <vector>

#include "eckart/base/parallel.hpp"
#include "eckart/base/simd.hpp"
#include "eckart/linalg/best.hpp"
#include "topk_screened.hpp"

namespace eckart {
namespace {

constexpr Offset kQueryTile = 512;  // queries that share the packing of a panel of items
constexpr Offset kFewQueries = 8;   // up to so many, the items are shared among the threads instead
constexpr Offset kItemRange = 4096;

// A tile of queries against a range of the catalogue, panel by panel.
template <class T>
class Tile {
 public:
  static constexpr Offset width = kSimdWidth<T>;
  static constexpr Offset panel = kPanelVectors * width;  // items

  // `items` and `bias` begin with item `base`.
  Tile(MatrixView<const T> items, const T* bias, Offset base, const CsrView<T>* exclude, Offset k)
      : items_(items),
        bias_(bias),
        base_(base),
        exclude_(exclude),
        k_(k),
        queries_(kQueryTile * items.cols),
        packed_(items.cols * panel),
        start_(panel),
        heaps_(kQueryTile) {}

  void run(MatrixView<const T> queries, Offset begin, Offset n, const TopK<T>& result) {
    begin_ = begin;
    n_ = n;
    for (Offset q = 0; q < n; q += kPanel) pack_queries(queries, q);
    for (Offset q = 0; q < n; ++q) heaps_[q].reset(k_);
    for (Offset first = 0; first < items_.rows; first += panel) {
      pack(first);
      for (Offset q = 0; q < n; q += kPanel) score(q, first);
    }
    for (Offset q = 0; q < n; ++q) heaps_[q].write(result.ids.row(begin + q), result.scores.row(begin + q));
  }

 private:
  // queries[q / kPanel][f, p] = query q + p: what one step of the product broadcasts lies side by side.
  void pack_queries(MatrixView<const T> queries, Offset q) {
    T* out = queries_.data() + q * items_.cols;
    for (Offset p = 0; p < kPanel; ++p) {
      const T* query = q + p < n_ ? queries.row(begin_ + q + p) : nullptr;
      for (Offset f = 0; f < items_.cols; ++f) out[f * kPanel + p] = query ? query[f] : T(0);
    }
  }

  // packed[f, j] = items[first + j, f]; items past the end score -infinity.
  void pack(Offset first) {
    const Offset rank = items_.cols;
    const Offset n = std::min(panel, items_.rows - first);
    for (Offset j = 0; j < panel; ++j) {
      start_[j] = j >= n ? -std::numeric_limits<T>::infinity() : bias_ ? bias_[first + j] : T(0);
    }
    for (Offset j = 0; j < panel; j += width) {
      Offset f = 0;
      for (; j + width <= n && f + width <= rank; f += width) {
        Simd<T> square[width];
        for (Offset l = 0; l < width; ++l) square[l] = load(items_.row(first + j + l) + f);
        transpose<T>(square);
        for (Offset l = 0; l < width; ++l) store(packed_.data() + (f + l) * panel + j, square[l]);
      }
      for (; f < rank; ++f) {
        for (Offset l = j; l < j + width; ++l)
          packed_[f * panel + l] = l < n ? items_.row(first + l)[f] : T(0);
      }
    }
  }

  // Scores of kPanel queries in registers; only what beats a threshold leaves them.
  void score(Offset q, Offset first) {
    const Offset rank = items_.cols;
    const T* query = queries_.data() + q * rank;
    const T* packed = packed_.data();
    Simd<T> sum[kPanel][kPanelVectors];
#pragma GCC unroll 8
    for (int p = 0; p < kPanel; ++p) {
      for (int v = 0; v < kPanelVectors; ++v) sum[p][v] = load(start_.data() + v * width);
    }
    for (Offset f = 0; f < rank; ++f) {
      Simd<T> item[kPanelVectors];
      for (int v = 0; v < kPanelVectors; ++v) item[v] = load(packed + v * width);
#pragma GCC unroll 8
      for (int p = 0; p < kPanel; ++p) {
        const Simd<T> x = broadcast(query[p]);
        for (int v = 0; v < kPanelVectors; ++v) sum[p][v] += x * item[v];
      }
      query += kPanel;
      packed += panel;
    }
    for (int p = 0; p < kPanel && q + p < n_; ++p) {
      const Simd<T> threshold = broadcast(heaps_[q + p].threshold());
      Simd<T> best = sum[p][0];
      for (int v = 1; v < kPanelVectors; ++v) best = sum[p][v] > best ? sum[p][v] : best;
      if (!any(best > threshold)) continue;
      for (int v = 0; v < kPanelVectors; ++v) {
        if (any(sum[p][v] > threshold)) offer(q + p, first + v * width, sum[p][v]);
      }
    }
  }

  void offer(Offset q, Offset first, Simd<T> scores) {
    Best<T>& heap = heaps_[q];
    for (Offset l = 0; l < width; ++l) {
      const Index id = static_cast<Index>(base_ + first + l);
      if (scores[l] > heap.threshold() && !excluded(q, id)) heap.push({scores[l], id});
    }
  }

  bool excluded(Offset q, Index id) const {
    if (!exclude_) return false;
    return exclude_->row(begin_ + q).contains(id);
  }

  MatrixView<const T> items_;
  const T* bias_;
  Offset base_;
  const CsrView<T>* exclude_;
  Offset k_, begin_ = 0, n_ = 0;
  AlignedBuffer<T> queries_;  // (kQueryTile / kPanel, rank, kPanel), padded with zero queries
  AlignedBuffer<T> packed_;   // (rank, panel)
  AlignedBuffer<T> start_;    // (panel): what a score begins with
  std::vector<Best<T>> heaps_;
};

// For few queries: the best of every range of items, then the best of those.
template <class T>
void top_k_by_ranges(MatrixView<const T> queries, MatrixView<const T> items, const T* bias,
                     const CsrView<T>* exclude, TopK<T> result, double work, const Execution& run) {
  const Offset k = result.ids.cols, n_ranges = (items.rows + kItemRange - 1) / kItemRange;
  std::vector<Index> ids(n_ranges * queries.rows * k);
  std::vector<T> scores(ids.size());
  const auto part = [&](Offset range) {
    const Offset at = range * queries.rows * k;
    return TopK<T>{{ids.data() + at, queries.rows, k}, {scores.data() + at, queries.rows, k}};
  };
  parallel_ranges(n_ranges, 1, work, run, [&](Offset range, Offset) {
    const Offset base = range * kItemRange, n = std::min(kItemRange, items.rows - base);
    Tile<T>({items.row(base), n, items.cols}, bias ? bias + base : nullptr, base, exclude, k)
        .run(queries, 0, queries.rows, part(range));
  });
  Best<T> best;
  for (Offset q = 0; q < queries.rows; ++q) {
    best.reset(k);
    for (Offset range = 0; range < n_ranges; ++range) {
      const TopK<T> from = part(range);
      for (Offset j = 0; j < k && from.ids.row(q)[j] >= 0; ++j) {
        best.offer({from.scores.row(q)[j], from.ids.row(q)[j]});
      }
    }
    best.write(result.ids.row(q), result.scores.row(q));
  }
}

}  // namespace

template <class T>
void top_k(MatrixView<const T> queries, MatrixView<const T> items, const T* bias, const CsrView<T>* exclude,
           TopK<T> result, bool use_amx, const Execution& run) {
  if constexpr (std::is_same_v<T, float>) {
    if (use_amx && can_screen(queries, items, bias)) {
      return top_k_screened(queries, items, bias, exclude, result, run);
    }
  }
  const Offset k = result.ids.cols;
  const double work = 2.0 * queries.rows * items.rows * items.cols;
  if (queries.rows <= kFewQueries && items.rows > kItemRange) {
    return top_k_by_ranges(queries, items, bias, exclude, result, work, run);
  }
  // Fewer queries than a tile for every thread are cut finer: a query's answer is the same in any tile.
  const Offset tile = std::clamp<Offset>(round_up(queries.rows / 16 + 1, kPanel), kPanel, kQueryTile);
  parallel_for((queries.rows + tile - 1) / tile, work, run,
               [&] { return Tile<T>(items, bias, 0, exclude, k); },
               [&](Tile<T>& scratch, Offset t) {
                 const Offset begin = t * tile;
                 scratch.run(queries, begin, std::min(tile, queries.rows - begin), result);
               });
}

template <class T>
void top_k_of_rows(const CsrView<T>& rows, const CsrView<T>* exclude, TopK<T> result, const Execution& run) {
  const Offset chunk = 64;
  parallel_for((rows.n_rows + chunk - 1) / chunk, 8.0 * rows.n_stored(), run, [] { return Best<T>(); },
               [&](Best<T>& best, Offset c) {
                 for (Offset r = c * chunk; r < std::min(rows.n_rows, (c + 1) * chunk); ++r) {
                   const CsrRow<T> row = rows.row(r);
                   best.reset(result.ids.cols);
                   const CsrRow<T> skip = exclude ? exclude->row(r) : CsrRow<T>{nullptr, nullptr, 0};
                   for (Offset p = 0; p < row.size; ++p) {
                     if (row.values[p] >= best.threshold() && !skip.contains(row.indices[p])) {
                       best.offer({row.values[p], row.indices[p]});
                     }
                   }
                   best.write(result.ids.row(r), result.scores.row(r));
                 }
               });
}

template void top_k(MatrixView<const float>, MatrixView<const float>, const float*, const CsrView<float>*,
                    TopK<float>, bool, const Execution&);
template void top_k(MatrixView<const double>, MatrixView<const double>, const double*, const CsrView<double>*,
                    TopK<double>, bool, const Execution&);

template void top_k_of_rows(const CsrView<float>&, const CsrView<float>*, TopK<float>, const Execution&);
template void top_k_of_rows(const CsrView<double>&, const CsrView<double>*, TopK<double>, const Execution&);

}  // namespace eckart
