// The gradient of a convolution's weights: for every output channel and tap, an inner product over images and
// positions of the output's gradient with the padded planes of the input, shifted. No patch is ever copied.
//
// A task is a chunk of images and a block of input channels. Two ways to form its sums in registers:
// - few weights: vectors run along the positions of a row, a sum is a vector, whose lanes are added at the
// end;
// - many: numbers of the planes are broadcast, at one address a tap, against vectors of output channels, for
//   which the gradient is transposed to (position, channel) a band of rows at a time.
#include <algorithm>
#include <vector>

#include "convolution_split.hpp"
#include "eckart/base/buffer_pool.hpp"
#include "eckart/base/parallel.hpp"
#include "eckart/linalg/register_tile.hpp"
#include "eckart/nn/convolution.hpp"
#include "eckart/nn/linear.hpp"
#include "patches.hpp"
#include "planes.hpp"
#include "result_gradient.hpp"

namespace eckart {

namespace {

constexpr Offset kChunks = 16;                // partial gradients at most
constexpr Offset kPartial = Offset{1} << 18;  // numbers in all of them, where one alone is smaller
constexpr Offset kChunkPixels = 256;          // positions in one at least
constexpr Offset kPositions = 200;            // of a band: its transposed gradient fits the first-level cache
constexpr Offset kPlaneBytes = 512 << 10;
constexpr Offset kTasks = 8;
constexpr Offset kFewBytes = 256 << 10;  // of vector sums
constexpr Offset kFewNumbers = 1280;     // of a band of one channel
constexpr int kFewRows = 4, kFewTaps = 6;

template <class T>
class WeightGradient {
 public:
  struct Scratch {
    PooledBuffer<T> planes, gradient, sums;
  };

  WeightGradient(const Convolution& c, const T* x, const T* dy, const T* y, Activation activation)
      : c_(c),
        x_(x),
        gradient_(c, dy, y, activation),
        y_axis_(forward_axis(c.y)),
        x_axis_(forward_axis(c.x)),
        shape_(y_axis_, x_axis_, c.y.out),
        copy_(y_axis_, x_axis_, c.y.in, c.x.in, shape_),
        taps_(shape_.tap_offsets(y_axis_, x_axis_)),
        few_band_(share_of(c.y.out, (c.y.out * shape_.pitch + kFewNumbers - 1) / kFewNumbers)),
        row_(round_up(few_band_ * shape_.pitch, lanes)),
        out_padded_(round_up(c.group_out(), lanes)),
        depth_(c.group_in() * c.taps()),
        band_(std::clamp<Offset>(kPositions / std::max<Offset>(1, c.x.out), 1, std::max<Offset>(1, c.y.out))),
        chunks_(n_chunks()),
        chunk_images_((c.images + chunks_ - 1) / chunks_),
        partial_(chunks_ * partial_size()),
        bias_(chunks_ * c.groups * out_padded_) {
    const Offset wanted = std::max<Offset>(1, kTasks / std::max<Offset>(1, chunks_ * c.groups));
    const Offset bytes = std::max<Offset>(1, shape_.channel * Offset{sizeof(T)});
    block_ = std::min((c.group_in() + wanted - 1) / wanted, std::max<Offset>(1, kPlaneBytes / bytes));
    blocks_ = (c.group_in() + block_ - 1) / block_;
    const Offset few_bytes = c.group_out() * depth_ * lanes * Offset{sizeof(T)};
    const Offset pixels = std::max<Offset>(1, c.y.out * c.x.out);
    group_images_ = std::clamp<Offset>(kPositions / pixels, 1, std::max<Offset>(1, chunk_images_));
    few_ = few_bytes <= kFewBytes && (4 * c.x.out >= 3 * shape_.pitch || c.group_out() < lanes / 4);
  }

  // dw and db may be null.
  void compute(T* dw, T* db, const Execution& run) {
    const Offset tasks = chunks_ * c_.groups * blocks_;
    const double work = 2.0 * c_.images * c_.groups * c_.y.out * c_.x.out * depth_ * c_.group_out();
    parallel_for(
        tasks, work, run, [&] { return scratch(); }, [&](Scratch& s, Offset task) { accumulate(s, task); });
    constexpr Offset step = 64;
    const Offset steps = (depth_ + step - 1) / step;
    parallel_ranges(dw ? c_.groups * steps : 0, 1, 2.0 * chunks_ * partial_size(), run,
                    [&](Offset item, Offset) {
                      const Offset begin = item % steps * step;
                      reduce(dw, item / steps, begin, std::min(depth_, begin + step));
                    });
    for (Offset o = 0; db && o < c_.out; ++o) {
      const T* from = bias_.data() + o / c_.group_out() * out_padded_ + o % c_.group_out();
      db[o] = from[0];
      for (Offset chunk = 1; chunk < chunks_; ++chunk) db[o] += from[chunk * c_.groups * out_padded_];
    }
  }

