#include "topk_screened.hpp"

#include "eckart/base/amx.hpp"
#include "eckart/base/bf16.hpp"
#include "eckart/base/math.hpp"
#include "eckart/base/parallel.hpp"
#include "eckart/base/simd.hpp"
#include "eckart/linalg/best.hpp"

#if ECKART_HAS_AMX
#include <immintrin.h>

#include <cmath>
#include <limits>

namespace eckart {
namespace {

constexpr Offset kTile = 16;          // rows of a tile register
constexpr Offset kTileEntries = 512;  // bf16 numbers of it
constexpr Offset kSquare = 32;        // items, and queries, that one square of products takes
constexpr Offset kDepth = 32;         // factors that one tile product sums over
constexpr Offset kQueries = 256;      // that share a pass over the items
constexpr Offset kMinQueries = 128;
constexpr float kLargest = 1e15f;
// Both factors are rounded, and both scores are sums with float32 roundings of their own.
constexpr float kMargin = 1.1f * kBf16Rounding;
constexpr float kBiasMargin = 1e-6f;

float norm(const float* x, Offset n) { return std::sqrt(static_cast<float>(squared_norm(x, n))); }

// All items as right operands: for 16 items and 32 factors a tile of 16 pairs of factors x items.
class PackedItems {
 public:
  PackedItems(MatrixView<const float> items, const float* bias, const Execution& run)
      : depth_(round_up(items.cols, kDepth)),
        panels_((items.rows + kSquare - 1) / kSquare),
        tiles_(panels_ * kSquare * depth_),
        margins_(panels_),
        starts_(panels_ * kSquare) {
    parallel_ranges(panels_, 64, 8.0 * items.rows * depth_, run, [&](Offset begin, Offset end) {
      AlignedBuffer<std::uint16_t> rounded(kSquare * depth_);
      for (Offset p = begin; p < end; ++p) pack(items, bias, p, rounded);
    });
  }

  Offset panels() const { return panels_; }
  Offset depth() const { return depth_; }
  const std::uint16_t* panel(Offset p) const { return tiles_.data() + p * kSquare * depth_; }
  const float* starts(Offset p) const {
    return starts_.data() + p * kSquare;
  }  // biases or zeros; -infinity past the end
  // A rounded score may be wrong by this times the norm of (query, 1).
  float margin(Offset p) const { return margins_[p]; }

 private:
  void pack(MatrixView<const float> items, const float* bias, Offset p,
            AlignedBuffer<std::uint16_t>& rounded) {
    const Offset n = std::min(kSquare, items.rows - p * kSquare);
    std::fill_n(rounded.data(), kSquare * depth_, std::uint16_t{0});
    float largest = 0, largest_bias = 0;
    float* starts = starts_.data() + p * kSquare;
    std::fill_n(starts, kSquare, -std::numeric_limits<float>::infinity());  // past the end
    for (Offset j = 0; j < n; ++j) {
      const float* item = items.row(p * kSquare + j);
      for (Offset f = 0; f < items.cols; ++f) rounded[j * depth_ + f] = to_bf16(item[f]);
      largest = std::max(largest, norm(item, items.cols));
      starts[j] = bias ? bias[p * kSquare + j] : 0.0f;
      largest_bias = std::max(largest_bias, std::abs(starts[j]));
    }
    margins_[p] = kMargin * largest + kBiasMargin * largest_bias;
    std::uint16_t* out = tiles_.data() + p * kSquare * depth_;
    for (Offset f = 0; f < depth_; f += kDepth) {
      for (Offset j = 0; j < kSquare; j += kTile, out += kTileEntries) {
        Simd<float> pairs[kTile];  // two bf16 a lane
        for (Offset r = 0; r < kTile; ++r) std::memcpy(&pairs[r], rounded.data() + (j + r) * depth_ + f, 64);
        transpose<float>(pairs);
        std::memcpy(out, pairs, sizeof pairs);
      }
    }
  }

