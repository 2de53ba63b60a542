#include "convolution_split.hpp"

#include <atomic>
#include <cmath>

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
constexpr Offset kBytes = 640 << 10;  // of a task's lines: a third of a second-level cache
constexpr Offset kTasks = 8;
constexpr Offset kMostImages = 16;  // side by side
constexpr Offset kSlab = 800;       // terms of a sum at a time, about
// Images of a line: as few as leave hardly more lanes idle than is possible.
Offset images_of_a_line(const Correlation<float>& c) {
  const auto idle = [&](Offset n) {
    return round_up(n * c.x.count, kLane) / static_cast<double>(n * c.x.count);
  };
  const Offset most = std::min(kMostImages, c.images);
  double least = idle(1);
  for (Offset n = 2; n <= most; ++n) least = std::min(least, idle(n));
  Offset n = 1;
  while (idle(n) > 1.04 * least) ++n;
  // Two vectors at a time use the matrix unit better than one.
  return n * c.x.count <= kLane ? std::min(most, 2 * n) : n;
}

// Channels are cut into equal shares, where they can be.
Offset slabs(const Correlation<float>& c) {
  const Offset depth = c.channels * static_cast<Offset>(c.y.taps.size() * c.x.taps.size());
  const Offset wanted = (depth + kSlab - 1) / kSlab;
  for (Offset n = wanted; n < 2 * wanted; ++n) {
    if (c.channels % n == 0) return n;
  }
  return 1;
}

Correlation<float> slab_of(Correlation<float> c) {
  c.channels /= slabs(c);
  return c;
}

class SplitCorrelator {
 public:
  SplitCorrelator(const Correlation<float>& c, const Execution& run)
      : c_(c),
        run_(run),
        slabs_(slabs(c)),
        plan_(slab_of(c), images_of_a_line(c), true),
        steps_(static_cast<Offset>(plan_.tiles.size())),
        strips_(split::strips_of(c.rows)),
        image_tasks_((c.images + plan_.images - 1) / plan_.images),
        packed_(c.groups * slabs_ * strips_ * steps_ * split::kStepWords) {
    const Offset row_bytes = 3 * plan_.vectors * plan_.lines * kLane * Offset{sizeof(Word)};
    const Offset wanted = std::max<Offset>(1, kTasks / (image_tasks_ * c.groups));
    const Offset fits = std::max<Offset>(1, (kBytes / row_bytes - plan_.rows(1)) / plan_.row_step + 1);
    band_ = std::max<Offset>(1, std::min((c.y.count + wanted - 1) / wanted, fits));
    bands_ = (c.y.count + band_ - 1) / band_;
    band_ = (c.y.count + bands_ - 1) / bands_;
    vector_ = plan_.rows(band_) * plan_.lines * kLane;
    part_ = plan_.vectors * vector_ + 15 * kLane;  // tiles read up to 15 lines beyond those of a task
    for (Offset s = 0; s < steps_; ++s) {
      left_steps_.push_back(s * split::kStepWords);
      right_steps_.push_back(plan_.tiles[s].line * kLane);
    }
  }

  bool compute() {
    pack_weights();
    if (!finite_) return false;
    const double work =
        2.0 * c_.images * c_.groups * c_.rows * c_.y.count * c_.x.count * 32 * steps_ * slabs_;
    parallel_for(
        image_tasks_ * c_.groups * bands_, work, run_, [&] { return Scratch(*this); },
        [&](Scratch& s, Offset task) {
          const Offset band = task % bands_, group = task / bands_ % c_.groups,
                       part = task / bands_ / c_.groups;
          compute(s, part * plan_.images, group, band * band_);
        });
    return finite_;
  }

 private:
  struct Scratch {
    AmxTiles tiles;
    PooledBuffer<Word> lines;
    PooledBuffer<float> partial;  // sums of slabs, square by square
    alignas(64) float sums[2][kSquare];
    explicit Scratch(const SplitCorrelator& p)
        : lines(3 * p.part_), partial(p.slabs_ > 1 ? p.squares() * kSquare : 0) {
      std::fill_n(lines.data(), 3 * p.part_, 0u);
    }
  };

  // Of a task's results.
  Offset squares() const { return (strips_ + 1) / 2 * ((plan_.vectors + 1) / 2) * band_; }

