// The gradient of a convolution's weights on the matrix unit: for each tile of lines (channels and columns of
// the kernel, see convolution_split_lines.hpp) and each 16 channels of the result, the sum over positions of
// the images' numbers with the gradient's. Terms of a step are 32 positions; those that are 16 apart share a
// word.
#include <atomic>
#include <cmath>

#include "convolution_split.hpp"
#include "convolution_split_lines.hpp"
#include "convolution_split_tiles.hpp"
#include "eckart/base/buffer_pool.hpp"
#include "eckart/base/parallel.hpp"

namespace eckart {

#if ECKART_HAS_AMX

namespace {

using split::kLane;
using split::kStrip;
using split::Word;

constexpr Offset kSquare = 4 * kStrip * kStrip;
constexpr Offset kBytes = 768 << 10;  // of a band's lines
constexpr Offset kLines = 200;        // of a slab of channels
constexpr Offset kMostImages = 8;     // side by side
constexpr Offset kTasks = 8;
constexpr Offset kChunkPositions = 512;        // in a partial gradient at least
constexpr Offset kPartial = Offset{1} << 21;   // numbers in all of them, where one alone is smaller
constexpr double kMostWeights = 2147483647.0;  // their places are 32 bits
constexpr Offset kPositions = 2 * kLane;       // of a step

// An equal share of the channels, or all where there is none of some size: each takes the gradient anew.
Offset channels_of_a_slab(const Convolution& c) {
  for (Offset n = c.group_in(); n * c.x.kernel > kLines / 4; --n) {
    if (c.group_in() % n == 0 && n * c.x.kernel <= kLines) return n;
  }
  return c.group_in();
}

// The images as the forward pass reads them.
Correlation<float> lines_of(const Convolution& conv, const float* x) {
  Correlation<float> c = correlation<float>(conv, false, x, nullptr, nullptr, Activation::none, nullptr);
  c.channels = channels_of_a_slab(conv);
  c.y = forward_axis(conv.y);
  c.x = forward_axis(conv.x);
  return c;
}

Offset images_of_a_line(const Correlation<float>& c) {
  const auto idle = [&](Offset n) {
    return static_cast<double>(round_up(n * c.x.count, kPositions)) / static_cast<double>(n * c.x.count);
  };
  const Offset lines = c.channels * static_cast<Offset>(c.x.taps.size() * (c.y.taps.size() + 3));
  Offset best = 1;
  for (Offset n = 2; n <= std::min(kMostImages, c.images); ++n) {
    if (round_up(n * c.x.count, kPositions) / 2 * 12 * lines > kBytes) break;
    if (idle(n) < 0.97 * idle(best)) best = n;
  }
  return best;
}

class SplitWeightGradient {
 public:
  SplitWeightGradient(const Convolution& conv, const float* x, const float* dy, const float* y,
                      Activation activation, const Execution& run)
      : conv_(conv),
        c_(lines_of(conv, x)),
        dy_(dy),
        y_(y),
        activation_(activation),
        run_(run),
        plan_(c_, images_of_a_line(c_), false),
        slabs_(conv.group_in() / c_.channels),
        blocks_((plan_.vectors + 1) / 2),
        strips_(split::strips_of(c_.rows)),
        tiles_(static_cast<Offset>(plan_.tiles.size())),
        squares_((tiles_ + 1) / 2 * ((strips_ + 1) / 2)) {
    const Offset row_bytes = 3 * blocks_ * plan_.lines * kLane * Offset{sizeof(Word)};
    const Offset fits = (kBytes / row_bytes - plan_.rows(1)) / plan_.row_step + 1;
    const Offset image_tasks = (c_.images + plan_.images - 1) / plan_.images;
    bands_ = (c_.y.count + std::max<Offset>(1, fits) - 1) / std::max<Offset>(1, fits);
    const Offset partial = c_.groups * slabs_ * squares_ * kSquare;
    const Offset wanted = std::max<Offset>(
        1, std::min({kPartial / partial, (kTasks + c_.groups * slabs_ - 1) / (c_.groups * slabs_),
                     c_.images * c_.y.count * c_.x.count / kChunkPositions}));
    if (image_tasks * bands_ < wanted)
      bands_ = std::min(c_.y.count, (wanted + image_tasks - 1) / image_tasks);
    band_ = (c_.y.count + bands_ - 1) / bands_;
    bands_ = (c_.y.count + band_ - 1) / band_;
    units_ = image_tasks * bands_;
    chunks_ = std::min(wanted, units_);
    block_ = plan_.vector_words(band_);
    part_ = blocks_ * block_;
    steps_ = blocks_ * band_;
    for (Offset b = 0; b < blocks_; ++b) {
      for (Offset i = 0; i < band_; ++i) {
        left_steps_.push_back(b * block_ + i * plan_.row_step * plan_.lines * kLane);
        right_steps_.push_back((b * band_ + i) * split::kStepWords);
      }
    }
  }

