#include "attention_split.hpp"

#include <atomic>

#include "attention_blocks.hpp"
#include "attention_strips.hpp"

namespace eckart {
namespace attention {

#if ECKART_HAS_AMX

namespace {

constexpr Offset kQueries = 32,
                 kKeys = 128;  // of a block: scores and their parts stay near the first-level cache
constexpr Offset kTasks = 16;  // heads are cut into parts where there are fewer

struct Workspace {
  AmxTiles tiles;
  Strips q, keys, values, chances;
  PooledBuffer<float> scores, sums, added;
  float most[kQueries], total[kQueries], shrink[kQueries];

  explicit Workspace(const Attention<float>& a)
      : q(kQueries, a.width),
        keys(a.keys, a.width),
        values(a.value_width, a.keys),
        chances(kQueries, kKeys),
        scores(kQueries * kKeys),
        sums(kQueries * whole_squares(a.value_width)),
        added(kQueries * whole_squares(a.value_width)) {}
};

// The scores of a block become parts of powers of two; the running maximum and total of each row follow.
void take_powers(Offset columns, Workspace& w) {
  for (Offset i = 0; i < kQueries; ++i) {
    const float* row = w.scores.data() + i * kKeys;
    const float most = std::max(w.most[i], largest(row, columns));
    const float shift = most == -kInfinity<float> ? 0.0f : most;
    Simd<float> sums{};
    Word* to = w.chances.at(i, 0) + i % kStrip * kStrip;
    for (Offset j = 0; j < columns; j += 32, to += split::kStepWords) {
      const Simd<float> x = vector_exp2<float>(load(row + j) - shift);
      const Simd<float> y = vector_exp2<float>(load(row + j + 16) - shift);
      sums += x + y;
      split::split_pairs(x, y, to);
    }
    w.shrink[i] = w.total[i] == 0 || w.most[i] == shift ? 1.0f : std::exp2(w.most[i] - shift);
    w.total[i] = w.total[i] * w.shrink[i] + sum_lanes<float>(sums);
    w.most[i] = most;
  }
}

// One block of keys into the running maximum, total and sums.
void add_keys(const Attention<float>& a, const HeadMask<float>& mask, Offset query, Offset m, Offset key,
              Offset n, bool first, Workspace& w) {
  const Offset columns = whole_squares(n), width = whole_squares(a.value_width);
  float* scores = w.scores.data();
  multiply(w.q, 0, 0, w.keys, key, 0, kQueries, columns, a.width, scores, kKeys);
  if (mask.data || (a.causal && key + n > query + 1)) hide(mask, a.causal, query, m, key, n, scores, kKeys);
  if (columns > n) {
    for (Offset i = 0; i < kQueries; ++i)
      std::fill(scores + i * kKeys + n, scores + i * kKeys + columns, -kInfinity<float>);
  }
  take_powers(columns, w);
  float *sums = w.sums.data(), *added = first ? sums : w.added.data();
  multiply(w.chances, 0, 0, w.values, 0, key, kQueries, width, columns, added, width);
  if (first) return;
  for (Offset i = 0; i < kQueries; ++i) {
    for (Offset j = i * width; j < (i + 1) * width; j += 16) {
      store(sums + j, load(sums + j) * w.shrink[i] + load(added + j));
    }
  }
}

bool attend_block(const Attention<float>& a, const HeadMask<float>& mask, const float* q, Offset query,
                  Offset m, float* y, Offset y_row, float* lse, Workspace& w) {
  const Offset keys = visible(a, query + m), width = whole_squares(a.value_width);
  std::fill(w.most, w.most + kQueries, -kInfinity<float>);
  std::fill(w.total, w.total + kQueries, 0.0f);
  const float factor = static_cast<float>(a.scale * kLog2E);
  if (!w.q.pack(true, q + query * a.q.row, a.q.row, 1, m, a.width, factor)) return false;
  bool first = true;
  for (Offset key = 0; key < keys; key += kKeys) {
    const Offset n = std::min(kKeys, keys - key);
    if (mask.hides(query, m, key, n)) continue;
    add_keys(a, mask, query, m, key, n, first, w);
    first = false;
  }
  for (Offset i = 0; i < m; ++i) {
    const bool sees = w.total[i] != 0;
    lse[query + i] = sees ? w.most[i] + std::log2(w.total[i]) : kInfinity<float>;
    float* to = y + (query + i) * y_row;
    if (first) {
      std::fill(to, to + a.value_width, 0.0f);
    } else {
      scale_row(w.sums.data() + i * width, a.value_width, sees ? 1 / w.total[i] : 0.0f, to);
    }
  }
  return true;
}

}  // namespace

bool is_split(const Attention<float>& a) {
  return split::wanted() && a.width >= 16 && a.value_width >= 16 && a.queries >= 32 && a.keys >= 32;
}

bool attend_split(const Attention<float>& a, const Heads<float>& y, float* lse, const Execution& run) {
  const Offset heads = a.batch * a.heads, blocks = (a.queries + kQueries - 1) / kQueries;
  const Offset parts = std::min(blocks, (kTasks + heads - 1) / heads);
  const double work = 2.0 * heads * a.queries * a.keys * (a.width + a.value_width);
  std::atomic<bool> finite{true};
  parallel_for(
      heads * parts, work, run, [&] { return Workspace(a); },
      [&](Workspace& w, Offset task) {
        const Offset head = task / parts, part = task % parts, b = head / a.heads, h = head % a.heads;
        const Offset begin = blocks * part / parts * kQueries;
        const Offset end = std::min(a.queries, blocks * (part + 1) / parts * kQueries),
                     keys = visible(a, end);
        bool good = w.keys.pack(false, a.k.at(b, h), a.k.row, 1, keys, a.width);
        good = good && w.values.pack(false, a.v.at(b, h), 1, a.v.row, a.value_width, keys);
        for (Offset query = begin; good && query < end; query += kQueries) {
          good = attend_block(a, HeadMask<float>(a.mask, b, h), a.q.at(b, h), query,
                              std::min(kQueries, end - query), y.at(b, h), y.row, lse + head * a.queries, w);
        }
        if (!good) finite = false;
      });
  return finite;
}

#else

bool is_split(const Attention<float>&) { return false; }
bool attend_split(const Attention<float>&, const Heads<float>&, float*, const Execution&) { return false; }

#endif

}  // namespace attention
}  // namespace eckart
