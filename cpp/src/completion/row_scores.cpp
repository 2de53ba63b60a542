#include "eckart/completion/row_scores.hpp"

#include <algorithm>
#include <vector>

#include "eckart/base/math.hpp"
#include "eckart/base/parallel.hpp"
#include "eckart/linalg/best.hpp"

namespace eckart {
namespace {

constexpr Offset kRowTile = 512;      // rows that share a read of W
constexpr Offset kPanelBytes = 2048;  // of a row of W at a time: the tile's sums (1 MB) stay in cache

// The entries of a tile of rows by column: for every item, who has it. Rows rise within an item.
template <class T>
class TileColumns {
 public:
  struct Entry {
    Index row;
    T value;
  };

  explicit TileColumns(Offset n_items) : start_(n_items + 1) {}

  void build(const CsrView<T>& rows, Offset begin, Offset n) {
    std::fill(start_.begin(), start_.end(), Offset{0});
    const Offset first = rows.indptr[begin], last = rows.indptr[begin + n];
    for (Offset p = first; p < last; ++p) ++start_[rows.indices[p] + 1];
    for (std::size_t j = 1; j < start_.size(); ++j) start_[j] += start_[j - 1];
    entries_.resize(static_cast<std::size_t>(last - first));
    for (Offset r = 0; r < n; ++r) {
      const CsrRow<T> row = rows.row(begin + r);
      for (Offset p = 0; p < row.size; ++p) {
        entries_[start_[row.indices[p]]++] = {static_cast<Index>(r), row.values[p]};
      }
    }
    // Every start has moved to its end, which is the start of the next.
    for (std::size_t j = start_.size() - 1; j > 0; --j) start_[j] = start_[j - 1];
    start_[0] = 0;
    present_.clear();
    for (std::size_t j = 0; j + 1 < start_.size(); ++j) {
      if (start_[j] < start_[j + 1]) present_.push_back(static_cast<Index>(j));
    }
  }

  const std::vector<Index>& present() const { return present_; }  // items that any row of the tile has

  const Entry* begin(Offset j) const { return entries_.data() + start_[j]; }
  const Entry* end(Offset j) const { return entries_.data() + start_[j + 1]; }

 private:
  std::vector<Offset> start_;
  std::vector<Index> present_;
  std::vector<Entry> entries_;
};

template <class T>
class RowTile {
 public:
  static constexpr Offset panel = kPanelBytes / static_cast<Offset>(sizeof(T));

  RowTile(const CsrView<T>& rows, MatrixView<const T> weights, const T* bias, const CsrView<T>* exclude,
          Offset k, Offset tile)
      : rows_(rows),
        weights_(weights),
        bias_(bias),
        exclude_(exclude),
        k_(k),
        columns_(weights.rows),
        sums_(tile * panel),
        best_(tile) {}

  void run(Offset begin, Offset n, const TopK<T>& result) {
    columns_.build(rows_, begin, n);
    for (Offset r = 0; r < n; ++r) best_[r].reset(k_);
    for (Offset first = 0; first < weights_.cols; first += panel) {
      const Offset width = std::min(panel, weights_.cols - first);
      score(first, width, n);
      for (Offset r = 0; r < n; ++r) select(begin + r, first, width, sums_.data() + r * panel, best_[r]);
    }
    for (Offset r = 0; r < n; ++r) best_[r].write(result.ids.row(begin + r), result.scores.row(begin + r));
  }

 private:
  void score(Offset first, Offset width, Offset n) {
    for (Offset r = 0; r < n; ++r) std::fill_n(sums_.data() + r * panel, width, T(0));
    for (const Index j : columns_.present()) {
      const T* weight = weights_.row(j) + first;
      for (const auto* entry = columns_.begin(j); entry != columns_.end(j); ++entry) {
        axpy(entry->value, weight, sums_.data() + entry->row * panel, width);
      }
    }
  }

  void select(Offset row, Offset first, Offset width, const T* sums, Best<T>& best) const {
    const CsrRow<T> skip = exclude_ ? exclude_->row(row) : CsrRow<T>{nullptr, nullptr, 0};
    for (Offset c = 0; c < width; ++c) {
      const Index id = static_cast<Index>(first + c);
      const T score = bias_ ? sums[c] + bias_[id] : sums[c];
      if (score > best.threshold() && !skip.contains(id)) {
        best.push({score, id});
      }
    }
  }

  CsrView<T> rows_;
  MatrixView<const T> weights_;
  const T* bias_;
  const CsrView<T>* exclude_;
  Offset k_;
  TileColumns<T> columns_;
  AlignedBuffer<T> sums_;  // (tile, panel)
  std::vector<Best<T>> best_;
};

}  // namespace

template <class T>
void row_top_k(const CsrView<T>& rows, MatrixView<const T> weights, const T* bias, const CsrView<T>* exclude,
               TopK<T> result, const Execution& run) {
  const Offset n = rows.n_rows;
  const double work = 2.0 * (rows.n_stored() + n) * weights.cols;
  // Few rows are cut finer: a row's answer is the same in any tile.
  const Offset tile = std::clamp<Offset>(n / 16 + 1, 1, kRowTile);
  parallel_for(
      (n + tile - 1) / tile, work, run,
      [&] { return RowTile<T>(rows, weights, bias, exclude, result.ids.cols, tile); },
      [&](RowTile<T>& scratch, Offset t) { scratch.run(t * tile, std::min(tile, n - t * tile), result); });
}

template <class T>
void row_pairs(const CsrView<T>& rows, MatrixView<const T> weights, const Index* rows_of, const Index* items,
               Offset n_pairs, T* out, const Execution& run) {
  parallel_ranges(n_pairs, 256, 1000.0 * n_pairs, run, [&](Offset begin, Offset end) {
    for (Offset p = begin; p < end; ++p) {
      out[p] = 0;
      if (items[p] < 0) continue;
      const CsrRow<T> row = rows.row(rows_of[p]);
      for (Offset q = 0; q < row.size; ++q) out[p] += row.values[q] * weights.row(row.indices[q])[items[p]];
    }
  });
}

#define ECKART_INSTANTIATE(T)                                                                             \
  template void row_top_k(const CsrView<T>&, MatrixView<const T>, const T*, const CsrView<T>*, TopK<T>,   \
                          const Execution&);                                                              \
  template void row_pairs(const CsrView<T>&, MatrixView<const T>, const Index*, const Index*, Offset, T*, \
                          const Execution&);
ECKART_INSTANTIATE(float)
ECKART_INSTANTIATE(double)

}  // namespace eckart
