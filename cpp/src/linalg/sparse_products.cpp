#include "eckart/linalg/sparse_products.hpp"

#include <array>
#include <utility>
#include <vector>

#include "eckart/base/parallel.hpp"
#include "eckart/base/simd.hpp"
#include "eckart/linalg/eigen.hpp"

namespace eckart {

namespace {

constexpr Offset kEntries = 1 << 14;     // of a chunk: some hundred microseconds of work
constexpr Offset kAhead = 16;            // gathered rows on their way while one is used
constexpr int kGroup = 8;                // vectors of a row that are summed in one run over its entries
constexpr Offset kBlockBytes = 1 << 21;  // of x, which stays in the second-level cache
constexpr Offset kEntriesInBlock = 16;   // of a row on average, for the blocks to be worth it

template <class T>
void fetch(const T* row, Offset k) {
  constexpr Offset line = 64 / sizeof(T);
  for (Offset c = 0; c < k; c += line) __builtin_prefetch(row + c);
}

// body(i) for every row i, a chunk holding about equally many stored entries. The sum of a row is taken in
// the order of its entries, by one thread.
template <class T, class Body>
void over_rows(const CsrView<T>& a, Offset k, const Execution& run, Body body) {
  const auto bounds = balanced_chunks(a.indptr, a.n_rows, kEntries);
  parallel_for(
      static_cast<Offset>(bounds.size()) - 1, 2.0 * a.n_stored() * k + a.n_rows, run,
      [] { return NoScratch{}; },
      [&](NoScratch&, Offset chunk) {
        for (Offset i = bounds[chunk]; i < bounds[chunk + 1]; ++i) body(i);
      });
}

// The stored entries of a row from `begin` on whose index is below `bound`, and where its columns are
// gathered.
struct Run {
  Offset begin, end;  // of the rest of the row
  Index bound;
  const Offset* at;  // where the vectors begin
  bool first;        // else the sums go on from `out`
};

// out[at[v] : at[v] + width] = sum_e values[e] x[indices[e], at[v] : at[v] + width]: some vectors of one row
// of a product. Returns the first entry not used. Several sums a vector, as an addition takes four cycles.
template <class T, int count>
Offset gather(const CsrView<T>& a, const MatrixView<const T>& x, const Run& part, T* out) {
  constexpr int chains = count <= 2 ? 4 : count <= 6 ? 2 : 1;
  Simd<T> sums[chains][count] = {};
  const Offset* at = part.at;
  const Offset last = a.n_stored() - 1;
  const auto add = [&](Offset e, Simd<T>* sum) {
    const T* ahead = x.row(a.indices[std::min(e + kAhead, last)]);
    const T* row = x.row(a.indices[e]);
    const Simd<T> value = broadcast(a.values[e]);
    for (int v = 0; v < count; ++v) {
      __builtin_prefetch(ahead + at[v]);
      sum[v] += value * load<T>(row + at[v]);
    }
  };
  Offset e = part.begin;
  for (; e + chains <= part.end && a.indices[e + chains - 1] < part.bound; e += chains) {
    for (int chain = 0; chain < chains; ++chain) add(e + chain, sums[chain]);
  }
  for (int chain = 0; e < part.end && a.indices[e] < part.bound; ++e, ++chain) add(e, sums[chain]);
  for (int v = 0; v < count; ++v) {
    for (int chain = 1; chain < chains; ++chain) sums[0][v] += sums[chain][v];
    if (!part.first) sums[0][v] += load<T>(out + at[v]);
    store(out + at[v], sums[0][v]);
  }
  return e;
}

template <class T>
using Gather = Offset (*)(const CsrView<T>&, const MatrixView<const T>&, const Run&, T*);
template <class T, int... count>
constexpr std::array<Gather<T>, sizeof...(count)> gathers(std::integer_sequence<int, count...>) {
  return {&gather<T, count + 1>...};
}

// Fewer columns than a vector has lanes.
template <class T>
void gather_few(const CsrView<T>& a, const MatrixView<const T>& x, Offset i, T* out) {
  T sums[kSimdWidth<T>] = {};
  const Offset last = a.n_stored() - 1;
  for (Offset e = a.indptr[i]; e < a.indptr[i + 1]; ++e) {
    __builtin_prefetch(x.row(a.indices[std::min(e + kAhead, last)]));
    const T* row = x.row(a.indices[e]);
    for (Offset c = 0; c < x.cols; ++c) sums[c] += a.values[e] * row[c];
  }
  std::copy_n(sums, x.cols, out);
}

// Rows of x in a block of the gathered matrix that stays in the cache, if rows of A have enough entries in
// one.
template <class T>
Offset cached_rows(const CsrView<T>& a, const MatrixView<const T>& x) {
  const Offset rows = std::max<Offset>(1, kBlockBytes / (x.cols * static_cast<Offset>(sizeof(T))));
  const Offset blocks = x.rows / rows + 1;
  if (x.cols % kSimdWidth<T> != 0) return x.rows;
  return a.n_stored() / std::max<Offset>(a.n_rows, 1) >= kEntriesInBlock * blocks ? rows : x.rows;
}

}  // namespace

template <class T>
void sparse_dense(const CsrView<T>& a, const MatrixView<const T>& x, const MatrixView<T>& out,
                  const Execution& run) {
  constexpr auto table = gathers<T>(std::make_integer_sequence<int, kGroup>());
  constexpr Offset width = kSimdWidth<T>;
  const Offset k = x.cols;
  if (k < width) {
    over_rows(a, k, run, [&](Offset i) { gather_few(a, x, i, out.row(i)); });
    return;
  }
  std::vector<Offset> at;  // where the vectors of a row begin; the last overlaps the one before
  for (Offset c = 0; c < k; c += width) at.push_back(std::min(c, k - width));
  std::vector<Offset> next(a.indptr, a.indptr + a.n_rows);
  const Offset rows = cached_rows(a, x);
  for (Offset block = 0; block == 0 || block < x.rows; block += std::max<Offset>(rows, 1)) {
    const Index bound = static_cast<Index>(std::min(block + rows, x.rows));
    over_rows(a, k, run, [&](Offset i) {
      Offset reached = next[i];
      for (std::size_t v = 0; v < at.size(); v += kGroup) {
        const std::size_t count = std::min<std::size_t>(kGroup, at.size() - v);
        const Run part{next[i], a.indptr[i + 1], bound, at.data() + v, block == 0};
        reached = table[count - 1](a, x, part, out.row(i));
      }
      next[i] = reached;
    });
  }
}

template <class T>
void sampled_products(const CsrView<T>& pattern, const MatrixView<const T>& u, const MatrixView<const T>& v,
                      T* out, const Execution& run) {
  const Offset k = u.cols;
  const Offset n_stored = pattern.n_stored();
  over_rows(pattern, k, run, [&](Offset i) {
    const Eigen::Map<const Vector<T>> left(u.row(i), k);
    for (Offset e = pattern.indptr[i]; e < pattern.indptr[i + 1]; ++e) {
      if (e + kAhead < n_stored) fetch(v.row(pattern.indices[e + kAhead]), k);
      out[e] = k == 0 ? T(0) : left.dot(Eigen::Map<const Vector<T>>(v.row(pattern.indices[e]), k));
    }
  });
}

template void sparse_dense(const CsrView<float>&, const MatrixView<const float>&, const MatrixView<float>&,
                           const Execution&);
template void sparse_dense(const CsrView<double>&, const MatrixView<const double>&, const MatrixView<double>&,
                           const Execution&);
template void sampled_products(const CsrView<float>&, const MatrixView<const float>&,
                               const MatrixView<const float>&, float*, const Execution&);
template void sampled_products(const CsrView<double>&, const MatrixView<const double>&,
                               const MatrixView<const double>&, double*, const Execution&);

}  // namespace eckart
