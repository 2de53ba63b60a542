// The gradient of a convolution's result, as the tiles of the weights' gradient want it: taken back through
// the activation as it is read, its rows spread to those of the planes or its channels side by side.
#pragma once

#include <algorithm>

#include "eckart/linalg/activation.hpp"
#include "eckart/nn/convolution.hpp"
#include "planes.hpp"

namespace eckart {

template <class T>
class ResultGradient {
 public:
  // y: the result, where there was an activation.
  ResultGradient(const Convolution& c, const T* dy, const T* y, Activation activation)
      : c_(c), dy_(dy), y_(y), activation_(activation), end_(dy + c.images * c.out * plane()) {}

  Offset plane() const { return c_.y.out * c_.x.out; }
  // Channels of an image and group.
  const T* at(Offset image, Offset group) const {
    return dy_ + (image * c_.groups + group) * c_.group_out() * plane();
  }
  const T* end() const { return end_; }

  // Rows of the gradient `pitch` apart and zeros between them. Whole vectors are copied: what is
  // too much is overwritten.
  void spread_rows(const T* from, Offset rows, Offset pitch, T* to, T* end) const {
    const Offset n = c_.x.out, whole = round_up(n, lanes);
    for (Offset i = 0; i < rows; ++i, from += n, to += pitch) {
      if (end_ - from >= whole && end - to >= whole) {
        for (Offset j = 0; j < n; j += lanes) {
          __builtin_prefetch(from + j + kAhead);
          store(to + j, before(from + j));
        }
      } else {
        for (Offset j = 0; j < n; ++j) to[j] = one_before(from + j);
      }
      if (end - to >= whole + lanes && pitch - n <= lanes) {
        store(to + n, Simd<T>{});
      } else {
        std::fill(to + n, std::min(end, to + pitch), T(0));
      }
    }
    std::fill(std::min(to, end), end, T(0));
  }

  // `n` positions of a vector of channels from `o` on, to[position * stride + channel], and their sums.
  void transpose_band(const T* from, Offset o, Offset n, Offset stride, T* to, T* totals) const {
    const Offset channels = std::min(lanes, c_.group_out() - o);
    Simd<T> sum = load(totals + o);
    from += o * plane();
    Offset p = 0;
    for (; p + lanes <= n; p += lanes) {
      Simd<T> square[lanes];
#pragma GCC unroll 16
      for (int l = 0; l < lanes; ++l) square[l] = l < channels ? before(from + l * plane() + p) : Simd<T>{};
      transpose<T>(square);
#pragma GCC unroll 16
      for (int l = 0; l < lanes; ++l) {
        store(to + (p + l) * stride, square[l]);
        sum += square[l];
      }
    }
    for (; p < n; ++p) {
      T line[lanes] = {};
      for (Offset l = 0; l < channels; ++l) line[l] = one_before(from + l * plane() + p);
      store(to + p * stride, load(line));
      sum += load(line);
    }
    store(totals + o, sum);
  }

  // The sum of whole vectors.
  static T vector_sum(const T* from, Offset n) {
    Simd<T> sum[4] = {};
    for (Offset j = 0; j < n; j += 4 * lanes) {
      for (Offset v = 0; v < std::min<Offset>(4, (n - j) / lanes); ++v) sum[v] += load(from + j + v * lanes);
    }
    return sum_lanes<T>((sum[0] + sum[1]) + (sum[2] + sum[3]));
  }

 private:
  static constexpr Offset lanes = kSimdWidth<T>;
  static constexpr Offset kAhead = 256;  // numbers that are fetched ahead

  // A vector of the gradient, at a place in dy, before the activation; one number of it.
  Simd<T> before(const T* at) const {
    if (activation_ == Activation::none) return load(at);
    return before_activation<T>(activation_, load(y_ + (at - dy_)), load(at));
  }
  T one_before(const T* at) const {
    if (activation_ == Activation::none) return *at;
    return before_activation<T>(activation_, broadcast(y_[at - dy_]), broadcast(*at))[0];
  }

  const Convolution& c_;
  const T *dy_, *y_;
  Activation activation_;
  const T* end_;
};

}  // namespace eckart
