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

constexpr Offset round_up(Offset n, Offset step) { return (n + step - 1) / step * step; }

// Transposes a square of kSimdWidth vectors in registers (log2(width) stages of two-input shuffles).
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

template <class T, int bit>
inline void transpose_stage(Simd<T>* rows) {
  if constexpr (bit < kSimdWidth<T>) {
    using Lanes = std::make_index_sequence<static_cast<std::size_t>(kSimdWidth<T>)>;
#pragma GCC unroll 16
    for (int i = 0; i < kSimdWidth<T>; ++i) {
      if (i & bit) continue;
      const Simd<T> a = rows[i], b = rows[i + bit];
      rows[i] = exchange<T, bit, false>(a, b, Lanes());
      rows[i + bit] = exchange<T, bit, true>(a, b, Lanes());
    }
    transpose_stage<T, 2 * bit>(rows);
  }
}

}  // namespace detail

template <class T>
inline void transpose(Simd<T>* rows) {
  detail::transpose_stage<T, 1>(rows);
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
  static T* allocate(Offset n) {
    const std::size_t bytes = static_cast<std::size_t>(round_up(n * static_cast<Offset>(sizeof(T)) + 64, 64));
    void* p = std::aligned_alloc(64, bytes);
    if (!p) throw std::bad_alloc();
    return static_cast<T*>(std::memset(p, 0, bytes));
  }
  std::unique_ptr<T, Free> data_;
};

}  // namespace eckart
