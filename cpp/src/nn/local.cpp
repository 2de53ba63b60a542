#include "eckart/nn/local.hpp"

#include <algorithm>
#include <vector>

#include "eckart/base/buffer_pool.hpp"
#include "eckart/base/parallel.hpp"
#include "eckart/linalg/register_tile.hpp"

namespace eckart {

namespace {

// to[c to_stride + r] = from[r from_stride + c], r < rows, c < columns
template <class T>
void transpose_block(const T* from, Offset rows, Offset columns, Offset from_stride, T* to,
                     Offset to_stride) {
  constexpr Offset lanes = kSimdWidth<T>;
  for (Offset r = 0; r < rows; r += lanes) {
    for (Offset c = 0; c < columns; c += lanes) {
      const T* block = from + r * from_stride + c;
      T* target = to + c * to_stride + r;
      if (r + lanes <= rows && c + lanes <= columns) {
        Simd<T> square[lanes];
        for (int l = 0; l < lanes; ++l) square[l] = load(block + l * from_stride);
        transpose<T>(square);
        for (int l = 0; l < lanes; ++l) store(target + l * to_stride, square[l]);
        continue;
      }
      for (Offset j = 0; j < std::min(lanes, columns - c); ++j) {
        for (Offset i = 0; i < std::min(lanes, rows - r); ++i)
          target[j * to_stride + i] = block[i * from_stride + j];
      }
    }
  }
}

// Sizes, and arrays with images innermost, filled up to whole vectors.
template <class T>
struct ImagesInside {
  static constexpr Offset lanes = kSimdWidth<T>;
  static constexpr Offset kColumns = 256;  // of a task of a transposition

  const Convolution& c;
  Offset images, rows, columns, positions, depth;  // padded: images, height, width; of the output; of a patch
  std::vector<Offset> taps;                        // where each number of a patch stands, in the padded input

  explicit ImagesInside(const Convolution& conv)
      : c(conv),
        images(round_up(conv.images, lanes)),
        rows(std::max(conv.y.in + conv.y.before, span(conv.y))),
        columns(std::max(conv.x.in + conv.x.before, span(conv.x))),
        positions(conv.y.out * conv.x.out),
        depth(conv.in * conv.taps()) {
    for (Offset channel = 0; channel < c.in; ++channel) {
      for (Offset k = 0; k < c.y.kernel; ++k) {
        for (Offset l = 0; l < c.x.kernel; ++l) {
          taps.push_back(((channel * rows + k * c.y.dilation) * columns + l * c.x.dilation) * images);
        }
      }
    }
  }

  // The padded positions that windows reach.
  static Offset span(const Window& w) { return (w.out - 1) * w.stride + (w.kernel - 1) * w.dilation + 1; }

  Offset input_size() const { return c.in * rows * columns * images; }
  Offset output_size() const { return c.out * positions * images; }
  Offset position(Offset p) const {  // of output p's window in the padded input
    return (p / c.x.out * c.y.stride * columns + p % c.x.out * c.x.stride) * images;
  }
  Offset padded_row(Offset channel, Offset i) const {
    return ((channel * rows + i + c.y.before) * columns + c.x.before) * images;
  }
  double work() const { return 2.0 * images * positions * c.out * depth; }

  // x (images, in, h, w) to (in, rows, columns, images) with its padding.
  PooledBuffer<T> input(const T* x, const Execution& run) const {
    PooledBuffer<T> result(input_size());
    const Offset plane = c.y.in * c.x.in, channel = rows * columns * images;
    parallel_ranges(c.in, 1, static_cast<double>(input_size()), run, [&](Offset k, Offset) {
      std::fill_n(result.data() + k * channel, channel, T(0));
      for (Offset i = 0; i < c.y.in; ++i) {
        transpose_block(x + k * plane + i * c.x.in, c.images, c.x.in, c.in * plane,
                        result.data() + padded_row(k, i), images);
      }
    });
    return result;
  }