 private:
  static constexpr Offset lanes = kSimdWidth<T>;

  static Offset share_of(Offset n, Offset shares) {
    shares = std::max<Offset>(1, shares);
    return (n + shares - 1) / shares;
  }

  Offset n_chunks() const {
    const Offset by_size = kPartial / std::max<Offset>(1, partial_size());
    const Offset by_work = c_.images * c_.y.out * c_.x.out / kChunkPixels;
    const Offset by_tasks = 4 * kTasks / c_.groups;
    return std::max<Offset>(1, std::min({kChunks, by_size, by_work, by_tasks, c_.images}));
  }

  // What is read beyond the planes, and meets zeros of the gradient: the last band may be a row shorter.
  Offset slack() const { return shape_.pitch + x_axis_.reach + 2 * lanes; }

  Offset partial_size() const { return c_.groups * depth_ * out_padded_; }

  Scratch scratch() const {
    const Offset few = group_images_ * c_.group_out() * row_ + lanes;
    const Offset many = group_images_ * band_ * c_.x.out * kPanelVectors * lanes;
    const Offset sums = c_.group_out() * block_ * c_.taps() * lanes;
    return {PooledBuffer<T>(group_images_ * block_ * shape_.channel + slack()),
            PooledBuffer<T>(few_ ? few : many), PooledBuffer<T>(few_ ? sums : 0)};
  }

  void accumulate(Scratch& s, Offset task) {
    const Offset block = task % blocks_, group = task / blocks_ % c_.groups,
                 chunk = task / blocks_ / c_.groups;
    const Offset first = block * block_, channels = std::min(block_, c_.group_in() - first);
    const Offset n_taps = channels * c_.taps();
    T* sums = partial_.data() + ((chunk * c_.groups + group) * depth_ + first * c_.taps()) * out_padded_;
    T* bias = bias_.data() + (chunk * c_.groups + group) * out_padded_;
    PooledBuffer<T> unused(
        out_padded_);  // where a block that is not the first leaves the sums of the gradient
    T* totals = block == 0 ? bias : unused.data();
    std::fill_n(totals, out_padded_, T(0));
    std::fill_n(few_ ? s.sums.data() : sums, few_ ? c_.group_out() * n_taps * lanes : n_taps * out_padded_,
                T(0));
    std::fill_n(s.planes.data() + group_images_ * channels * shape_.channel, slack(), T(0));
    const Offset end = std::min(c_.images, (chunk + 1) * chunk_images_);
    for (Offset image = chunk * chunk_images_; image < end; image += group_images_) {
      const Offset images = std::min(group_images_, end - image);
      for (Offset i = 0; i < images; ++i) {
        const T* in = x_ + (((image + i) * c_.groups + group) * c_.group_in() + first) * c_.y.in * c_.x.in;
        copy_.copy(in, x_ + c_.images * c_.in * c_.y.in * c_.x.in, channels, Offset{0},
                   s.planes.data() + i * channels * shape_.channel);
      }
      const T* dy = gradient_.at(image, group);
      if (few_) {
        add_few(s, dy, images, n_taps, totals);
      } else {
        add_many(s, dy, images, n_taps, totals, sums);
      }
    }
    if (few_) add_lanes(s.sums.data(), n_taps, sums);
  }

  // Few weights. The gradient's rows are filled up with zeros to those of the planes, so that all rows of a
  // band are one row, whose vectors see a tap's numbers at one distance.
  void add_few(Scratch& s, const T* dy, Offset images, Offset n_taps, T* totals) const {
    const Offset plane = c_.y.out * c_.x.out;
    Ahead ahead = next_images(dy, images, n_taps);
    even_shares(c_.y.out, few_band_, [&](Offset row, Offset rows) {
      T* to = s.gradient.data();  // (out, images, row_)
      for (Offset o = 0; o < c_.group_out(); ++o) {
        for (Offset i = 0; i < images; ++i, to += row_) {
          gradient_.spread_rows(dy + (i * c_.out + o) * plane + row * c_.x.out, rows, shape_.pitch, to,
                                to + row_);
          totals[o] += gradient_.vector_sum(to, row_);
        }
      }
      const T* planes = s.planes.data() + row * shape_.pitch;
      even_shares(c_.group_out(), kFewRows, [&](Offset o, Offset out) {
        even_shares(n_taps, kFewTaps, [&](Offset t, Offset taps) {
          ahead.fetch();
          with_constant<kFewRows>(out, [&](auto r) {
            with_constant<kFewTaps>(taps, [&](auto k) {
              few_tile<decltype(r)::value, decltype(k)::value>(planes, s.gradient.data() + o * images * row_,
                                                               t, images, n_taps,
                                                               s.sums.data() + (o * n_taps + t) * lanes);
            });
          });
        });
      });
    });
  }

