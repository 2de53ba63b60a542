#include "eckart/completion/neighbours.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "eckart/base/math.hpp"
#include "eckart/base/parallel.hpp"
#include "eckart/linalg/best.hpp"

namespace eckart {
namespace {

// One block of columns: their products with all columns, and the best of each.
template <class T>
class NearestBlock {
 public:
  static constexpr Offset lanes = ColumnProducts<T>::lanes;

  NearestBlock(const SparseColumns<T>& x, const std::vector<T>& norms, T shrinkage, Offset k)
      : x_(x), norms_(norms), shrinkage_(shrinkage), k_(k), products_(x), best_(lanes) {}

  void run(Offset first, const TopK<T>& result) {
    const Offset n = std::min(lanes, x_.by_col.n_rows - first);
    products_.compute(first, n);
    T norm[lanes] = {};
    std::copy_n(norms_.data() + first, n, norm);
    T threshold[lanes];
    for (Offset l = 0; l < lanes; ++l) {
      best_[l].reset(k_);
      threshold[l] = l < n ? std::numeric_limits<T>::min() : std::numeric_limits<T>::infinity();
    }
    for (Offset j = 0; j < x_.by_col.n_rows; ++j) {
      const Simd<T> similarity =
          products_.of(j) / (load(norm) * broadcast(norms_[j]) + broadcast(shrinkage_));
      if (!any(similarity >= load(threshold))) continue;  // 0 / 0 is in no order
      for (Offset l = 0; l < n; ++l) {
        if (!(similarity[l] >= threshold[l]) || j == first + l) continue;
        best_[l].offer({similarity[l], x_.ids[j]});
        threshold[l] = std::max(best_[l].threshold(), std::numeric_limits<T>::min());
      }
    }
    for (Offset l = 0; l < n; ++l) {
      const Index id = x_.ids[first + l];
      best_[l].write(result.ids.row(id), result.scores.row(id));
    }
  }

 private:
  SparseColumns<T> x_;
  const std::vector<T>& norms_;
  T shrinkage_;
  Offset k_;
  ColumnProducts<T> products_;
  std::vector<Best<T>> best_;  // one a lane
};

double sum_of_squared_sizes(const Offset* indptr, Offset n) {
  double sum = 0;
  for (Offset i = 0; i < n; ++i) {
    const double size = static_cast<double>(indptr[i + 1] - indptr[i]);
    sum += size * size;
  }
  return sum;
}

// Items' sums for one row at a time.
template <class T>
class RowScores {
 public:
  explicit RowScores(const NeighbourModel<T>& model)
      : model_(model), sums_(model.neighbours.n_cols), weights_(model.mean ? model.neighbours.n_cols : 0) {}

  void add(const CsrRow<T>& row) {
    std::fill(sums_.begin(), sums_.end(), T(0));
    std::fill(weights_.begin(), weights_.end(), T(0));
    for (Offset p = 0; p < row.size; ++p) {
      const CsrRow<T> spoken_for = model_.neighbours.row(row.indices[p]);
      for (Offset q = 0; q < spoken_for.size; ++q) {
        sums_[spoken_for.indices[q]] += spoken_for.values[q] * row.values[p];
      }
      if (!model_.mean) continue;
      for (Offset q = 0; q < spoken_for.size; ++q) weights_[spoken_for.indices[q]] += spoken_for.values[q];
    }
  }

  T of(Offset i) const {
    const T base = model_.base ? model_.base[i] : T(0);
    if (!model_.mean) return base + sums_[i];
    return weights_[i] > 0 ? base + sums_[i] / weights_[i] : base;
  }

