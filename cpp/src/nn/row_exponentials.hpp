// exp(x - max x) of a row, and its sum: the core of every softmax here.
#pragma once

#include <algorithm>
#include <limits>

#include "eckart/base/buffer_pool.hpp"
#include "eckart/base/vector_exp.hpp"
#include "eckart/base/vector_loop.hpp"

namespace eckart {

// exp x for x <= 0, exactly 0 below the normal numbers.
template <class T>
inline Simd<T> exp_or_zero(Simd<T> x) {
  const Simd<T> value = vector_exp<T>(x);
  return x < broadcast(T(sizeof(T) == 4 ? -87 : -707)) ? Simd<T>{} : value;
}

// y = exp(x - shift), x - shift <= 0; returns their sum.
template <class T>
inline T exponentials(const T* x, Offset n, T shift, T* y) {
  Simd<T> sum{};
  for_vectors<T>(0, n, [&](Offset i, auto lanes) {
    const Simd<T> e = exp_or_zero<T>(lanes.load(x + i, -std::numeric_limits<T>::infinity()) - shift);
    lanes.store(y + i, e);
    sum += e;
  });
  return sum_lanes<T>(sum);
}

namespace detail {

// The largest lane among those `half` apart, then half / 2 and so on.
template <class T, int half>
inline Simd<T> fold_largest(Simd<T> v) {
  if constexpr (half == 0) {
    return v;
  } else {
    using Lanes = std::make_index_sequence<static_cast<std::size_t>(kSimdWidth<T>)>;
    const Simd<T> other = swap_halves<T, half>(v, Lanes());
    return fold_largest<T, half / 2>(v > other ? v : other);
  }
}

}  // namespace detail

// The largest of n numbers, -infinity of none. NaN is passed over.
template <class T>
inline T largest(const T* x, Offset n) {
  constexpr Offset lanes = kSimdWidth<T>;
  constexpr T least = -std::numeric_limits<T>::infinity();
  Simd<T> most[2] = {broadcast(least), broadcast(least)};
  Offset i = 0;
  for (; i + 2 * lanes <= n; i += 2 * lanes) {
    for (int u = 0; u < 2; ++u) {
      const Simd<T> v = load(x + i + u * lanes);
      most[u] = v > most[u] ? v : most[u];
    }
  }
  for_vectors<T>(i, n, [&](Offset k, auto some) {
    const Simd<T> v = some.load(x + k, least);
    most[0] = v > most[0] ? v : most[0];
  });
  return detail::fold_largest<T, static_cast<int>(lanes) / 2>(most[0] > most[1] ? most[0] : most[1])[0];
}

template <class T>
class ExponentialRow {
 public:
  explicit ExponentialRow(Offset n) : n_(n), row_(std::max<Offset>(n, 1)) {}

  void compute(const T* x) {
    most_ = largest(x, n_);
    sum_ = exponentials(x, n_, most_, row_.data());
  }
  const T* data() const { return row_.data(); }
  T most() const { return most_; }
  T sum() const { return sum_; }

 private:
  Offset n_;
  PooledBuffer<T> row_;
  T most_ = 0, sum_ = 0;
};

}  // namespace eckart
