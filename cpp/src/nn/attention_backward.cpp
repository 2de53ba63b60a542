#include "attention_blocks.hpp"
#include "attention_split.hpp"

namespace eckart {

namespace attention {
namespace {

constexpr Offset kQueries = 64,
                 kKeys = 128;  // of a block: two of scores, one of dy and one of q in the caches

template <class T>
struct Workspace {
  Panels<T> keys, values;  // transposed
  PaddedRows<T> q, k, dy;
  PooledBuffer<T> chances, slopes;  // P and dP, then dS: (kQueries, kKeys)
  PooledBuffer<T> dq, dk, dv;       // (block, width), (keys, width), (keys, value width), padded
  T products[kQueries];             // of the rows of dy and y

  explicit Workspace(const Attention<T>& a)
      : keys(a.keys, a.width),
        values(a.keys, a.value_width),
        q(a.queries, a.width),
        k(a.keys, a.width),
        dy(a.queries, a.value_width),
        chances(kQueries * step()),
        slopes(kQueries * step()),
        dq(kQueries * padded<T>(a.width)),
        dk(a.keys * padded<T>(a.width)),
        dv(a.keys * padded<T>(a.value_width)) {}
  static Offset step() { return kKeys + 16; }
};

// What a block of queries and keys adds to dq, dk and dv.
template <class T>
void add_block(const Attention<T>& a, const HeadMask<T>& mask, const T* lse, Offset query, Offset m,
               Offset key, Offset n, Workspace<T>& w) {
  const Offset step = w.step(), width = padded<T>(a.width), value_width = padded<T>(a.value_width);
  T *p = w.chances.data(), *s = w.slopes.data();
  w.keys.multiply(m, {w.q.row(query), w.q.step(), 1}, key, n, p, step);
  w.values.multiply(m, {w.dy.row(query), w.dy.step(), 1}, key, n, s, step);
  if (mask.data || (a.causal && key + n > query + 1)) hide(mask, a.causal, query, m, key, n, p, step);
  for (Offset i = 0; i < m; ++i) {
    T *chance = p + i * step, *slope = s + i * step;
    if (lse[query + i] == kInfinity<T>) {
      std::fill(chance, chance + n, T(0));
    } else {
      powers_of_two(chance, n, lse[query + i]);
    }
    const T product = w.products[i];
    for (Offset j = 0; j < n; ++j) slope[j] = chance[j] * (slope[j] - product);
  }
  multiply_block<T>(n, value_width, m, {p, 1, step}, w.dy.row(query), w.dy.step(),
                    w.dv.data() + key * value_width, value_width, true);
  multiply_block<T>(n, width, m, {s, 1, step}, w.q.row(query), w.q.step(), w.dk.data() + key * width, width,
                    true);
  multiply_block<T>(m, width, n, {s, step, 1}, w.k.row(key), w.k.step(), w.dq.data(), width, true);
}

// to = scale * from, without the padding.
template <class T>
void write_rows(const T* from, Offset rows, Offset width, T scale, T* to, Offset to_row) {
  for (Offset i = 0; i < rows; ++i) scale_row(from + i * padded<T>(width), width, scale, to + i * to_row);
}

template <class T>
void backward_head(const Attention<T>& a, Offset b, Offset h, const Heads<const T>& y, const T* lse,
                   const Heads<const T>& dy, const Heads<T>& dq, const Heads<T>& dk, const Heads<T>& dv,
                   Workspace<T>& w) {
  const HeadMask<T> mask(a.mask, b, h);
  w.keys.pack(a.k.at(b, h), a.k.row, a.keys, T(a.scale * kLog2E));
  w.values.pack(a.v.at(b, h), a.v.row, a.keys, T(1));
  w.q.take(a.q.at(b, h), a.q.row, a.queries);
  w.k.take(a.k.at(b, h), a.k.row, a.keys);
  w.dy.take(dy.at(b, h), dy.row, a.queries);
  std::fill_n(w.dk.data(), a.keys * padded<T>(a.width), T(0));
  std::fill_n(w.dv.data(), a.keys * padded<T>(a.value_width), T(0));
  even_shares(a.queries, kQueries, [&](Offset query, Offset m) {
    std::fill_n(w.dq.data(), m * padded<T>(a.width), T(0));
    for (Offset i = 0; i < m; ++i) {
      w.products[i] =
          dot(dy.at(b, h) + (query + i) * dy.row, y.at(b, h) + (query + i) * y.row, a.value_width);
    }
    const Offset keys = visible(a, query + m);
    for (Offset key = 0; key < keys; key += kKeys) {
      const Offset n = std::min(kKeys, keys - key);
      if (!mask.hides(query, m, key, n)) add_block(a, mask, lse, query, m, key, n, w);
    }
    write_rows(w.dq.data(), m, a.width, T(a.scale), dq.at(b, h) + query * dq.row, dq.row);
  });
  write_rows(w.dk.data(), a.keys, a.width, T(a.scale), dk.at(b, h), dk.row);
  write_rows(w.dv.data(), a.keys, a.value_width, T(1), dv.at(b, h), dv.row);
}

}  // namespace
}  // namespace attention

template <class T>
void attend_backward(const Attention<T>& a, const Heads<const T>& y, const T* lse, const Heads<const T>& dy,
                     const Heads<T>& dq, const Heads<T>& dk, const Heads<T>& dv, const Execution& run) {
  using namespace attention;
  if constexpr (std::is_same_v<T, float>) {
    if (is_split(a) && attend_split_backward(a, y, lse, dy, dq, dk, dv, run)) return;
  }
  const double work = 2.0 * a.batch * a.heads * a.queries * a.keys * (3 * a.width + 2 * a.value_width);
  parallel_for(
      a.batch * a.heads, work, run, [&] { return Workspace<T>(a); },
      [&](Workspace<T>& w, Offset head) {
        const T* head_lse = lse + head * a.queries;
        backward_head(a, head / a.heads, head % a.heads, y, head_lse, dy, dq, dk, dv, w);
      });
}

template void attend_backward(const Attention<float>&, const Heads<const float>&, const float*,
                              const Heads<const float>&, const Heads<float>&, const Heads<float>&,
                              const Heads<float>&, const Execution&);
template void attend_backward(const Attention<double>&, const Heads<const double>&, const double*,
                              const Heads<const double>&, const Heads<double>&, const Heads<double>&,
                              const Heads<double>&, const Execution&);

}  // namespace eckart
