// The normal equations of the rows of an ALS half: from the fixed factors as they are, or from factors
// rounded for the matrix unit.
#pragma once

#include <cmath>

#include "als_rows.hpp"
#include "als_unobserved.hpp"
#include "eckart/base/amx.hpp"
#include "eckart/linalg/bf16_gram.hpp"

namespace eckart::als {

constexpr Offset kHeavyRow = 32768;  // a row with more ratings is formed by all threads together,
constexpr Offset kSegment = 8192;    // in segments of this many

// Forms systems to rounding.
template <class T>
struct ExactGram {
  using Value = T;
  static constexpr bool exact = true;

  explicit ExactGram(const AlsHalf<T>& half) : half(half) {}
  ExactGram(const AlsHalf<T>& half, const Execution&) : half(half) {}
  const AlsHalf<T>& half;

  class Former {  // one a thread
   public:
    explicit Former(const ExactGram& source) : half_(source.half), gram_(source.half.fixed.cols) {}

    // `system` becomes the sum over the ratings [begin, end) of a row.
    void form(const CsrRow<T>& row, Offset begin, Offset end, NormalSystem<T>& system) {
      const Offset rank = half_.fixed.cols;
      const T* weights = weights_of(half_, row);
      gram_.start(system);
      for (Offset j = begin; j < end;) {
        const Offset stop = std::min(end, j + gram_.tile_rows());
        for (; j < stop; ++j) {
          const T* x = half_.fixed.row(row.indices[j]);
          if (weights) {
            const T root = std::sqrt(weights[j]);
            scale_row(x, rank, root, gram_.next_row(root * target(half_, row, j), root));
          } else {
            copy_row(x, rank, gram_.next_row(target(half_, row, j)));
          }
        }
        gram_.flush({half_.fixed.data, rank, row.indices + j,
                     std::min<Offset>(gram_.tile_rows(), stored_behind(half_, row, j))});
      }
    }

   private:
    const AlsHalf<T>& half_;
    GramAccumulator<T> gram_;
  };
};

// Forms systems to bf16 on the matrix unit: solutions are to be refined on the ratings themselves. Knows no
// weights.
struct Bf16Gram {
  using Value = float;
  static constexpr bool exact = false;
  // Below, the refinement and the padding to 32 columns cost what the products save.
  static constexpr Offset smallest_rank = 56;

  Bf16Gram(const AlsHalf<float>& half, const Execution& run) : half(half), fixed(half.fixed, run) {}
  const AlsHalf<float>& half;
  const Bf16Rows fixed;

  class Former {
   public:
    explicit Former(const Bf16Gram& source) : half_(source.half), gram_(source.fixed) {}

    void form(const CsrRow<float>& row, Offset begin, Offset end, NormalSystem<float>& system) {
      targets_.resize(end - begin);
      for (Offset j = begin; j < end; ++j) targets_[j - begin] = target(half_, row, j);
      gram_.form(row.indices + begin, targets_.data(), end - begin, system);
    }

   private:
    const AlsHalf<float>& half_;
    AmxTiles tiles_;
    Bf16GramAccumulator gram_;
    std::vector<float> targets_;
  };
};

// The systems of single rows. Those with very many ratings would keep one thread busy when the others
// have ended, so they are formed beforehand by all threads, in segments added in order.
template <class Gram>
class RowSystems {
 public:
  using T = typename Gram::Value;
  using Former = typename Gram::Former;

  RowSystems(const AlsHalf<T>& half, RowSubset subset, const Execution& run)
      : half_(half), gram_(half, run), unobserved_(half, run) {
    const Offset n = subset.rows ? subset.size : half.ratings.n_rows;
    for (Offset i = 0; i < n; ++i) {
      const Offset row = row_of(subset, i);
      if (half.ratings.row_size(row) > kHeavyRow) form_heavy(row, run);
    }
    std::sort(heavy_.begin(), heavy_.end(), [](const Heavy& a, const Heavy& b) { return a.row < b.row; });
  }

  Former former() const { return Former(gram_); }

  const Unobserved<T>& unobserved() const { return unobserved_; }

  // With the part of the unobserved pairs.
  void form(Offset row, Former& former, NormalSystem<T>& system) const {
    if (half_.ratings.row_size(row) <= kHeavyRow) return form_alone(row, former, system);
    const auto found = std::lower_bound(heavy_.begin(), heavy_.end(), row,
                                        [](const Heavy& h, Offset wanted) { return h.row < wanted; });
    system.clear();
    system.add(found->system);
    if (unobserved_) system.add(unobserved_.system());
  }

  // With any kind of former, and without help from other threads.
  template <class AnyFormer>
  void form_alone(Offset row, AnyFormer& former, NormalSystem<T>& system) const {
    const Offset n = half_.ratings.row_size(row);
    if (n > 0) {
      former.form(half_.ratings.row(row), 0, n, system);
    } else {
      system.clear();
    }
    if (unobserved_) system.add(unobserved_.system());
  }

 private:
  struct Heavy {
    Offset row;
    NormalSystem<T> system;
  };

  void form_heavy(Offset i, const Execution& run) {
    const CsrRow<T> row = half_.ratings.row(i);
    std::vector<NormalSystem<T>> parts;
    for (Offset begin = 0; begin < row.size; begin += kSegment) parts.emplace_back(half_.fixed.cols);
    parallel_for(
        static_cast<Offset>(parts.size()), kParallelWork + 1.0, run, [&] { return former(); },
        [&](Former& former, Offset c) {
          former.form(row, c * kSegment, std::min(row.size, (c + 1) * kSegment), parts[c]);
        });
    for (std::size_t c = 1; c < parts.size(); ++c) parts[0].add(parts[c]);
    heavy_.push_back({i, std::move(parts[0])});
  }

  const AlsHalf<T>& half_;
  Gram gram_;
  Unobserved<T> unobserved_;
  std::vector<Heavy> heavy_;  // by row
};

}  // namespace eckart::als