  void pack_weights() {
    const Offset items = c_.groups * slabs_ * strips_;
    parallel_ranges(items, 1, 20.0 * items * steps_ * split::kStepWords, run_, [&](Offset item, Offset) {
      const Offset group = item / strips_ / slabs_, slab = item / strips_ % slabs_,
                   first = item % strips_ * kStrip;
      const float* from = c_.weights + group * c_.group_step + first * c_.row_step +
                          slab * (c_.channels / slabs_) * c_.channel_step;
      Word* to = packed_.data() + item * steps_ * split::kStepWords;
      Simd<float> checks{};
      for (Offset s = 0; s < steps_; ++s, to += split::kStepWords) {
        for (Offset r = 0; r < kStrip; ++r) {
          const bool inside = first + r < c_.rows;
          const Simd<float> x = inside ? gather(from + r * c_.row_step, s, 0) : Simd<float>{};
          const Simd<float> y = inside ? gather(from + r * c_.row_step, s, 1) : Simd<float>{};
          checks += (x + y) * 0.0f;
          split::split_pairs(x, y, to + r * 16);
        }
      }
      if (any(checks != checks)) finite_ = false;
    });
  }

  // The weights of a row for one side of the pairs of a step.
  Simd<float> gather(const float* row, Offset step, int side) const {
    const __m512i at = _mm512_loadu_si512(plan_.tiles[step].weights[side]);
    const __mmask16 used = _mm512_cmpge_epi32_mask(at, _mm512_setzero_si512());
    return _mm512_mask_i32gather_ps(_mm512_setzero_ps(), used, at, row, 4);
  }

  void compute(Scratch& s, Offset image, Offset group, Offset row) {
    const Offset images = std::min(plan_.images, c_.images - image), rows = std::min(band_, c_.y.count - row);
    const Offset vectors = (images * c_.x.count + kLane - 1) / kLane;
    float* out = c_.out + (image * c_.groups + group) * c_.rows * c_.out_y * c_.out_x +
                 (c_.y.out_start + row * c_.y.out_step) * c_.out_x + c_.x.out_start;
    const Offset plane = c_.in_y * c_.in_x;
    split::Planes x{nullptr, c_.in_y, c_.in_x, plane, c_.groups * c_.channels * plane};
    for (Offset slab = 0; slab < slabs_; ++slab) {
      x.from = c_.in + ((image * c_.groups + group) * c_.channels + slab * (c_.channels / slabs_)) * plane;
      plan_.read(x, images, row, rows, s.lines.data(), vector_, part_);
      const auto finish = [&](float* sums, const Square& q, float* partial) {
        if (slab > 0) add(sums, partial, q);
        if (slab + 1 < slabs_) {
          if (slab == 0) std::copy_n(sums, kSquare, partial);
        } else {
          write(slab > 0 ? partial : sums, q, group, images, out + q.row * c_.y.out_step * c_.out_x);
        }
      };
      // What was summed is written while the next square is multiplied.
      Square before{};
      Offset n = 0;
      for (Offset strip = 0; strip < strips_; strip += 2) {
        for (Offset v = 0; v < vectors; v += 2) {
          for (Offset i = 0; i < rows; ++i, ++n) {
            const Square q{strip, v, i, std::min<Offset>(2, strips_ - strip),
                           std::min<Offset>(2, vectors - v)};
            multiply(s.sums[n % 2], s.lines.data(), (group * slabs_ + slab) * strips_, q);
            if (n > 0) finish(s.sums[(n - 1) % 2], before, s.partial.data() + (n - 1) * kSquare);
            before = q;
          }
        }
      }
      finish(s.sums[(n - 1) % 2], before, s.partial.data() + (n - 1) * kSquare);
    }
  }

  // Two strips and two vectors of a row of results, or what is left of them.
  struct Square {
    Offset strip, vector, row, strips, vectors;
  };

  void multiply(float* sums, const Word* lines, Offset first_strip, const Square& q) {
    const Offset strip_words = steps_ * split::kStepWords;
    const Word* weights = packed_.data() + (first_strip + q.strip) * strip_words;
    lines += q.vector * vector_ + q.row * plan_.row_step * plan_.lines * kLane;
    const split::TileRow a{{weights, weights + strip_words}, left_steps_.data(), 16, split::kPart};
    const split::TileRow b{{lines, lines + vector_}, right_steps_.data(), kLane, part_};
    split::multiply_tiles(q.strips, q.vectors, a, b, steps_, sums);
  }

  static void add(const float* sums, float* to, const Square& q) {
    for (Offset r = 0; r < q.strips * kStrip; ++r, sums += 2 * kStrip, to += 2 * kStrip) {
      for (Offset j = 0; j < q.vectors * kStrip; j += kStrip) store(to + j, load(to + j) + load(sums + j));
    }
  }

