#include <atomic>
#include <vector>

#include "attention_blocks.hpp"
#include "attention_split.hpp"
#include "attention_strips.hpp"
#include "eckart/base/vector_loop.hpp"
#include "eckart/base/vector_rows.hpp"

namespace eckart {
namespace attention {

#if ECKART_HAS_AMX

namespace {

constexpr Offset kQueries = 64, kKeys = 64;  // of a block

// dV and dK are found transposed: so P and dS are right operands, whose pairs are rows of a block.
struct Workspace {
  AmxTiles tiles;
  Strips q, dy, keys, values;                 // of scores and of their slopes
  Strips turned_q, turned_dy, straight_keys;  // of the gradients
  Strips chances, slopes, slope_rows;         // P and dS of a block, dS also as the left operand of dQ
  PooledBuffer<float> scores, dscores;        // (kQueries, kKeys)
  PooledBuffer<float> dq, dk, dv, added;      // (kQueries, width), (width, keys), (value width, keys)
  Offset dk_rows, dv_rows, keys_row;
  std::vector<Offset> held;                 // of each block of keys, how many dk and dv hold already
  float products[kQueries], lse[kQueries];  // of the rows of dy and y

  explicit Workspace(const Attention<float>& a)
      : q(a.queries, a.width),
        dy(a.queries, a.value_width),
        keys(a.keys, a.width),
        values(a.keys, a.value_width),
        turned_q(a.width, a.queries),
        turned_dy(a.value_width, a.queries),
        straight_keys(a.width, a.keys),
        chances(kKeys, kQueries),
        slopes(kKeys, kQueries),
        slope_rows(kQueries, kKeys),
        scores(kQueries * kKeys),
        dscores(kQueries * kKeys),
        dq(kQueries * whole_squares(a.width)),
        dk(whole_squares(a.width) * whole_squares(a.keys)),
        dv(whole_squares(a.value_width) * whole_squares(a.keys)),
        added(std::max(whole_squares(a.width), whole_squares(a.value_width)) * kKeys),
        dk_rows(whole_squares(a.width)),
        dv_rows(whole_squares(a.value_width)),
        keys_row(whole_squares(a.keys)),
        held(static_cast<std::size_t>((a.keys + kKeys - 1) / kKeys)) {}
};

// to (rows, columns), rows `to_row` apart, += from, rows `from_row` apart.
void add_block(const float* from, Offset from_row, Offset rows, Offset columns, float* to, Offset to_row) {
  for (Offset i = 0; i < rows; ++i) {
    for (Offset j = 0; j < columns; j += 16) {
      float* at = to + i * to_row + j;
      store(at, load(at) + load(from + i * from_row + j));
    }
  }
}

// Columns of dk and dv that hold nothing yet.
void clear_keys(Offset key, Offset n, Workspace& w) {
  if (n <= 0) return;
  for (Offset i = 0; i < w.dk_rows; ++i) std::fill_n(w.dk.data() + i * w.keys_row + key, n, 0.0f);
  for (Offset i = 0; i < w.dv_rows; ++i) std::fill_n(w.dv.data() + i * w.keys_row + key, n, 0.0f);
}

// to (rows, columns) = or += A B, as `multiply` has them.
void multiply_onto(bool add, Strips& a, Offset a_line, Offset a_term, Strips& b, Offset b_line, Offset b_term,
                   Offset rows, Offset columns, Offset terms, float* to, Offset to_row, float* added) {
  if (!add) return multiply(a, a_line, a_term, b, b_line, b_term, rows, columns, terms, to, to_row);
  multiply(a, a_line, a_term, b, b_line, b_term, rows, columns, terms, added, columns);
  add_block(added, columns, rows, columns, to, to_row);
}

// The scores and dP of a block become parts of P and dS. Rows come in pairs 16 apart, vectors too.
void take_slopes(Offset rows, Offset columns, Workspace& w) {
  for (Offset block = 0; block < rows; block += 32) {
    for (Offset r = 0; r < 16; ++r) {
      const Offset row[2] = {block + r, block + r + 16};
      for (Offset j = 0; j < columns; j += 32) {
        Simd<float> p[2][2];
        split::Parts s[2][2];
        for (int i = 0; i < 2; ++i) {
          for (int v = 0; v < 2; ++v) {
            const Offset at = row[i] * kKeys + j + 16 * v;
            p[i][v] = vector_exp2<float>(load(w.scores.data() + at) - w.lse[row[i]]);
            s[i][v] = split::parts_of(p[i][v] * (load(w.dscores.data() + at) - w.products[row[i]]));
          }
          split::store_pairs(s[i][0], s[i][1], w.slope_rows.at(row[i], j) + row[i] % 16 * 16);
        }
        for (int v = 0; v < 2; ++v) {
          split::split_pairs(p[0][v], p[1][v], w.chances.at(j + 16 * v, block) + r * 16);
          split::store_pairs(s[0][v], s[1][v], w.slopes.at(j + 16 * v, block) + r * 16);
        }
      }
    }
  }
}

// What a block of queries and keys adds to dq, dk and dv; `first_query`, `first_keys`: where nothing stands
// yet.
void add_block(const Attention<float>& a, const HeadMask<float>& mask, Offset query, Offset m, Offset key,
               Offset n, bool first_query, bool first_keys, Workspace& w) {
  const Offset rows = whole_squares(m), columns = whole_squares(n);
  const Offset width = whole_squares(a.width), value_width = whole_squares(a.value_width);
  float *scores = w.scores.data(), *added = w.added.data();
  multiply(w.q, query, 0, w.keys, key, 0, rows, columns, a.width, scores, kKeys);
  multiply(w.dy, query, 0, w.values, key, 0, rows, columns, a.value_width, w.dscores.data(), kKeys);
  if (mask.data || (a.causal && key + n > query + 1)) hide(mask, a.causal, query, m, key, n, scores, kKeys);
  if (columns > n) {
    for (Offset i = 0; i < m; ++i)
      std::fill(scores + i * kKeys + n, scores + i * kKeys + columns, -kInfinity<float>);
  }
  take_slopes(rows, columns, w);
  multiply_onto(!first_keys, w.turned_dy, 0, query, w.chances, 0, 0, value_width, columns, rows,
                w.dv.data() + key, w.keys_row, added);
  multiply_onto(!first_keys, w.turned_q, 0, query, w.slopes, 0, 0, width, columns, rows, w.dk.data() + key,
                w.keys_row, added);
  multiply_onto(!first_query, w.slope_rows, 0, 0, w.straight_keys, 0, key, rows, width, columns, w.dq.data(),
                width, added);
}

// The inner products of the rows of dy and y, and the sums of the scores, for a block of queries.
void take_row_numbers(const Attention<float>& a, const float* y, Offset y_row, const float* dy, Offset dy_row,
                      const float* lse, Offset m, Workspace& w) {
  for (Offset first = 0; first < kQueries; first += kStrip) {
    Simd<float> rows[kStrip] = {};
    for (Offset r = first; r < std::min(m, first + kStrip); ++r) {
      for_vectors<float>(0, a.value_width, [&](Offset j, auto lanes) {
        rows[r - first] += lanes.load(dy + r * dy_row + j) * lanes.load(y + r * y_row + j);
      });
    }
    store(w.products + first, sums_of_rows<float>(rows));
  }
  copy_row(lse, m, w.lse);
  std::fill(w.lse + m, w.lse + kQueries, kInfinity<float>);
}

bool pack_head(const Attention<float>& a, const float* q, const float* k, const float* v, const float* dy,
               Offset dy_row, Workspace& w) {
  bool good = w.q.pack(true, q, a.q.row, 1, a.queries, a.width, static_cast<float>(a.scale * kLog2E));
  good = good && w.dy.pack(true, dy, dy_row, 1, a.queries, a.value_width);
  good = good && w.keys.pack(false, k, a.k.row, 1, a.keys, a.width);
  good = good && w.values.pack(false, v, a.v.row, 1, a.keys, a.value_width);
  if (!good) return false;
  w.turned_q.pack(true, q, 1, a.q.row, a.width, a.queries);
  w.turned_dy.pack(true, dy, 1, dy_row, a.value_width, a.queries);
  w.straight_keys.pack(false, k, 1, a.k.row, a.width, a.keys);
  return true;
}

bool backward_head(const Attention<float>& a, Offset b, Offset h, const Heads<const float>& y,
                   const float* lse, const Heads<const float>& dy, const Heads<float>& dq,
                   const Heads<float>& dk, const Heads<float>& dv, Workspace& w) {
  const HeadMask<float> mask(a.mask, b, h);
  const Offset width = whole_squares(a.width);
  const float scale = static_cast<float>(a.scale);
  if (!pack_head(a, a.q.at(b, h), a.k.at(b, h), a.v.at(b, h), dy.at(b, h), dy.row, w)) return false;
  std::fill(w.held.begin(), w.held.end(), Offset{0});
  const Offset most = a.causal ? kQueries / 2 : kQueries;  // smaller blocks leave more out
  for (Offset query = 0; query < a.queries; query += most) {
    const Offset m = std::min(most, a.queries - query), keys = visible(a, query + m);
    take_row_numbers(a, y.at(b, h) + query * y.row, y.row, dy.at(b, h) + query * dy.row, dy.row, lse + query,
                     m, w);
    bool first = true;
    for (Offset key = 0; key < keys; key += kKeys) {
      const Offset n = std::min(kKeys, keys - key);
      if (mask.hides(query, m, key, n)) continue;
      Offset& held = w.held[static_cast<std::size_t>(key / kKeys)];
      const Offset columns = whole_squares(n);
      if (held > 0) clear_keys(key + held, columns - held, w);  // fewer were visible before
      add_block(a, mask, query, m, key, n, first, held == 0, w);
      held = std::max(held, columns);
      first = false;
    }
    if (first) std::fill_n(w.dq.data(), m * width, 0.0f);
    for (Offset i = 0; i < m; ++i) {
      scale_row(w.dq.data() + i * width, a.width, scale, dq.at(b, h) + (query + i) * dq.row);
    }
  }
  for (Offset key = 0; key < a.keys; key += kKeys) {
    const Offset held = w.held[static_cast<std::size_t>(key / kKeys)];
    clear_keys(key + held, whole_squares(std::min(kKeys, a.keys - key)) - held, w);
  }
  split::write_turned(w.dk.data(), w.keys_row, a.keys, a.width, scale, dk.at(b, h), dk.row);
  split::write_turned(w.dv.data(), w.keys_row, a.keys, a.value_width, 1, dv.at(b, h), dv.row);
  return true;
}

}  // namespace

bool attend_split_backward(const Attention<float>& a, const Heads<const float>& y, const float* lse,
                           const Heads<const float>& dy, const Heads<float>& dq, const Heads<float>& dk,
                           const Heads<float>& dv, const Execution& run) {
  const double work = 2.0 * a.batch * a.heads * a.queries * a.keys * (3 * a.width + 2 * a.value_width);
  std::atomic<bool> finite{true};
  parallel_for(
      a.batch * a.heads, work, run, [&] { return Workspace(a); },
      [&](Workspace& w, Offset head) {
        if (!backward_head(a, head / a.heads, head % a.heads, y, lse + head * a.queries, dy, dq, dk, dv, w)) {
          finite = false;
        }
      });
  return finite;
}

#else

bool attend_split_backward(const Attention<float>&, const Heads<const float>&, const float*,
                           const Heads<const float>&, const Heads<float>&, const Heads<float>&,
                           const Heads<float>&, const Execution&) {
  return false;
}

#endif

}  // namespace attention
}  // namespace eckart
