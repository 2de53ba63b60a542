// Vectors as wide as the registers of the instruction set that this module is compiled for, through
// the compiler's vector extensions: `a * b + c` on them becomes one fused multiply-add where there is
// one. One source for SSE2, AVX2, AVX-512 and NEON, for float and double.
#pragma once

#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <utility>

#include "eckart/base/types.hpp"

#ifdef __linux__
#include <sys/mman.h>
#endif

namespace eckart {

#if defined(__AVX512F__)
constexpr int kVectorBytes = 64;
constexpr int kVectorRegisters = 32;
#elif defined(__AVX__)
constexpr int kVectorBytes = 32;
constexpr int kVectorRegisters = 16;
#elif defined(__aarch64__)
constexpr int kVectorBytes = 16;
constexpr int kVectorRegisters = 32;
#else
constexpr int kVectorBytes = 16;
constexpr int kVectorRegisters = 16;
#endif

// The register tile of a matrix product: kPanel broadcasts times kPanelVectors vectors of sums, with
// registers left for the operands.
constexpr int kPanel = kVectorRegisters == 32 ? 8 : 4;
constexpr int kPanelVectors = kVectorRegisters == 32 || kVectorBytes == 32 ? 3 : 2;

template <class T>
struct SimdTraits {
  static constexpr Offset width = kVectorBytes / static_cast<Offset>(sizeof(T));
  typedef T vector __attribute__((vector_size(kVectorBytes)));
};

template <class T>
using Simd = typename SimdTraits<T>::vector;
template <class T>
constexpr Offset kSimdWidth = SimdTraits<T>::width;  // lanes

template <class T>
inline Simd<T> load(const T* p) {  // any alignment
  Simd<T> v;
  std::memcpy(&v, p, sizeof v);
  return v;
}

template <class T>
inline void store(T* p, Simd<T> v) {
  std::memcpy(p, &v, sizeof v);
}

template <class T>
inline Simd<T> broadcast(T x) {
  return x - Simd<T>{};  // x + 0 would turn -0 into 0, so the compiler could not drop it
}

// The same vector, which stays in a register: a compiler may load one anew for each of its uses, which costs
// where it lies across two cache lines.
template <class T>
inline Simd<T> in_register(Simd<T> v) {
#if defined(__AVX512F__)
  asm("" : "+v"(v));
#elif defined(__SSE2__)
  asm("" : "+x"(v));
#elif defined(__aarch64__)
  asm("" : "+w"(v));
#endif
  return v;
}

// Whether any lane of a comparison holds.
template <class Mask>
inline bool any(const Mask& lanes) {
  std::int64_t words[sizeof(Mask) / 8], found = 0;
  std::memcpy(words, &lanes, sizeof words);
  for (std::int64_t word : words) found |= word;
  return found != 0;
}

constexpr Offset round_up(Offset n, Offset step) { return (n + step - 1) / step * step; }

namespace detail {

template <class T, int bit, bool high, std::size_t... lane>
inline Simd<T> exchange(Simd<T> a, Simd<T> b, std::index_sequence<lane...>) {
  constexpr int width = static_cast<int>(kSimdWidth<T>);
  if constexpr (high) {
    return __builtin_shufflevector(a, b, (int(lane) & bit ? width + int(lane) : int(lane) + bit)...);
  } else {
    return __builtin_shufflevector(a, b, (int(lane) & bit ? width + int(lane) - bit : int(lane))...);
  }
}

template <class T, int count, int bit>
inline void transpose_stage(Simd<T>* rows) {
  if constexpr (bit < count) {
    using Lanes = std::make_index_sequence<static_cast<std::size_t>(kSimdWidth<T>)>;
#pragma GCC unroll 16
    for (int i = 0; i < count; ++i) {
      if (i & bit) continue;
      const Simd<T> a = rows[i], b = rows[i + bit];
      rows[i] = exchange<T, bit, false>(a, b, Lanes());
      rows[i + bit] = exchange<T, bit, true>(a, b, Lanes());
    }
    transpose_stage<T, count, 2 * bit>(rows);
  }
}

}  // namespace detail

// Transposes squares of `count` lanes and vectors in registers (log2(count) stages of two-input shuffles):
// all of kSimdWidth vectors, or the squares that stand side by side in fewer.
template <class T, int count = static_cast<int>(kSimdWidth<T>)>
inline void transpose(Simd<T>* rows) {
  detail::transpose_stage<T, count, 1>(rows);
}

namespace detail {

template <class T, int half, std::size_t... lane>
inline Simd<T> swap_halves(Simd<T> v, std::index_sequence<lane...>) {
  return __builtin_shufflevector(v, v, (int(lane) ^ half)...);
}

// Adds lanes `half` apart, then half / 2 and so on, while that is at least `last`.
template <class T, int half, int last>
inline Simd<T> fold(Simd<T> v) {
  if constexpr (half < last) {
    return v;
  } else {
    using Lanes = std::make_index_sequence<static_cast<std::size_t>(kSimdWidth<T>)>;
    return fold<T, half / 2, last>(v + swap_halves<T, half>(v, Lanes()));
  }
}

}  // namespace detail

// The sum of the lanes, always in the same order.
template <class T>
inline T sum_lanes(Simd<T> v) {
  return detail::fold<T, static_cast<int>(kSimdWidth<T>) / 2, 1>(v)[0];
}

// The sums of the lanes of four vectors, for half the work of four sums.
template <class T>
inline void sum_lanes(const Simd<T> (&v)[4], T (&sums)[4]) {
  if constexpr (kSimdWidth<T> < 4) {
    for (int r = 0; r < 4; ++r) sums[r] = sum_lanes<T>(v[r]);
  } else {
    using Lanes = std::make_index_sequence<static_cast<std::size_t>(kSimdWidth<T>)>;
    using detail::exchange;
    const Simd<T> a = exchange<T, 1, false>(v[0], v[1], Lanes()) + exchange<T, 1, true>(v[0], v[1], Lanes());
    const Simd<T> b = exchange<T, 1, false>(v[2], v[3], Lanes()) + exchange<T, 1, true>(v[2], v[3], Lanes());
    const Simd<T> fours = exchange<T, 2, false>(a, b, Lanes()) + exchange<T, 2, true>(a, b, Lanes());
    const Simd<T> total = detail::fold<T, static_cast<int>(kSimdWidth<T>) / 2, 4>(fours);
    for (int r = 0; r < 4; ++r) sums[r] = total[r];
  }
}

template <class T>
inline T dot(const T* a, const T* b, Offset n) {
  constexpr Offset width = kSimdWidth<T>;
  Simd<T> sum[4] = {};
  Offset i = 0;
  for (; i + 4 * width <= n; i += 4 * width) {
    for (int u = 0; u < 4; ++u) sum[u] += load(a + i + u * width) * load(b + i + u * width);
  }
  for (; i + width <= n; i += width) sum[0] += load(a + i) * load(b + i);
  T result = sum_lanes<T>((sum[0] + sum[1]) + (sum[2] + sum[3]));
  for (; i < n; ++i) result += a[i] * b[i];
  return result;
}

// A short row: std::copy_n would call memmove.
template <class T>
inline void copy_row(const T* from, Offset n, T* to) {
  constexpr Offset width = kSimdWidth<T>;
  Offset i = 0;
  for (; i + width <= n; i += width) store(to + i, load(from + i));
  for (; i < n; ++i) to[i] = from[i];
}

// to = scale * from
template <class T>
inline void scale_row(const T* from, Offset n, T scale, T* to) {
  constexpr Offset width = kSimdWidth<T>;
  Offset i = 0;
  for (; i + width <= n; i += width) store(to + i, load(from + i) * broadcast(scale));
  for (; i < n; ++i) to[i] = from[i] * scale;
}

// Ask for a row that will be read soon.
template <class T>
inline void prefetch(const T* row, Offset n) {
  for (Offset i = 0; i < n; i += 64 / static_cast<Offset>(sizeof(T))) __builtin_prefetch(row + i);
}

// Zeroed scratch aligned to a cache line.
template <class T>
class AlignedBuffer {
 public:
  explicit AlignedBuffer(Offset n) : data_(allocate(n)) {}
  T* data() { return data_.get(); }
  const T* data() const { return data_.get(); }
  T& operator[](Offset i) { return data_.get()[i]; }
  const T& operator[](Offset i) const { return data_.get()[i]; }

 private:
  struct Free {
    void operator()(T* p) const { std::free(p); }
  };
  static constexpr Offset kHugePage = 2 << 20;

  static T* allocate(Offset n) {
    const Offset wanted = n * static_cast<Offset>(sizeof(T)) + 64;
    const Offset alignment = wanted < 2 * kHugePage ? 64 : kHugePage;
    const std::size_t bytes = static_cast<std::size_t>(round_up(wanted, alignment));
    void* p = std::aligned_alloc(static_cast<std::size_t>(alignment), bytes);
    if (!p) throw std::bad_alloc();
#ifdef MADV_HUGEPAGE
    // Rows of random ids from a large table miss the translation cache with small pages.
    if (alignment == kHugePage) madvise(p, bytes, MADV_HUGEPAGE);
#endif
    return static_cast<T*>(std::memset(p, 0, bytes));
  }
  std::unique_ptr<T, Free> data_;
};

}  // namespace eckart