  [[gnu::noinline]] void write(float* sums, const Square& q, Offset group, Offset images, float* out) {
    const Offset first = q.strip * kStrip, rows = std::min(c_.rows - first, q.strips * kStrip);
    const Offset plane = c_.out_y * c_.out_x, image = c_.groups * c_.rows * plane;
    check(sums, q);
    if (c_.bias || c_.activation != Activation::none) {
      finish_sums(sums, rows, c_.bias ? c_.bias + group * c_.rows + first : nullptr);
    }
    for (Offset v = 0; v < q.vectors; ++v, sums += kStrip) {
      for (const split::Piece& piece : plan_.results[q.vector + v]) {
        if (piece.image >= images) break;
        float* to = out + piece.image * image + piece.at + first * plane;
        write_piece(sums, piece.used, rows, plane, to);
      }
    }
  }

  // Infinity and NaN have no parts, and leave NaN in every sum that they enter.
  void check(const float* sums, const Square& q) {
    Simd<float> zeros{};
    for (Offset r = 0; r < q.strips * kStrip; ++r, sums += 2 * kStrip) {
      for (Offset v = 0; v < q.vectors; ++v) zeros += load(sums + v * kStrip) * 0.0f;
    }
    if (any(zeros != zeros)) finite_ = false;
  }

  void finish_sums(float* sums, Offset rows, const float* bias) const {
    for (Offset r = 0; r < rows; ++r, sums += 2 * kStrip) {
      Simd<float> line[1][2] = {{load(sums), load(sums + kStrip)}};
      for (auto& x : line[0]) x += bias ? bias[r] : 0.0f;
      activate<float>(c_.activation, line);
      store(sums, line[0][0]);
      store(sums + kStrip, line[0][1]);
    }
  }

  void write_piece(const float* sums, __mmask16 used, Offset rows, Offset plane, float* to) const {
    if (c_.x.out_step != 1) {
      for (Offset r = 0; r < rows; ++r) scatter(to + r * plane, used, load(sums + r * 2 * kStrip));
    } else if (used == 0xffff) {
      for (Offset r = 0; r < rows; ++r) store(to + r * plane, load(sums + r * 2 * kStrip));
    } else {
      for (Offset r = 0; r < rows; ++r)
        _mm512_mask_storeu_ps(to + r * plane, used, load(sums + r * 2 * kStrip));
    }
  }

  void scatter(float* to, __mmask16 used, Simd<float> line) const {
    const __m512i count = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    const __m512i at = _mm512_mullo_epi32(count, _mm512_set1_epi32(static_cast<int>(c_.x.out_step)));
    _mm512_mask_i32scatter_ps(to, used, at, line, 4);
  }

  const Correlation<float>& c_;
  const Execution& run_;
  Offset slabs_;
  split::LinePlan plan_;  // of a slab
  Offset steps_, strips_;
  Offset image_tasks_, band_, bands_;  // rows of results of a task
  PooledBuffer<Word> packed_;          // weights
  Offset vector_, part_;               // words of a vector's lines, of a part
  std::vector<Offset> left_steps_, right_steps_;
  std::atomic<bool> finite_{true};
};

}  // namespace

// Both ways are counted, in cycles for 16 positions: the matrix unit's squares of 16 results by 32 terms, the
// lines cut into parts, the results written, and the weights' parts shared by all positions; and the vectors'
// operations.
bool is_split(const Correlation<float>& c) {
  const double taps = static_cast<double>(c.y.taps.size() * c.x.taps.size());
  if (!split::wanted() || c.y.spread > 1 || c.x.spread > 1 || c.rows < 8 || c.channels * taps < 16)
    return false;
  const double count = static_cast<double>(c.x.count), rows = static_cast<double>(c.rows);
  const double lines = std::ceil(c.channels / 2.0 * static_cast<double>(c.x.taps.size()));
  const double squares = std::ceil(lines * static_cast<double>(c.y.taps.size()) / 16) * std::ceil(rows / 16);
  const double n = static_cast<double>(images_of_a_line(c)) * count, used = n / (16 * std::ceil(n / 16));
  const double pieces = c.x.count % kLane == 0 ? 1 : 1 + kLane / count;
  const double positions = static_cast<double>(c.images * c.y.count) * count;
  const double matrix = squares * (rows > 16 ? 115 : 126) +
                        lines * static_cast<double>(c.y.in_step) * (10 + 6 * pieces) +
                        rows * pieces * (c.x.out_step == 1 ? 9 : 27);
  const double vectors = 0.58 * c.channels * taps * rows;
  return matrix / used + squares * 16 * 100 * 16 / positions < vectors;
}

bool correlate_split(const Correlation<float>& c, const Execution& run) {
  return SplitCorrelator(c, run).compute();
}

#else

bool is_split(const Correlation<float>&) { return false; }
bool correlate_split(const Correlation<float>&, const Execution&) { return false; }

#endif

}  // namespace eckart
