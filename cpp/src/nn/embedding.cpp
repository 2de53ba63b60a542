#include "eckart/nn/embedding.hpp"

#include <algorithm>

#include "eckart/base/buffer_pool.hpp"
#include "eckart/base/parallel.hpp"
#include "eckart/base/simd.hpp"

namespace eckart {

template <class T>
void gather_rows(Offset n, Offset d, const Offset* ids, const T* table, T* y, const Execution& run) {
  parallel_ranges(n, 64, 2.0 * n * d, run, [&](Offset begin, Offset end) {
    for (Offset i = begin; i < end; ++i) copy_row(table + ids[i] * d, d, y + i * d);
  });
}

template <class T>
void scatter_rows(Offset n, Offset d, Offset rows, const Offset* ids, const T* dy, T* table,
                  const Execution& run) {
  // Places sorted by id: those of row r are order[starts[r]], ..., order[starts[r + 1] - 1].
  PooledBuffer<Offset> starts(rows + 1), next(rows), order(n);
  std::fill_n(starts.data(), rows + 1, Offset(0));
  for (Offset i = 0; i < n; ++i) ++starts.data()[ids[i] + 1];
  for (Offset r = 0; r < rows; ++r) starts.data()[r + 1] += starts.data()[r];
  std::copy_n(starts.data(), rows, next.data());
  for (Offset i = 0; i < n; ++i) order.data()[next.data()[ids[i]]++] = i;
  parallel_ranges(rows, 16, 1.0 * (n + rows) * d, run, [&](Offset begin, Offset end) {
    for (Offset r = begin; r < end; ++r) {
      T* to = table + r * d;
      std::fill_n(to, d, T(0));
      for (Offset k = starts.data()[r]; k < starts.data()[r + 1]; ++k) {
        const T* from = dy + order.data()[k] * d;
        for (Offset j = 0; j < d; ++j) to[j] += from[j];
      }
    }
  });
}

Offset first_outside(Offset n, const Offset* ids, Offset rows) {
  for (Offset i = 0; i < n; ++i) {
    if (ids[i] < 0 || ids[i] >= rows) return i;
  }
  return -1;
}

namespace {

constexpr int kCounters = 16;             // Philox counters side by side
constexpr Offset kBlock = 4 * kCounters;  // numbers of them

// Word w of counter 16 block + l becomes bits[16 w + l].
void random_block(Offset block, std::uint64_t seed, std::uint64_t call, std::uint32_t (&bits)[kBlock]) {
  std::uint32_t c[4][kCounters];
  for (int l = 0; l < kCounters; ++l) {
    const std::uint64_t counter = static_cast<std::uint64_t>(block) * kCounters + l;
    c[0][l] = static_cast<std::uint32_t>(counter);
    c[1][l] = static_cast<std::uint32_t>(counter >> 32);
    c[2][l] = static_cast<std::uint32_t>(call);
    c[3][l] = static_cast<std::uint32_t>(call >> 32);
  }
  std::uint32_t key0 = static_cast<std::uint32_t>(seed), key1 = static_cast<std::uint32_t>(seed >> 32);
  for (int round = 0; round < 10; ++round) {
    for (int l = 0; l < kCounters; ++l) {
      const std::uint64_t p0 = std::uint64_t{0xD2511F53u} * c[0][l],
                          p1 = std::uint64_t{0xCD9E8D57u} * c[2][l];
      c[0][l] = static_cast<std::uint32_t>(p1 >> 32) ^ c[1][l] ^ key0;
      c[1][l] = static_cast<std::uint32_t>(p1);
      c[2][l] = static_cast<std::uint32_t>(p0 >> 32) ^ c[3][l] ^ key1;
      c[3][l] = static_cast<std::uint32_t>(p0);
    }
    key0 += 0x9E3779B9u;
    key1 += 0xBB67AE85u;
  }
  for (int w = 0; w < 4; ++w) std::copy(c[w], c[w] + kCounters, bits + w * kCounters);
}

}  // namespace

template <class T>
void dropout(Offset n, double p, std::uint64_t seed, std::uint64_t call, const T* x, T* y,
             const Execution& run) {
  const std::uint64_t threshold = static_cast<std::uint64_t>(p * 4294967296.0);
  const T scale = p < 1 ? static_cast<T>(1 / (1 - p)) : T(0);
  parallel_ranges(n, 64 * kBlock, 10.0 * n, run, [&](Offset begin, Offset end) {
    std::uint32_t bits[kBlock];
    for (Offset i = begin; i < end; i += kBlock) {
      random_block(i / kBlock, seed, call, bits);
      const Offset m = std::min(kBlock, end - i);
      for (Offset k = 0; k < m; ++k) y[i + k] = bits[k] >= threshold ? x[i + k] * scale : T(0);
    }
  });
}

#define ECKART_INSTANTIATE(T)                                                                        \
  template void gather_rows(Offset, Offset, const Offset*, const T*, T*, const Execution&);          \
  template void scatter_rows(Offset, Offset, Offset, const Offset*, const T*, T*, const Execution&); \
  template void dropout(Offset, double, std::uint64_t, std::uint64_t, const T*, T*, const Execution&);

ECKART_INSTANTIATE(float)
ECKART_INSTANTIATE(double)

}  // namespace eckart