  Offset depth_, panels_;
  AlignedBuffer<std::uint16_t> tiles_;  // (panels, depth / 32, 2) tiles
  AlignedBuffer<float> margins_;        // (panels)
  AlignedBuffer<float> starts_;         // (panels x 32)
};

// A range of queries against the whole catalogue, in squares of 32 x 32 scores.
class ScreenedQueries {
 public:
  ScreenedQueries(const PackedItems& packed, MatrixView<const float> queries, MatrixView<const float> items,
                  const float* bias, const CsrView<float>* exclude, Offset k)
      : packed_(packed),
        queries_(queries),
        items_(items),
        bias_(bias),
        exclude_(exclude),
        k_(k),
        rounded_(kQueries * packed.depth()),
        norms_(kQueries),
        thresholds_(kQueries),
        starts_(kTile * kSquare),
        scores_(kSquare * kSquare),
        lists_(kQueries) {}

  void run(Offset begin, Offset n, const TopK<float>& result) {
    begin_ = begin;
    n_ = n;
    for (Offset q = 0; q < round_up(n, kSquare); ++q) start_query(q);
    for (Offset p = 0; p < packed_.panels(); ++p) {
      for (Offset r = 0; r < kTile; ++r) copy_row(packed_.starts(p), kSquare, starts_.data() + r * kSquare);
      for (Offset q = 0; q < n; q += kSquare) {
        multiply(rounded_.data() + q * packed_.depth(), packed_.panel(p));
        screen(q, p);
      }
      settle();
    }
    for (Offset q = 0; q < n; ++q) lists_[q].write(result.ids.row(begin + q), result.scores.row(begin + q));
  }

 private:
  void start_query(Offset q) {
    std::uint16_t* out = rounded_.data() + q * packed_.depth();
    const float* query = q < n_ ? queries_.row(begin_ + q) : nullptr;
    for (Offset f = 0; f < queries_.cols; ++f) out[f] = query ? to_bf16(query[f]) : std::uint16_t{0};
    norms_[q] = query ? norm(query, queries_.cols) + 1 : 0;
    lists_[q].reset(k_);
    thresholds_[q] = query ? lists_[q].threshold() : std::numeric_limits<float>::infinity();
  }

  __attribute__((target("amx-tile,amx-bf16"))) void multiply(const std::uint16_t* queries,
                                                             const std::uint16_t* items) {
    constexpr Offset row = kSquare * static_cast<Offset>(sizeof(float));
    const Offset stride = packed_.depth() * static_cast<Offset>(sizeof(std::uint16_t));
    _tile_loadd(0, starts_.data(), row);
    _tile_loadd(1, starts_.data() + kTile, row);
    _tile_loadd(2, starts_.data(), row);
    _tile_loadd(3, starts_.data() + kTile, row);
    for (Offset f = 0; f < packed_.depth(); f += kDepth, items += 2 * kTileEntries) {
      _tile_loadd(4, queries + f, stride);
      _tile_loadd(5, queries + kTile * packed_.depth() + f, stride);
      _tile_loadd(6, items, 64);
      _tile_dpbf16ps(0, 4, 6);
      _tile_loadd(7, items + kTileEntries, 64);
      _tile_dpbf16ps(1, 4, 7);
      _tile_dpbf16ps(2, 5, 6);
      _tile_dpbf16ps(3, 5, 7);
    }
    float* below = scores_.data() + kTile * kSquare;
    _tile_stored(0, scores_.data(), row);
    _tile_stored(1, scores_.data() + kTile, row);
    _tile_stored(2, below, row);
    _tile_stored(3, below + kTile, row);
  }

  // Notes whatever may enter a list.
  void screen(Offset first_query, Offset p) {
    alignas(64) float least[kSquare];
    for (Offset r = 0; r < kSquare; ++r) {
      least[r] = thresholds_[first_query + r] - packed_.margin(p) * norms_[first_query + r];
    }
    for (Offset r = 0; r < kSquare; ++r) {
      const float* scores = scores_.data() + r * kSquare;
      const __m512 bar = _mm512_set1_ps(least[r]);
      const __mmask16 low = _mm512_cmp_ps_mask(_mm512_load_ps(scores), bar, _CMP_GT_OQ);
      const __mmask16 high = _mm512_cmp_ps_mask(_mm512_load_ps(scores + kTile), bar, _CMP_GT_OQ);
      std::uint32_t open = _mm512_kunpackw(high, low);
      for (; __builtin_expect(open != 0, 0); open &= open - 1) {
        open_.push_back(
            {static_cast<Index>(first_query + r), static_cast<Index>(p * kSquare + __builtin_ctz(open))});
      }
    }
  }