  bool compute(float* dw, float* db) {
    PooledBuffer<float> partial(chunks_ * c_.groups * slabs_ * squares_ * kSquare);
    PooledBuffer<float> bias(chunks_ * c_.groups * strips_ * kStrip);
    const double work =
        2.0 * c_.images * c_.groups * c_.rows * c_.y.count * c_.x.count * 16 * tiles_ * slabs_;
    parallel_for(
        chunks_ * c_.groups * slabs_, work, run_, [&] { return Scratch(*this); },
        [&](Scratch& s, Offset task) {
          const Offset slab = task % slabs_, group = task / slabs_ % c_.groups,
                       chunk = task / slabs_ / c_.groups;
          float* sums = partial.data() + task * squares_ * kSquare;
          float* totals = bias.data() + task / slabs_ * strips_ * kStrip;
          std::fill_n(sums, squares_ * kSquare, 0.0f);
          std::fill_n(s.totals.data(), strips_ * kStrip, 0.0f);
          for (Offset unit = units_ * chunk / chunks_; unit < units_ * (chunk + 1) / chunks_; ++unit) {
            accumulate(s, unit, group, slab, sums);
          }
          if (slab == 0) std::copy_n(s.totals.data(), strips_ * kStrip, totals);
        });
    const Offset items = dw ? c_.groups * slabs_ * tiles_ : 0;
    parallel_ranges(
        items, 1, 20.0 * items * strips_ * chunks_ * kStrip * kStrip, run_, [&](Offset item, Offset) {
          reduce(partial.data(), item / tiles_ / slabs_, item / tiles_ % slabs_, item % tiles_, dw);
        });
    for (Offset o = 0; db && o < conv_.out; ++o) {
      const Offset at = o / c_.rows * strips_ * kStrip + o % c_.rows;
      db[o] = bias.data()[at];
      for (Offset k = 1; k < chunks_; ++k) db[o] += bias.data()[k * c_.groups * strips_ * kStrip + at];
    }
    return finite_;
  }

 private:
  struct Scratch {
    AmxTiles tiles;
    PooledBuffer<Word> lines, gradient;
    PooledBuffer<float> totals;
    alignas(64) float sums[kSquare];
    explicit Scratch(const SplitWeightGradient& p)
        : lines(3 * p.part_),
          gradient(p.strips_ * p.steps_ * split::kStepWords),
          totals(p.strips_ * kStrip) {}
  };

  void accumulate(Scratch& s, Offset unit, Offset group, Offset slab, float* sums) {
    const Offset image = unit / bands_ * plan_.images, row = unit % bands_ * band_;
    const Offset images = std::min(plan_.images, c_.images - image), rows = std::min(band_, c_.y.count - row);
    const Offset plane = c_.in_y * c_.in_x;
    const float* from = c_.in + (image * conv_.in + group * conv_.group_in() + slab * c_.channels) * plane;
    plan_.read({from, c_.in_y, c_.in_x, plane, conv_.in * plane}, images, row, band_, s.lines.data(), block_,
               part_);
    read_gradient(s, image, group, row, images, rows);
    for (Offset strip = 0; strip < strips_; strip += 2) {
      for (Offset t = 0; t < tiles_; t += 2, sums += kSquare) {
        const int tall = t + 1 < tiles_ ? 2 : 1, wide = strip + 1 < strips_ ? 2 : 1;
        const Word* lines = s.lines.data();
        const Word* gradient = s.gradient.data() + strip * steps_ * split::kStepWords;
        const split::TileRow a{
            {lines + plan_.tiles[t].line * kLane, lines + plan_.tiles[t + tall - 1].line * kLane},
            left_steps_.data(),
            kLane,
            part_};
        const split::TileRow b{
            {gradient, gradient + steps_ * split::kStepWords}, right_steps_.data(), kLane, split::kPart};
        split::multiply_tiles(tall, wide, a, b, steps_, s.sums);
        for (Offset r = 0; r < tall * kStrip; ++r) {
          for (Offset j = r * 2 * kStrip; j < r * 2 * kStrip + wide * kStrip; j += kStrip) {
            store(sums + j, load(sums + j) + load(s.sums + j));
          }
        }
      }
    }
  }

  // Positions by channels of the result; zeros beyond the rows, the images and the channels.
  [[gnu::noinline]] void read_gradient(Scratch& s, Offset image, Offset group, Offset row, Offset images,
                                       Offset rows) const {
    for (Offset strip = 0; strip < strips_; ++strip) {
      Simd<float> total = load(s.totals.data() + strip * kStrip);
      Word* to = s.gradient.data() + strip * steps_ * split::kStepWords;
      for (Offset b = 0; b < blocks_; ++b) {
        for (Offset i = 0; i < band_; ++i, to += split::kStepWords) {
          if (i >= rows) {
            std::fill_n(to, split::kStepWords, 0u);
            continue;
          }
          Simd<float> x[16], y[16];
          read_square(image, group, strip, row + i, 2 * b, images, x);
          read_square(image, group, strip, row + i, 2 * b + 1, images, y);
          for (Offset p = 0; p < kLane; ++p) {
            total += x[p] + y[p];
            split::split_pairs(x[p], y[p], to + p * kLane);
          }
        }
      }
      store(s.totals.data() + strip * kStrip, total);
    }
  }