  // What the next images need from afar, some of it at a time, while these ones are multiplied.
  struct Ahead {
    const T *at, *end;
    Offset step;

    void fetch() {
      const T* stop = std::min(end, at + step);
      for (; at < stop; at += 64 / sizeof(T)) __builtin_prefetch(at, 0, 2);
    }
  };

  Ahead next_images(const T* dy, Offset images, Offset n_taps) const {
    const Offset plane = c_.y.out * c_.x.out, size = (images - 1) * c_.out * plane + c_.group_out() * plane;
    const T* next = dy + images * c_.out * plane;
    const Offset tiles = (c_.y.out + few_band_ - 1) / few_band_ *
                         ((c_.group_out() + kFewRows - 1) / kFewRows) * ((n_taps + kFewTaps - 1) / kFewTaps);
    return {next, std::min(next + size, gradient_.end()), size / tiles + 1};
  }

  template <int rows, int taps>
  [[gnu::noinline]] void few_tile(const T* planes, const T* gradient, Offset first, Offset images,
                                  Offset n_taps, T* sums) const {
    const T* from[taps];
    Simd<T> sum[rows][taps];
#pragma GCC unroll 8
    for (int k = 0; k < taps; ++k) {
      from[k] = tap(planes, first + k);
      for (int r = 0; r < rows; ++r) sum[r][k] = load(sums + (r * n_taps + k) * lanes);
    }
    const Offset image = n_taps / c_.taps() * shape_.channel;
    for (Offset i = 0; i < images; ++i, gradient += row_) {
      for (Offset j = 0; j < row_; j += lanes) {
        Simd<T> g[rows];
        for (int r = 0; r < rows; ++r) g[r] = load(gradient + r * images * row_ + j);
#pragma GCC unroll 8
        for (int k = 0; k < taps; ++k) {
          const Simd<T> x = in_register<T>(load(from[k] + i * image + j));
          for (int r = 0; r < rows; ++r) sum[r][k] += g[r] * x;
        }
      }
    }
#pragma GCC unroll 8
    for (int k = 0; k < taps; ++k) {
      for (int r = 0; r < rows; ++r) store(sums + (r * n_taps + k) * lanes, sum[r][k]);
    }
  }

  // (out, taps, lanes) to (taps, out_padded)
  void add_lanes(const T* from, Offset n_taps, T* to) const {
    for (Offset o = 0; o < c_.group_out(); ++o) {
      for (Offset t = 0; t < n_taps; ++t, from += lanes) to[t * out_padded_ + o] = sum_lanes<T>(load(from));
    }
  }

  // Many weights. The transposed gradient lies in panels as wide as a tile.
  void add_many(Scratch& s, const T* dy, Offset images, Offset n_taps, T* totals, T* sums) const {
    even_shares(c_.y.out, band_, [&](Offset row, Offset rows) {
      const Offset n = rows * c_.x.out;
      const T* planes = s.planes.data() + row * shape_.pitch;
      even_shares(out_padded_ / lanes, kPanelVectors, [&](Offset o, Offset share) {
        T* panel = s.gradient.data();
        for (Offset i = 0; i < images * share; ++i) {
          const Offset image = i / share, v = i % share;
          gradient_.transpose_band(dy + (image * c_.out * c_.y.out + row) * c_.x.out, (o + v) * lanes, n,
                                   share * lanes, panel + (image * n * share + v) * lanes, totals);
        }
        for (Offset t = 0; t < n_taps; t += kPanel) {
          with_constant<kPanel>(std::min<Offset>(kPanel, n_taps - t), [&](auto k) {
            with_constant<kPanelVectors>(share, [&](auto vectors) {
              many_tile<decltype(k)::value, decltype(vectors)::value>(planes, panel, t, images, rows, n_taps,
                                                                      sums + t * out_padded_ + o * lanes);
            });
          });
        }
      });
    });
  }

