#include "eckart/linalg/topk.hpp"

#include <algorithm>
#include <limits>
#include <vector>

#include "eckart/base/parallel.hpp"
#include "eckart/linalg/eigen.hpp"

namespace eckart {
namespace {

constexpr Offset kQueryTile = 32;
constexpr Offset kQueryStep = 8;    // queries are padded to a multiple of this: see pad()
constexpr Offset kItemBlock = 512;  // scores of a tile: 64 KB in float32
constexpr Offset kItemStep = 64;

// Multiplications run on shapes padded to a multiple of the register tile, so that every score is
// formed by the same instructions in the same order, wherever in a tile it falls.
Offset pad(Offset n, Offset step) { return (n + step - 1) / step * step; }

template <class T>
struct Entry {
  T score;
  Index id;
  bool better_than(const Entry& o) const { return score > o.score || (score == o.score && id < o.id); }
};

// The k best entries seen so far; the worst of them at the front (a heap).
template <class T>
class Heap {
 public:
  void reset(Offset k) {
    k_ = k;
    entries_.clear();
    entries_.reserve(k);
  }
  // Scores must exceed this to enter. Items arrive by rising id, so a tie with the worst loses.
  T threshold() const {
    return static_cast<Offset>(entries_.size()) < k_ ? -std::numeric_limits<T>::infinity()
                                                     : entries_.front().score;
  }
  void push(Entry<T> entry) {
    if (static_cast<Offset>(entries_.size()) == k_) {
      std::pop_heap(entries_.begin(), entries_.end(), compare);
      entries_.back() = entry;
    } else {
      entries_.push_back(entry);
    }
    std::push_heap(entries_.begin(), entries_.end(), compare);
  }
  void write(Index* ids, T* scores) {
    std::sort_heap(entries_.begin(), entries_.end(), compare);
    const Offset n = static_cast<Offset>(entries_.size());
    for (Offset j = 0; j < k_; ++j) {
      ids[j] = j < n ? entries_[j].id : -1;
      scores[j] = j < n ? entries_[j].score : -std::numeric_limits<T>::infinity();
    }
  }

 private:
  static bool compare(const Entry<T>& a, const Entry<T>& b) { return a.better_than(b); }
  Offset k_ = 0;
  std::vector<Entry<T>> entries_;
};

template <class T>
struct Scratch {
  explicit Scratch(Offset rank, Offset k)
      : queries(kQueryTile, rank),
        block(kItemBlock, rank),
        scores(kQueryTile, kItemBlock),
        heaps(kQueryTile) {
    for (auto& heap : heaps) heap.reset(k);
  }
  RowMatrix<T> queries;  // the tile, padded with zero rows
  RowMatrix<T> block;    // the last block, padded with zero rows
  RowMatrix<T> scores;   // (queries, items)
  std::vector<Heap<T>> heaps;
};

// scores[q, j] = <queries[q], items[first + j]> for a padded tile and a padded block.
template <class T>
void score_block(Scratch<T>& s, MatrixView<const T> items, Offset n_queries, Offset first, Offset n_items) {
  const Offset rows = pad(n_queries, kQueryStep);
  const Offset cols = pad(n_items, kItemStep);
  const T* block = items.row(first);
  if (cols != n_items) {
    s.block.topRows(cols).setZero();
    std::copy_n(block, n_items * items.cols, s.block.data());
    block = s.block.data();
  }
  const Eigen::Map<const RowMatrix<T>> b(block, cols, items.cols);
  s.scores.topLeftCorner(rows, cols).noalias() = s.queries.topRows(rows) * b.transpose();
}

template <class T>
void offer(Heap<T>& heap, T* scores, const T* bias, Offset first, Offset n, const Index*& excluded,
           const Index* excluded_end) {
  if (bias) {
    for (Offset j = 0; j < n; ++j) scores[j] += bias[first + j];
  }
  const Index last = static_cast<Index>(first + n);
  for (; excluded != excluded_end && *excluded < last; ++excluded) {
    scores[*excluded - first] = -std::numeric_limits<T>::infinity();
  }
  T threshold = heap.threshold();
  for (Offset j = 0; j < n; ++j) {
    if (scores[j] > threshold) {
      heap.push({scores[j], static_cast<Index>(first + j)});
      threshold = heap.threshold();
    }
  }
}

}  // namespace

template <class T>
void top_k(MatrixView<const T> queries, MatrixView<const T> items, const T* bias, const CsrView<T>* exclude,
           TopK<T> result, const Execution& run) {
  const Offset n = queries.rows;
  const Offset k = result.ids.cols;
  const double work = 2.0 * n * items.rows * items.cols;
  parallel_for((n + kQueryTile - 1) / kQueryTile, work, run, [&] { return Scratch<T>(queries.cols, k); },
               [&](Scratch<T>& s, Offset tile) {
                 const Offset begin = tile * kQueryTile;
                 const Offset size = std::min(kQueryTile, n - begin);
                 s.queries.setZero();
                 std::copy_n(queries.row(begin), size * queries.cols, s.queries.data());
                 const Index* excluded[kQueryTile] = {};
                 const Index* excluded_end[kQueryTile] = {};
                 for (Offset q = 0; q < size; ++q) {
                   s.heaps[q].reset(k);
                   if (exclude) {
                     const auto row = exclude->row(begin + q);
                     excluded[q] = row.indices;
                     excluded_end[q] = row.indices + row.size;
                   }
                 }
                 for (Offset first = 0; first < items.rows; first += kItemBlock) {
                   const Offset n_items = std::min(kItemBlock, items.rows - first);
                   score_block(s, items, size, first, n_items);
                   for (Offset q = 0; q < size; ++q) {
                     offer(s.heaps[q], s.scores.row(q).data(), bias, first, n_items, excluded[q],
                           excluded_end[q]);
                   }
                 }
                 for (Offset q = 0; q < size; ++q) {
                   s.heaps[q].write(result.ids.row(begin + q), result.scores.row(begin + q));
                 }
               });
}

template void top_k(MatrixView<const float>, MatrixView<const float>, const float*, const CsrView<float>*,
                    TopK<float>, const Execution&);
template void top_k(MatrixView<const double>, MatrixView<const double>, const double*, const CsrView<double>*,
                    TopK<double>, const Execution&);

}  // namespace eckart
