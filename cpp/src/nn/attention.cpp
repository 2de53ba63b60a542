#include "eckart/nn/attention.hpp"

#include "attention_blocks.hpp"
#include "attention_split.hpp"

namespace eckart {

namespace attention {
namespace {

constexpr Offset kQueries = 36, kKeys = 256;  // of a block: its scores nearly fit the first-level cache
constexpr Offset kTasks = 16;                 // heads are cut into parts where there are fewer

// x = 2^(x - shift); returns their sum.
template <class T>
T exponentiate(T* x, Offset n, T shift) {
  constexpr Offset lanes = kSimdWidth<T>;
  Simd<T> sum[2] = {};
  Offset i = 0;
  for (; i + 2 * lanes <= n; i += 2 * lanes) {
    for (int u = 0; u < 2; ++u) {
      const Simd<T> e = vector_exp2<T>(load(x + i + u * lanes) - shift);
      store(x + i + u * lanes, e);
      sum[u] += e;
    }
  }
  T total = sum_lanes<T>(sum[0] + sum[1]);
  if (i < n) {
    powers_of_two(x + i, n - i, shift);
    for (; i < n; ++i) total += x[i];
  }
  return total;
}

template <class T>
struct Workspace {
  Panels<T> keys;
  PaddedRows<T> values;
  PooledBuffer<T> scores, sums;
  T most[kQueries], total[kQueries];

  explicit Workspace(const Attention<T>& a)
      : keys(a.keys, a.width),
        values(a.keys, a.value_width),
        scores(kQueries * step()),
        sums(kQueries * padded<T>(a.value_width)) {}
  static Offset step() { return kKeys + 16; }  // not a power of two: rows would share cache sets
};

// One block of keys: its scores into the running maximum, total and sums.
template <class T>
void add_keys(const Attention<T>& a, const HeadMask<T>& mask, const T* q, Offset query, Offset m, Offset key,
              Offset n, Workspace<T>& w) {
  const Offset step = w.step(), width = padded<T>(a.value_width);
  T* scores = w.scores.data();
  w.keys.multiply(m, {q + query * a.q.row, a.q.row, 1}, key, n, scores, step);
  if (mask.data || (a.causal && key + n > query + 1)) hide(mask, a.causal, query, m, key, n, scores, step);
  for (Offset i = 0; i < m; ++i) {
    T* row = scores + i * step;
    const T most = std::max(w.most[i], largest(row, n));
    const T shift = most == -kInfinity<T> ? T(0) : most;
    const T total = exponentiate(row, n, shift);
    if (w.total[i] != T(0) && w.most[i] != shift) {
      const T shrink = std::exp2(w.most[i] - shift);
      w.total[i] *= shrink;
      scale_row(w.sums.data() + i * width, width, shrink, w.sums.data() + i * width);
    }
    w.total[i] += total;
    w.most[i] = most;
  }
  multiply_block<T>(m, width, n, {scores, step, 1}, w.values.row(key), w.values.step(), w.sums.data(), width,
                    true);
}

template <class T>
void attend_block(const Attention<T>& a, const HeadMask<T>& mask, const T* q, Offset query, Offset m, T* y,
                  Offset y_row, T* lse, Workspace<T>& w) {
  const Offset width = padded<T>(a.value_width), keys = visible(a, query + m);
  std::fill(w.most, w.most + m, -kInfinity<T>);
  std::fill(w.total, w.total + m, T(0));
  std::fill_n(w.sums.data(), m * width, T(0));
  for (Offset key = 0; key < keys; key += kKeys) {
    const Offset n = std::min(kKeys, keys - key);
    if (!mask.hides(query, m, key, n)) add_keys(a, mask, q, query, m, key, n, w);
  }
  for (Offset i = 0; i < m; ++i) {
    const bool sees = w.total[i] != T(0);
    lse[query + i] = sees ? w.most[i] + std::log2(w.total[i]) : kInfinity<T>;
    scale_row(w.sums.data() + i * width, a.value_width, sees ? 1 / w.total[i] : T(0),
              y + (query + i) * y_row);
  }
}

}  // namespace
}  // namespace attention

template <class T>
void attend(const Attention<T>& a, const Heads<T>& y, T* lse, const Execution& run) {
  using namespace attention;
  const Offset heads = a.batch * a.heads;
  if (heads == 0 || a.queries == 0) return;
  if constexpr (std::is_same_v<T, float>) {
    if (is_split(a) && attend_split(a, y, lse, run)) return;
  }
  const Offset blocks = (a.queries + kQueries - 1) / kQueries;
  const Offset parts = std::min(blocks, (kTasks + heads - 1) / heads);
  const double work = 2.0 * heads * a.queries * a.keys * (a.width + a.value_width);
  parallel_for(
      heads * parts, work, run, [&] { return Workspace<T>(a); },
      [&](Workspace<T>& w, Offset task) {
        const Offset head = task / parts, part = task % parts, b = head / a.heads, h = head % a.heads;
        const Offset begin = a.queries * part / parts, end = a.queries * (part + 1) / parts;
        const Offset keys = visible(a, end);
        w.keys.pack(a.k.at(b, h), a.k.row, keys, T(a.scale * kLog2E));
        w.values.take(a.v.at(b, h), a.v.row, keys);
        even_shares(end - begin, kQueries, [&](Offset first, Offset m) {
          attend_block(a, HeadMask<T>(a.mask, b, h), a.q.at(b, h), begin + first, m, y.at(b, h), y.row,
                       lse + head * a.queries, w);
        });
      });
}

template void attend(const Attention<float>&, const Heads<float>&, float*, const Execution&);
template void attend(const Attention<double>&, const Heads<double>&, double*, const Execution&);

}  // namespace eckart