  template <int n, int vectors>
  [[gnu::noinline]] void many_tile(const T* planes, const T* gradient, Offset first, Offset images,
                                   Offset rows, Offset n_taps, T* sums) const {
    const T* a[n];
    Simd<T> sum[n][vectors];
#pragma GCC unroll 8
    for (int p = 0; p < n; ++p) {
      a[p] = tap(planes, first + p);
      for (int v = 0; v < vectors; ++v) sum[p][v] = load(sums + p * out_padded_ + v * lanes);
    }
    const Offset image = n_taps / c_.taps() * shape_.channel;
    for (Offset i = 0; i < images; ++i) {
      for (Offset at = i * image; at < i * image + rows * shape_.pitch; at += shape_.pitch) {
        for (Offset j = at; j < at + c_.x.out; ++j, gradient += vectors * lanes) {
          Simd<T> columns[vectors];
          for (int v = 0; v < vectors; ++v) columns[v] = load(gradient + v * lanes);
#pragma GCC unroll 8
          for (int p = 0; p < n; ++p) {
            const Simd<T> number = broadcast(a[p][j]);
            for (int v = 0; v < vectors; ++v) sum[p][v] += number * columns[v];
          }
        }
      }
    }
#pragma GCC unroll 8
    for (int p = 0; p < n; ++p) {
      for (int v = 0; v < vectors; ++v) store(sums + p * out_padded_ + v * lanes, sum[p][v]);
    }
  }

  // Where tap t of a task, over its channels and the kernel, reads for the first position.
  const T* tap(const T* planes, Offset t) const {
    return planes + t / c_.taps() * shape_.channel + taps_[t % c_.taps()];
  }

  // dw[g, o, k] = sum over chunks of partial[chunk, g, k, o], for a square of k and o at a time.
  void reduce(T* dw, Offset group, Offset begin, Offset end) const {
    const Offset rows = c_.group_out(), size = partial_size();
    for (Offset o = 0; o < rows; o += lanes) {
      for (Offset k = begin; k < end; k += lanes) {
        const T* from = partial_.data() + (group * depth_ + k) * out_padded_ + o;
        const Offset n = std::min(lanes, end - k);
        Simd<T> square[lanes] = {};
        for (Offset chunk = 0; chunk < chunks_; ++chunk) {
          for (Offset l = 0; l < n; ++l) square[l] += load(from + chunk * size + l * out_padded_);
        }
        transpose<T>(square);
        for (Offset l = 0; l < std::min(lanes, rows - o); ++l) {
          T line[lanes];
          store(line, square[l]);
          copy_row(line, n, dw + (group * rows + o + l) * depth_ + k);
        }
      }
    }
  }

  const Convolution& c_;
  const T* x_;
  ResultGradient<T> gradient_;
  Axis y_axis_, x_axis_;
  PlaneShape shape_;
  PlaneCopy copy_;
  std::vector<Offset> taps_;
  Offset few_band_, row_;      // rows of a band where weights are few, which count as one of whole vectors
  Offset out_padded_, depth_;  // of a group
  Offset band_, chunks_, chunk_images_;
  PooledBuffer<T> partial_;  // (chunks, groups, depth, out_padded)
  PooledBuffer<T> bias_;     // (chunks, groups, out_padded)
  Offset block_, blocks_;    // channels of a task
  Offset group_images_;      // copied and multiplied at once, where they are small
  bool few_;
};

}  // namespace

template <class T>
void convolve_weight_gradient(const Convolution& conv, const T* x, const T* dy, const T* y,
                              Activation activation, T* dw, T* db, const Execution& run) {
  if (!Patches<T>::suit(conv) || conv.depthwise()) {
    if constexpr (std::is_same_v<T, float>) {
      if (is_split(conv) && weight_gradient_split(conv, x, dy, y, activation, dw, db, run)) return;
    }
    return WeightGradient<T>(conv, x, dy, y, activation).compute(dw, db, run);
  }
  const Offset n = activation == Activation::none ? 0 : conv.images * conv.out * conv.y.out * conv.x.out;
  PooledBuffer<T> dz(n);
  if (n > 0) activation_backward(activation, n, y, dy, dz.data(), run);
  Patches<T>(conv).weight_gradient(x, n > 0 ? dz.data() : dy, dw, db, run);
}

template void convolve_weight_gradient(const Convolution&, const float*, const float*, const float*,
                                       Activation, float*, float*, const Execution&);
template void convolve_weight_gradient(const Convolution&, const double*, const double*, const double*,
                                       Activation, double*, double*, const Execution&);

}  // namespace eckart