  // The gradient at the input, back to (images, in, h, w).
  void to_images(const T* padded, T* x, const Execution& run) const {
    const Offset plane = c.y.in * c.x.in;
    parallel_ranges(c.in, 1, static_cast<double>(input_size()), run, [&](Offset k, Offset) {
      for (Offset i = 0; i < c.y.in; ++i) {
        transpose_block(padded + padded_row(k, i), c.x.in, c.images, images, x + k * plane + i * c.x.in,
                        c.in * plane);
      }
    });
  }

  // dy (images, out, positions) to (out, positions, images), zeros in the images that are not there.
  PooledBuffer<T> output(const T* dy, const Execution& run) const {
    PooledBuffer<T> result(output_size());
    const Offset n = c.out * positions;
    parallel_ranges(n, kColumns, static_cast<double>(output_size()), run, [&](Offset begin, Offset end) {
      std::fill(result.data() + begin * images, result.data() + end * images, T(0));
      transpose_block(dy + begin, c.images, end - begin, n, result.data() + begin * images, images);
    });
    return result;
  }
};

// body(begin, vectors) for all images, as many vectors of them as a register tile has.
template <class T, class Body>
void image_groups(Offset images, Body body) {
  even_shares(images / kSimdWidth<T>, kPanelVectors, [&](Offset first, Offset share) {
    with_constant<kPanelVectors>(share, [&](auto vectors) { body(first * kSimdWidth<T>, vectors); });
  });
}

template <class T, int rows, int vectors>
void forward_tile(const ImagesInside<T>& s, const T* x, const T* weight, const T* bias, Activation activation,
                  T* y) {
  constexpr Offset lanes = kSimdWidth<T>;
  Simd<T> sum[rows][vectors];
#pragma GCC unroll 8
  for (int r = 0; r < rows; ++r) {
    for (int v = 0; v < vectors; ++v) sum[r][v] = bias ? broadcast(bias[r]) : Simd<T>{};
  }
  const T* b[vectors];
  for (int v = 0; v < vectors; ++v) b[v] = x + v * lanes;
  gathered_product<T>(weight, s.depth, 1, b, s.taps.data(), s.depth, sum);
  activate<T>(activation, sum);
#pragma GCC unroll 8
  for (int r = 0; r < rows; ++r) {
    for (int v = 0; v < vectors; ++v) store(y + r * s.positions * s.images + v * lanes, sum[r][v]);
  }
}

// dw[r, k] = sum over images of g[r] x[tap k], for some rows and all taps; db[r] = sum of g[r]
template <class T, int rows>
void weight_rows(const ImagesInside<T>& s, const T* x, const T* g, T* dw, T* db) {
  constexpr Offset lanes = kSimdWidth<T>;
  const Offset channel = s.positions * s.images;
  for (Offset k = 0; dw && k < s.depth; k += 4) {
    const Offset n = std::min<Offset>(4, s.depth - k);
    Simd<T> sum[rows][4] = {};
    for (Offset i = 0; i < s.images; i += lanes) {
#pragma GCC unroll 4
      for (int t = 0; t < 4; ++t) {
        const Simd<T> numbers = load(x + s.taps[k + std::min<Offset>(t, n - 1)] + i);
        for (int r = 0; r < rows; ++r) sum[r][t] += load(g + r * channel + i) * numbers;
      }
    }
    for (int r = 0; r < rows; ++r) {
      T sums[4];
      sum_lanes<T>(sum[r], sums);
      std::copy_n(sums, n, dw + r * s.depth + k);
    }
  }
  for (int r = 0; db && r < rows; ++r) {
    Simd<T> sum{};
    for (Offset i = 0; i < s.images; i += lanes) sum += load(g + r * channel + i);
    db[r] = sum_lanes<T>(sum);
  }
}

// dx[tap k of channel] += sum over out of w[o, k] g[o], for all positions in order and one group of images.
template <class T, int vectors>
void input_gradient(const ImagesInside<T>& s, const T* weight, const T* g, Offset channel, T* dx) {
  constexpr Offset lanes = kSimdWidth<T>;
  const Offset n_taps = s.c.taps(), first = channel * n_taps;
  for (Offset p = 0; p < s.positions; ++p) {
    const T* w = weight + p * s.c.out * s.depth + first;
    T* to = dx + s.position(p);
    for (Offset k = 0; k < n_taps; k += kPanel) {
      with_constant<kPanel>(std::min<Offset>(kPanel, n_taps - k), [&](auto n) {
        constexpr int rows = decltype(n)::value;
        Simd<T> sum[rows][vectors] = {};
        panel_product<T>(w + k, 1, s.depth, g + p * s.images, s.positions * s.images, s.c.out, sum);
#pragma GCC unroll 8
        for (int r = 0; r < rows; ++r) {
          T* line = to + s.taps[first + k + r];
          for (int v = 0; v < vectors; ++v) store(line + v * lanes, load(line + v * lanes) + sum[r][v]);
        }
      });
    }
  }
}

}  // namespace

template <class T>
void local(const Convolution& conv, const T* x, const T* weight, const T* bias, Activation activation, T* y,
           const Execution& run) {
  const ImagesInside<T> s(conv);
  const auto inside = s.input(x, run);
  PooledBuffer<T> result(s.output_size());
  parallel_ranges(s.positions, 1, s.work(), run, [&](Offset p, Offset) {
    const T* patch = inside.data() + s.position(p);
    image_groups<T>(s.images, [&](Offset image, auto vectors) {
      even_shares(conv.out, kPanel, [&](Offset o, Offset share) {
        with_constant<kPanel>(share, [&](auto rows) {
          forward_tile<T, decltype(rows)::value, decltype(vectors)::value>(
              s, patch + image, weight + (p * conv.out + o) * s.depth,
              bias ? bias + p * conv.out + o : nullptr, activation,
              result.data() + (o * s.positions + p) * s.images + image);
        });
      });
    });
  });
  const Offset n = conv.out * s.positions;
  parallel_ranges(n, s.kColumns, static_cast<double>(s.output_size()), run, [&](Offset begin, Offset end) {
    transpose_block(result.data() + begin * s.images, end - begin, conv.images, s.images, y + begin, n);
  });
}

template <class T>
void local_backward(const Convolution& conv, const T* x, const T* weight, const T* dy, T* dx, T* dw, T* db,
                    const Execution& run) {
  const ImagesInside<T> s(conv);
  const auto gradient = s.output(dy, run);
  if (dw || db) {
    const auto inside = s.input(x, run);
    parallel_ranges(s.positions, 1, s.work(), run, [&](Offset p, Offset) {
      even_shares(conv.out, 4, [&](Offset o, Offset share) {
        with_constant<4>(share, [&](auto rows) {
          weight_rows<T, decltype(rows)::value>(
              s, inside.data() + s.position(p), gradient.data() + (o * s.positions + p) * s.images,
              dw ? dw + (p * conv.out + o) * s.depth : nullptr, db ? db + p * conv.out + o : nullptr);
        });
      });
    });
  }
  if (!dx) return;
  PooledBuffer<T> result(s.input_size());
  const Offset channel = s.rows * s.columns * s.images;
  parallel_ranges(conv.in, 1, s.work(), run, [&](Offset k, Offset) {
    std::fill_n(result.data() + k * channel, channel, T(0));
    image_groups<T>(s.images, [&](Offset image, auto vectors) {
      input_gradient<T, decltype(vectors)::value>(s, weight, gradient.data() + image, k,
                                                  result.data() + image);
    });
  });
  s.to_images(result.data(), dx, run);
}

template void local(const Convolution&, const float*, const float*, const float*, Activation, float*,
                    const Execution&);
template void local(const Convolution&, const double*, const double*, const double*, Activation, double*,
                    const Execution&);
template void local_backward(const Convolution&, const float*, const float*, const float*, float*, float*,
                             float*, const Execution&);
template void local_backward(const Convolution&, const double*, const double*, const double*, double*,
                             double*, double*, const Execution&);

}  // namespace eckart