  // Offers what was noted, by its true score. That is one long chain of multiply-adds: kChains of them
  // run side by side.
  void settle() {
    for (std::size_t begin = 0; begin < open_.size(); begin += kChains) {
      const std::size_t n = std::min<std::size_t>(kChains, open_.size() - begin);
      const float *query[kChains], *item[kChains];
      float score[kChains];
      for (std::size_t c = 0; c < kChains; ++c) {
        const Pair& pair = open_[begin + std::min(c, n - 1)];
        query[c] = queries_.row(begin_ + pair.query);
        item[c] = items_.row(pair.item);
        score[c] = bias_ ? bias_[pair.item] : 0.0f;
      }
      for (Offset f = 0; f < items_.cols; ++f) {
        for (std::size_t c = 0; c < kChains; ++c) score[c] = std::fma(query[c][f], item[c][f], score[c]);
      }
      for (std::size_t c = 0; c < n; ++c) offer(open_[begin + c].query, {score[c], open_[begin + c].item});
    }
    open_.clear();
  }

  void offer(Offset q, Entry<float> entry) {
    Best<float>& list = lists_[q];
    if (!(entry.score > list.threshold())) return;
    if (exclude_ && exclude_->row(begin_ + q).contains(entry.id)) return;
    list.push(entry);
    thresholds_[q] = list.threshold();
  }

  struct Pair {
    Index query, item;
  };
  static constexpr std::size_t kChains = 8;

  const PackedItems& packed_;
  MatrixView<const float> queries_, items_;
  const float* bias_;
  const CsrView<float>* exclude_;
  Offset k_, begin_ = 0, n_ = 0;
  AmxTiles tiles_;
  AlignedBuffer<std::uint16_t> rounded_;  // (kQueries, depth), padded with zeros
  AlignedBuffer<float> norms_;            // (kQueries): |q| + 1
  AlignedBuffer<float> thresholds_;       // (kQueries): those of the lists, infinity for no query
  AlignedBuffer<float> starts_;           // (16, kSquare): the panel's starts in every row
  AlignedBuffer<float> scores_;           // (kSquare, kSquare)
  std::vector<Best<float>> lists_;
  std::vector<Pair> open_;  // of the panel, by query and item
};

bool small(MatrixView<const float> x) {
  for (Offset i = 0; i < x.rows; ++i) {
    if (!(squared_norm(x.row(i), x.cols) < kLargest * kLargest)) return false;
  }
  return true;
}

}  // namespace

bool can_screen(MatrixView<const float> queries, MatrixView<const float> items, const float* bias) {
  if (!amx_available() || queries.rows < kMinQueries || queries.cols == 0) return false;
  for (Offset i = 0; bias && i < items.rows; ++i) {
    if (!(std::abs(bias[i]) < kLargest)) return false;
  }
  return small(queries) && small(items);
}

void top_k_screened(MatrixView<const float> queries, MatrixView<const float> items, const float* bias,
                    const CsrView<float>* exclude, TopK<float> result, const Execution& run) {
  const PackedItems packed(items, bias, run);
  const double work = 0.25 * queries.rows * items.rows * items.cols;
  const Offset tile = std::clamp<Offset>(round_up(queries.rows / 16 + 1, kSquare), kSquare, kQueries);
  parallel_for((queries.rows + tile - 1) / tile, work, run,
               [&] { return ScreenedQueries(packed, queries, items, bias, exclude, result.ids.cols); },
               [&](ScreenedQueries& scratch, Offset t) {
                 scratch.run(t * tile, std::min(tile, queries.rows - t * tile), result);
               });
}

}  // namespace eckart

#else

namespace eckart {

bool can_screen(MatrixView<const float>, MatrixView<const float>, const float*) { return false; }
void top_k_screened(MatrixView<const float>, MatrixView<const float>, const float*, const CsrView<float>*,
                    TopK<float>, const Execution&) {}

}  // namespace eckart

#endif
