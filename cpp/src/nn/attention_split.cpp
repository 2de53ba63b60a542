#include "attention_split.hpp"

#include <atomic>

#include "attention_blocks.hpp"
#include "attention_strips.hpp"
#include "eckart/base/vector_log.hpp"
#include "eckart/base/vector_rows.hpp"

namespace eckart {
namespace attention {

#if ECKART_HAS_AMX

namespace {

constexpr Offset kQueries = 64,
                 kKeys = 128;  // of a block: scores and their parts stay near the first-level cache
constexpr Offset kTasks = 16;  // heads are cut into parts where there are fewer

// Smaller blocks leave more out where keys behind a query are not seen.
Offset rows_of_block(const Attention<float>& a) { return a.causal ? kQueries / 2 : kQueries; }

struct Workspace {
  AmxTiles tiles;
  Offset rows = 0;  // of this block, in whole squares
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

// The scores of a block become parts of powers of two; the running maximum and total of each row follow. What
// is a number of each row is found for 16 rows at a time.
void take_powers(Offset columns, Workspace& w) {
  using Vector = Simd<float>;
  for (Offset first = 0; first < w.rows; first += kStrip) {
    const float* scores = w.scores.data() + first * kKeys;
    Vector rows[kStrip];
#pragma GCC unroll 16
    for (int r = 0; r < kStrip; ++r) {
      rows[r] = load(scores + r * kKeys);
      for (Offset j = 16; j < columns; j += 16) {
        const Vector x = load(scores + r * kKeys + j);
        rows[r] = x > rows[r] ? x : rows[r];
      }
    }
    const Vector last = load(w.most + first), here = largest_of_rows<float>(rows);
    const Vector most = here > last ? here : last, shift = most == -kInfinity<float> ? Vector{} : most;
    const Vector total = load(w.total + first);
    const Vector shrink = total == 0.0f ? broadcast(1.0f) : vector_exp2<float>(last - shift);
    float shifts[kStrip];
    store(shifts, shift);
    for (Offset r = 0; r < kStrip; ++r) {
      Word* to = w.chances.at(first, 0) + r * kStrip;
      rows[r] = Vector{};
      for (Offset j = 0; j < columns; j += 32, to += split::kStepWords) {
        const Vector x = vector_exp2<float>(load(scores + r * kKeys + j) - shifts[r]);
        const Vector y = vector_exp2<float>(load(scores + r * kKeys + j + 16) - shifts[r]);
        rows[r] += x + y;
        split::split_pairs(x, y, to);
      }
    }
    store(w.total + first, total * shrink + sums_of_rows<float>(rows));
    store(w.most + first, most);
    store(w.shrink + first, shrink);
  }
}

// One block of keys into the running maximum, total and sums.
void add_keys(const Attention<float>& a, const HeadMask<float>& mask, Offset query, Offset m, Offset key,
              Offset n, bool first, Workspace& w) {
  const Offset columns = whole_squares(n), width = whole_squares(a.value_width);
  float* scores = w.scores.data();
  multiply(w.q, 0, 0, w.keys, key, 0, w.rows, columns, a.width, scores, kKeys);
  if (mask.data || (a.causal && key + n > query + 1)) hide(mask, a.causal, query, m, key, n, scores, kKeys);
  if (columns > n) {
    for (Offset i = 0; i < w.rows; ++i)
      std::fill(scores + i * kKeys + n, scores + i * kKeys + columns, -kInfinity<float>);
  }
  take_powers(columns, w);
  float *sums = w.sums.data(), *added = first ? sums : w.added.data();
  multiply(w.chances, 0, 0, w.values, 0, key, w.rows, width, columns, added, width);
  if (first) return;
  for (Offset i = 0; i < w.rows; ++i) {
    for (Offset j = i * width; j < (i + 1) * width; j += 16) {
      store(sums + j, load(sums + j) * w.shrink[i] + load(added + j));
    }
  }
}

// The rows of the result, and log2 of what they were divided by; `nothing`: no key was seen.
void finish_block(const Attention<float>& a, Offset m, bool nothing, float* y, Offset y_row, float* lse,
                  Workspace& w) {
  const Offset width = whole_squares(a.value_width);
  for (Offset i = 0; i < w.rows; i += kStrip) {
    const Simd<float> total = load(w.total + i);
    const auto sees = total != 0.0f;
    const Simd<float> log2 = vector_log<float>(total) * static_cast<float>(kLog2E);
    store(w.most + i, sees ? load(w.most + i) + log2 : broadcast(kInfinity<float>));
    store(w.total + i, sees ? 1.0f / total : Simd<float>{});
  }
  copy_row(w.most, m, lse);
  for (Offset i = 0; i < m; ++i) {
    float* to = y + i * y_row;
    if (nothing) {
      std::fill(to, to + a.value_width, 0.0f);
    } else {
      scale_row(w.sums.data() + i * width, a.value_width, w.total[i], to);
    }
  }
}

bool attend_block(const Attention<float>& a, const HeadMask<float>& mask, const float* q, Offset query,
                  Offset m, float* y, Offset y_row, float* lse, Workspace& w) {
  const Offset keys = visible(a, query + m);
  w.rows = whole_squares(m);
  std::fill(w.most, w.most + w.rows, -kInfinity<float>);
  std::fill(w.total, w.total + w.rows, 0.0f);
  const float factor = static_cast<float>(a.scale * kLog2E);
  if (!w.q.pack(true, q + query * a.q.row, a.q.row, 1, m, a.width, factor)) return false;
  bool first = true;
  for (Offset key = 0; key < keys; key += kKeys) {
    const Offset n = std::min(kKeys, keys - key);
    if (mask.hides(query, m, key, n)) continue;
    add_keys(a, mask, query, m, key, n, first, w);
    first = false;
  }
  finish_block(a, m, first, y + query * y_row, y_row, lse + query, w);
  return true;
}

}  // namespace

bool is_split(const Attention<float>& a) {
  return split::wanted() && a.width >= 16 && a.value_width >= 16 && a.queries >= 32 && a.keys >= 32;
}

bool attend_split(const Attention<float>& a, const Heads<float>& y, float* lse, const Execution& run) {
  const Offset rows = rows_of_block(a), heads = a.batch * a.heads, blocks = (a.queries + rows - 1) / rows;
  const Offset parts = std::min(blocks, (kTasks + heads - 1) / heads);
  const double work = 2.0 * heads * a.queries * a.keys * (a.width + a.value_width);
  std::atomic<bool> finite{true};
  parallel_for(
      heads * parts, work, run, [&] { return Workspace(a); },
      [&](Workspace& w, Offset task) {
        const Offset head = task / parts, part = task % parts, b = head / a.heads, h = head % a.heads;
        const Offset begin = blocks * part / parts * rows;
        const Offset end = std::min(a.queries, blocks * (part + 1) / parts * rows), keys = visible(a, end);
        bool good = w.keys.pack(false, a.k.at(b, h), a.k.row, 1, keys, a.width);
        good = good && w.values.pack(false, a.v.at(b, h), 1, a.v.row, a.value_width, keys);
        for (Offset query = begin; good && query < end; query += rows) {
          good = attend_block(a, HeadMask<float>(a.mask, b, h), a.q.at(b, h), query,
                              std::min(rows, end - query), y.at(b, h), y.row, lse + head * a.queries, w);
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