 private:
  NeighbourModel<T> model_;
  std::vector<T> sums_, weights_;
};

// Both rise: a merge. The order of the sum is that of RowScores.
template <class T>
T pair_score(const CsrRow<T>& near, const CsrRow<T>& row, T base, bool mean) {
  T sum = 0, weight = 0;
  const Index* end = row.indices + row.size;
  const Index* place = row.indices;
  for (Offset q = 0; q < near.size && place != end; ++q) {
    place = std::lower_bound(place, end, near.indices[q]);
    if (place == end || *place != near.indices[q]) continue;
    sum += near.values[q] * row.values[place - row.indices];
    weight += near.values[q];
  }
  if (!mean) return base + sum;
  return weight > 0 ? base + sum / weight : base;
}

}  // namespace

template <class T>
void nearest_columns(const SparseColumns<T>& x, const T* given_norms, T shrinkage, TopK<T> result,
                     const Execution& run) {
  const Offset n = x.by_col.n_rows, lanes = NearestBlock<T>::lanes;
  std::vector<T> norms(static_cast<std::size_t>(n));
  parallel_ranges(n, 256, 2.0 * x.by_col.n_stored(), run, [&](Offset begin, Offset end) {
    for (Offset j = begin; j < end; ++j) {
      norms[j] = given_norms
                     ? given_norms[j]
                     : static_cast<T>(std::sqrt(squared_norm(x.by_col.row(j).values, x.by_col.row_size(j))));
    }
  });
  const double work = sum_of_squared_sizes(x.by_row.indptr, x.by_row.n_rows) + 4.0 * n * n;
  parallel_for((n + lanes - 1) / lanes, work, run,
               [&] { return NearestBlock<T>(x, norms, shrinkage, result.ids.cols); },
               [&](NearestBlock<T>& block, Offset b) { block.run(b * lanes, result); });
}

template <class T>
void neighbour_pairs(const NeighbourModel<T>& model, const CsrView<T>& rows, const Index* rows_of,
                     const Index* items, Offset n_pairs, T* out, const Execution& run) {
  parallel_ranges(n_pairs, 256, 1000.0 * n_pairs, run, [&](Offset begin, Offset end) {
    for (Offset p = begin; p < end; ++p) {
      const Index i = items[p];
      out[p] = i < 0 ? T(0)
                     : pair_score(model.neighbours.row(i), rows.row(rows_of[p]),
                                  model.base ? model.base[i] : T(0), model.mean);
    }
  });
}

template <class T>
void neighbour_top_k(const NeighbourModel<T>& model, const CsrView<T>& rows, const CsrView<T>* exclude,
                     TopK<T> result, const Execution& run) {
  struct Scratch {
    RowScores<T> scores;
    Best<T> best;
  };
  const Offset n_items = model.neighbours.n_cols, chunk = 16;
  const double per_entry = static_cast<double>(model.neighbours.n_stored()) / std::max<Offset>(n_items, 1);
  const double work = 2.0 * (rows.n_stored() * per_entry + 1.0 * rows.n_rows * n_items);
  parallel_for((rows.n_rows + chunk - 1) / chunk, work, run,
               [&] { return Scratch{RowScores<T>(model), Best<T>()}; },
               [&](Scratch& scratch, Offset c) {
                 for (Offset u = c * chunk; u < std::min(rows.n_rows, (c + 1) * chunk); ++u) {
                   scratch.scores.add(rows.row(u));
                   scratch.best.reset(result.ids.cols);
                   const CsrRow<T> skip = exclude ? exclude->row(u) : CsrRow<T>{nullptr, nullptr, 0};
                   for (Offset i = 0; i < n_items; ++i) {
                     const T score = scratch.scores.of(i);
                     if (score > scratch.best.threshold() && !skip.contains(static_cast<Index>(i))) {
                       scratch.best.push({score, static_cast<Index>(i)});
                     }
                   }
                   scratch.best.write(result.ids.row(u), result.scores.row(u));
                 }
               });
}

#define ECKART_INSTANTIATE(T)                                                                            \
  template void nearest_columns(const SparseColumns<T>&, const T*, T, TopK<T>, const Execution&);        \
  template void neighbour_pairs(const NeighbourModel<T>&, const CsrView<T>&, const Index*, const Index*, \
                                Offset, T*, const Execution&);                                           \
  template void neighbour_top_k(const NeighbourModel<T>&, const CsrView<T>&, const CsrView<T>*, TopK<T>, \
                                const Execution&);
ECKART_INSTANTIATE(float)
ECKART_INSTANTIATE(double)

}  // namespace eckart