  void read_square(Offset image, Offset group, Offset strip, Offset row, Offset v, Offset images,
                   Simd<float> (&square)[16]) const {
    const Offset plane = c_.y.count * c_.x.count, channels = std::min(kStrip, c_.rows - strip * kStrip);
    const Offset first = (image * conv_.out + group * c_.rows + strip * kStrip) * plane + row * c_.x.count;
    for (Offset o = 0; o < kStrip; ++o) {
      square[o] = Simd<float>{};
      if (o >= channels) continue;
      for (const split::Piece& piece : plan_.results[v]) {
        if (piece.image >= images) break;
        const Offset at = first + o * plane + piece.image * conv_.out * plane + piece.at;
        Simd<float> part = _mm512_maskz_loadu_ps(piece.used, dy_ + at);
        if (activation_ != Activation::none) {
          const Simd<float> y = _mm512_maskz_loadu_ps(piece.used, y_ + at);
          part = before_activation<float>(activation_, y, part);
        }
        square[o] += part;
      }
    }
    transpose<float>(square);
  }

  // dw[g, o, k] = sum over chunks, for the lines of a tile.
  void reduce(const float* partial, Offset group, Offset slab, Offset tile, float* dw) {
    Simd<float> zeros{};
    const __m512i count = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    const __m512i at = _mm512_mullo_epi32(count, _mm512_set1_epi32(static_cast<int>(c_.row_step)));
    const Offset task = squares_ * kSquare, chunk = c_.groups * slabs_ * task;
    for (Offset strip = 0; strip < strips_; ++strip) {
      const float* from = partial + (group * slabs_ + slab) * task +
                          (strip / 2 * ((tiles_ + 1) / 2) + tile / 2) * kSquare +
                          tile % 2 * kStrip * 2 * kStrip + strip % 2 * kStrip;
      float* to =
          dw + (group * c_.rows + strip * kStrip) * c_.row_step + slab * c_.channels * c_.channel_step;
      for (Offset line = 0; line < kStrip; ++line, from += 2 * kStrip) {
        const Offset weight = plan_.tiles[tile].weights[0][line];
        if (weight < 0) continue;
        Simd<float> sum = load(from);
        for (Offset k = 1; k < chunks_; ++k) sum += load(from + k * chunk);
        zeros += sum * 0.0f;
        _mm512_mask_i32scatter_ps(to + weight, split::lanes(c_.rows - strip * kStrip), at, sum, 4);
      }
    }
    if (any(zeros != zeros)) finite_ = false;  // infinity and NaN have no parts
  }

  const Convolution& conv_;
  const Correlation<float> c_;  // of a slab of channels
  const float *dy_, *y_;
  Activation activation_;
  const Execution& run_;
  split::LinePlan plan_;
  Offset slabs_, blocks_;  // blocks of 32 positions of a line
  Offset strips_, tiles_, squares_;
  Offset band_, bands_, units_, chunks_, steps_;
  Offset block_, part_;  // words of a block's lines, of a part
  std::vector<Offset> left_steps_, right_steps_;
  std::atomic<bool> finite_{true};
};

}  // namespace

// Both ways are counted, in cycles for 32 positions: the matrix unit's squares of 16 by 16 weights, the lines
// and the gradient cut into parts, and the sums gathered; and the vectors' operations.
bool is_split(const Convolution& c) {
  const double rows = static_cast<double>(c.group_out()),
               depth = static_cast<double>(c.group_in() * c.taps());
  if (!split::wanted() || rows < 8 || depth < 16 || depth * 16 > kMostWeights) return false;
  const Offset words =
      c.y.kernel * c.y.dilation * channels_of_a_slab(c) * c.x.kernel * 3 * round_up(c.x.out, kPositions) / 2;
  if (words * Offset{sizeof(Word)} > 2 * kBytes) return false;  // lines of one row of results
  const double strips = std::ceil(rows / 16), squares = std::ceil(depth / 16) * strips;
  const double pieces = c.x.out % kLane == 0 ? 1 : 1 + kLane / static_cast<double>(c.x.out);
  const double positions = static_cast<double>(c.images * c.y.out * c.x.out);
  const double lines = static_cast<double>(c.group_in() * c.x.kernel * c.y.stride);
  const double matrix = squares * (rows > 16 ? 115 : 126) + lines * (10 + 6 * pieces) + strips * 450;
  return matrix + squares * 16 * 30 * 32 / positions < 1.35 * depth * rows;
}

bool weight_gradient_split(const Convolution& conv, const float* x, const float* dy, const float* y,
                           Activation activation, float* dw, float* db, const Execution& run) {
  return SplitWeightGradient(conv, x, dy, y, activation, run).compute(dw, db);
}

#else

bool is_split(const Convolution&) { return false; }
bool weight_gradient_split(const Convolution&, const float*, const float*, const float*, Activation, float*,
                           float*, const Execution&) {
  return false;
}

#endif

}  // namespace eckart
