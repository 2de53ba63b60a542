// Convolution of one or a few small images: their patches are written out, and every direction is a small
// product with them. Where there is little to compute, what prepares a better plan costs more than it saves.
#pragma once

#include <algorithm>

#include "eckart/base/buffer_pool.hpp"
#include "eckart/base/math.hpp"
#include "eckart/base/parallel.hpp"
#include "eckart/base/simd.hpp"
#include "eckart/linalg/product.hpp"
#include "eckart/linalg/register_tile.hpp"
#include "eckart/nn/convolution.hpp"

namespace eckart {

template <class T>
class Patches {
 public:
  static constexpr Offset kMostImages = 4;
  static constexpr Offset kMostNumbers = Offset{1} << 15;   // in the patches of a group: they stay near
  static constexpr Offset kMostProducts = Offset{1} << 18;  // of an image and a group

  static bool suit(const Convolution& c) {
    const Offset numbers = c.y.out * c.x.out * c.group_in() * c.taps();
    return c.images > 0 && c.images <= kMostImages && c.x.dilation == 1 && numbers <= kMostNumbers &&
           numbers * c.group_out() <= kMostProducts;
  }

  explicit Patches(const Convolution& c)
      : c_(c),
        positions_(c.y.out * c.x.out),
        depth_(c.group_in() * c.taps()),
        rows_(std::max(c.y.in + c.y.before, last(c.y))),
        row_(std::max(c.x.in + c.x.before, last(c.x))) {}

  // y (out, positions) = f(W patches' + bias)
  void forward(const T* x, const T* weight, const T* bias, Activation activation, T* y,
               const Execution& run) {
    over_groups(c_.images, run, [&](Scratch& s, Offset image, Offset group, const Execution& own) {
      frame(x, image, group, s);
      write(s);
      Product<T> p;
      p.m = positions_;
      p.n = c_.group_out();
      p.k = depth_;
      p.a = {s.patches.data(), depth_, 1};
      p.b = {weight + group * c_.group_out() * depth_, 1, depth_};
      p.c = {y + out(image, group), 1, positions_};
      p.bias = bias ? bias + group * c_.group_out() : nullptr;
      p.activation = activation;
      multiply(p, own);
    });
  }

  // patches' gradient (positions, depth) = dy' W, added up where patches overlap
  void transposed(const T* dy, const T* weight, T* dx, const Execution& run) {
    over_groups(c_.images, run, [&](Scratch& s, Offset image, Offset group, const Execution& own) {
      Product<T> p;
      p.m = positions_;
      p.n = depth_;
      p.k = c_.group_out();
      p.a = {dy + out(image, group), 1, positions_};
      p.b = {weight + group * c_.group_out() * depth_, depth_, 1};
      p.c = {s.patches.data(), depth_, 1};
      multiply(p, own);
      std::fill_n(s.frame.data(), c_.group_in() * rows_ * row_, T(0));
      over_rows(s, [](T* image_row, const T* patch_row, auto n) {
        for (Offset k = 0; k < n; ++k) image_row[k] += patch_row[k];
      });
      over_frame(image, group, s, [&](Offset at, T* line) { copy_row(line, c_.x.in, dx + at); });
    });
  }

  // dw (out, depth) = dy patches, over the images in order; db its sums. Either may be null.
  void weight_gradient(const T* x, const T* dy, T* dw, T* db, const Execution& run) {
    over_groups(1, run, [&](Scratch& s, Offset, Offset group, const Execution& own) {
      for (Offset image = 0; image < c_.images; ++image) {
        const T* slopes = dy + out(image, group);
        for (Offset o = 0; db && o < c_.group_out(); ++o) {
          const T* row = slopes + o * positions_;
          const T sum = lane_sum<T>(positions_, [=](Offset i) { return row[i]; });
          T& to = db[group * c_.group_out() + o];
          to = image == 0 ? sum : to + sum;
        }
        if (!dw) continue;
        frame(x, image, group, s);
        write(s);
        Product<T> p;
        p.m = c_.group_out();
        p.n = depth_;
        p.k = positions_;
        p.a = {slopes, positions_, 1};
        p.b = {s.patches.data(), depth_, 1};
        p.c = {dw + group * c_.group_out() * depth_, depth_, 1};
        p.beta = image == 0 ? T(0) : T(1);
        multiply(p, own);
      }
    });
  }

 private:
  struct Scratch {
    PooledBuffer<T> frame;    // (channels, rows, row): the image with its padding
    PooledBuffer<T> patches;  // (positions, channels, taps)
  };

  // Input positions from the padding before the image to the last that a window reads.
  static Offset last(const Window& w) { return (w.out - 1) * w.stride + (w.kernel - 1) * w.dilation + 1; }

  Offset out(Offset image, Offset group) const {
    return (image * c_.out + group * c_.group_out()) * positions_;
  }

  template <class Body>
  void over_groups(Offset images, const Execution& run, Body body) {
    const double work = 2.0 * c_.images * c_.out * positions_ * depth_;
    Execution own = run;
    own.threads = 1;
    parallel_for(
        images * c_.groups, work, run,
        [&] {
          return Scratch{PooledBuffer<T>(c_.group_in() * rows_ * row_), PooledBuffer<T>(positions_ * depth_)};
        },
        [&](Scratch& s, Offset task) { body(s, task / c_.groups, task % c_.groups, own); });
  }

  // body(where a row of the image begins, where it lies in the frame)
  template <class Body>
  void over_frame(Offset image, Offset group, Scratch& s, Body body) const {
    const Offset first = (image * c_.in + group * c_.group_in()) * c_.y.in * c_.x.in;
    for (Offset c = 0; c < c_.group_in(); ++c) {
      for (Offset i = 0; i < c_.y.in; ++i) {
        body(first + (c * c_.y.in + i) * c_.x.in,
             s.frame.data() + (c * rows_ + c_.y.before + i) * row_ + c_.x.before);
      }
    }
  }

  void frame(const T* x, Offset image, Offset group, Scratch& s) const {
    if (rows_ * row_ > c_.y.in * c_.x.in) std::fill_n(s.frame.data(), c_.group_in() * rows_ * row_, T(0));
    over_frame(image, group, s, [&](Offset at, T* line) { copy_row(x + at, c_.x.in, line); });
  }

  // body(row of the frame, row of a patch, their length), in the order in which the patches lie
  template <class Body>
  void over_rows(Scratch& s, Body body) const {
    constexpr int most = 8;  // lengths that the compiler knows
    if (c_.x.kernel > most) return over_rows(s, c_.x.kernel, body);
    with_constant<most>(c_.x.kernel, [&](auto n) { over_rows(s, n, body); });
  }

  template <class Length, class Body>
  void over_rows(Scratch& s, Length n, Body body) const {
    T* patch = s.patches.data();
    for (Offset i = 0; i < c_.y.out; ++i) {
      for (Offset j = 0; j < c_.x.out; ++j) {
        T* corner = s.frame.data() + i * c_.y.stride * row_ + j * c_.x.stride;
        for (Offset c = 0; c < c_.group_in(); ++c, corner += rows_ * row_) {
          for (Offset k = 0; k < c_.y.kernel; ++k, patch += n) {
            body(corner + k * c_.y.dilation * row_, patch, n);
          }
        }
      }
    }
  }

  void write(Scratch& s) const {
    over_rows(s, [](const T* image_row, T* patch_row, auto n) {
      for (Offset k = 0; k < n; ++k) patch_row[k] = image_row[k];
    });
  }

  const Convolution& c_;
  Offset positions_, depth_, rows_, row_;
};

}  // namespace eckart
