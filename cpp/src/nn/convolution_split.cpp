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
constexpr Offset kBytes = 1 << 20;  // of a task's lines: a third of a second-level cache
constexpr Offset kTasks = 8;
constexpr double kMostWeights = 2147483647.0;  // their places are 32 bits
constexpr Offset kMostImages = 16;             // side by side
constexpr Offset kSlab = 800;                  // terms of a sum at a time, about

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

// How many images lie side by side, and how many rows of results are a task. Few leave lanes idle, many leave
// room for few rows, and rows that two tasks need are cut twice.
struct Band {
  Offset images = 0, rows = 0;

  // Whether the lines of one row of results are not too many.
  static bool fits(const Correlation<float>& c) {
    return (c.y.reach + 1) * c.y.in_step * bytes(c, 1) <= 2 * kBytes;
  }

  explicit Band(const Correlation<float>& c) {
    double least = 0;
    for (Offset n = 1; n <= std::min(kMostImages, c.images); ++n) {
      const Offset most = rows_of_results(c, n);
      const double cost = cycles(c, n, most);
      if (n > 1 && cost > 0.98 * least) continue;
      images = n;
      rows = most;
      least = cost;
    }
    const Offset tasks = (c.images + images - 1) / images * c.groups;
    const Offset bands = std::max((c.y.count + rows - 1) / rows, std::min(c.y.count, kTasks / tasks));
    rows = (c.y.count + bands - 1) / bands;
  }

 private:
  static Offset vectors(const Correlation<float>& c, Offset n) { return (n * c.x.count + kLane - 1) / kLane; }
  static Offset lines(const Correlation<float>& c) {
    return (c.channels * static_cast<Offset>(c.x.taps.size()) + 1) / 2;
  }

  static Offset bytes(const Correlation<float>& c, Offset n) {  // of a row of n images
    return 3 * vectors(c, n) * lines(c) * kLane * Offset{sizeof(Word)};
  }

  static Offset rows_of_results(const Correlation<float>& c, Offset n) {
    return std::clamp<Offset>((kBytes / bytes(c, n) - c.y.reach * c.y.in_step) / c.y.in_step, 1, c.y.count);
  }

  // For a position of the results; of a slab.
  static double cycles(const Correlation<float>& c, Offset n, Offset rows) {
    const double v = static_cast<double>(vectors(c, n)), read = static_cast<double>(rows + c.y.reach) / rows;
    const double squares =
        std::ceil(lines(c) * static_cast<double>(c.y.taps.size()) / 16) * std::ceil(c.rows / 16.0);
    const double cut = 16 * static_cast<double>(lines(c)) * static_cast<double>(c.y.in_step) * read;
    return (115 * squares + cut) * v / static_cast<double>(n * c.x.count);
  }
};

class SplitCorrelator {
 public:
  SplitCorrelator(const Correlation<float>& c, const Execution& run)
      : c_(c),
        run_(run),
        slabs_(slabs(c)),
        band_(slab_of(c)),
        plan_(slab_of(c), band_.images, true),
        steps_(static_cast<Offset>(plan_.tiles.size())),
        strips_(split::strips_of(c.rows)),
        image_tasks_((c.images + plan_.images - 1) / plan_.images),
        packed_(c.groups * slabs_ * strips_ * steps_ * split::kStepWords) {
    bands_ = (c.y.count + band_.rows - 1) / band_.rows;
    vector_ = plan_.vector_words(band_.rows);
    part_ = plan_.vectors * vector_;
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
          compute(s, part * plan_.images, group, band * band_.rows);
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
        : lines(3 * p.part_), partial(p.slabs_ > 1 ? p.squares() * kSquare : 0) {}
  };

  // Of a task's results.
  Offset squares() const { return (strips_ + 1) / 2 * ((plan_.vectors * band_.rows + 1) / 2); }

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

  // Some rows of some images, and where their results go.
  struct Task {
    Offset images, rows, group, vectors;
    float* out;

    Offset columns() const { return vectors * rows; }  // vectors of results of a channel
  };

  // Two strips and two columns, or what is left of them. Neighbours are the same vector in two rows, which
  // read mostly the same lines.
  struct Square {
    Offset strip, column, strips, columns;
  };

  void compute(Scratch& s, Offset image, Offset group, Offset row) {
    const Offset images = std::min(plan_.images, c_.images - image);
    const Task task{images, std::min(band_.rows, c_.y.count - row), group,
                    (images * c_.x.count + kLane - 1) / kLane,
                    c_.out + (image * c_.groups + group) * c_.rows * c_.out_y * c_.out_x +
                        (c_.y.out_start + row * c_.y.out_step) * c_.out_x + c_.x.out_start};
    const Offset plane = c_.in_y * c_.in_x, channels = c_.channels / slabs_;
    const float* from = c_.in + (image * c_.groups + group) * c_.channels * plane;
    for (Offset slab = 0; slab < slabs_; ++slab) {
      const split::Planes x{from + slab * channels * plane, c_.in_y, c_.in_x, plane,
                            c_.groups * c_.channels * plane};
      plan_.read(x, images, row, task.rows, s.lines.data(), vector_, part_);
      add_slab(s, task, slab);
    }
  }

  // What was summed is written while the next square is multiplied.
  void add_slab(Scratch& s, const Task& task, Offset slab) {
    Square before{};
    Offset n = 0;
    const auto finish_one = [&] {
      finish(s.sums[(n - 1) % 2], before, task, slab, s.partial.data() + (n - 1) * kSquare);
    };
    for (Offset strip = 0; strip < strips_; strip += 2) {
      for (Offset column = 0; column < task.columns(); column += 2, ++n) {
        const Square q{strip, column, std::min<Offset>(2, strips_ - strip),
                       std::min<Offset>(2, task.columns() - column)};
        multiply(s, q, task, slab, s.sums[n % 2]);
        if (n > 0) finish_one();
        before = q;
      }
    }
    finish_one();
  }

  void multiply(const Scratch& s, const Square& q, const Task& task, Offset slab, float* sums) {
    const Offset strip_words = steps_ * split::kStepWords, row_words = plan_.row_step * plan_.lines * kLane;
    const Word* weights = packed_.data() + ((task.group * slabs_ + slab) * strips_ + q.strip) * strip_words;
    const auto lines = [&](Offset column) {
      return s.lines.data() + column / task.rows * vector_ + column % task.rows * row_words;
    };
    const split::TileRow a{{weights, weights + strip_words}, left_steps_.data(), 16, split::kPart};
    const split::TileRow b{
        {lines(q.column), lines(q.column + q.columns - 1)}, right_steps_.data(), kLane, part_};
    split::multiply_tiles(q.strips, q.columns, a, b, steps_, sums);
  }

  void finish(float* sums, const Square& q, const Task& task, Offset slab, float* partial) {
    if (slab > 0) add(sums, partial, q);
    if (slab + 1 == slabs_) {
      write(slab > 0 ? partial : sums, q, task);
    } else if (slab == 0) {
      std::copy_n(sums, kSquare, partial);
    }
  }

  static void add(const float* sums, float* to, const Square& q) {
    for (Offset r = 0; r < q.strips * kStrip; ++r, sums += 2 * kStrip, to += 2 * kStrip) {
      for (Offset j = 0; j < q.columns * kStrip; j += kStrip) store(to + j, load(to + j) + load(sums + j));
    }
  }

  void write(float* sums, const Square& q, const Task& task) {
    const Offset first = q.strip * kStrip, rows = std::min(c_.rows - first, q.strips * kStrip);
    const Offset plane = c_.out_y * c_.out_x, image = c_.groups * c_.rows * plane;
    check(sums, q);
    if (c_.bias || c_.activation != Activation::none) {
      finish_sums(sums, rows, c_.bias ? c_.bias + task.group * c_.rows + first : nullptr);
    }
    for (Offset column = q.column; column < q.column + q.columns; ++column, sums += kStrip) {
      float* out = task.out + first * plane + column % task.rows * c_.y.out_step * c_.out_x;
      for (const split::Piece& piece : plan_.results[column / task.rows]) {
        if (piece.image >= task.images) break;
        write_piece(sums, piece.used, rows, plane, out + piece.image * image + piece.at);
      }
    }
  }

  // Infinity and NaN have no parts, and leave NaN in every sum that they enter.
  void check(const float* sums, const Square& q) {
    Simd<float> zeros{};
    for (Offset r = 0; r < q.strips * kStrip; ++r, sums += 2 * kStrip) {
      for (Offset v = 0; v < q.columns; ++v) zeros += load(sums + v * kStrip) * 0.0f;
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
  Band band_;  // of a slab, as all that follows
  split::LinePlan plan_;
  Offset steps_, strips_;
  Offset image_tasks_, bands_;
  PooledBuffer<Word> packed_;  // weights
  Offset vector_, part_;       // words of a vector's lines, of a part
  std::vector<Offset> left_steps_, right_steps_;
  std::atomic<bool> finite_{true};
};

}  // namespace

// Both ways are counted, in cycles for 16 positions: the matrix unit's squares of 16 results by 32 terms, the
// lines cut into parts, the results written, and the weights' parts shared by all positions; and the vectors'
// operations.
bool is_split(const Correlation<float>& c) {
  const double taps = static_cast<double>(c.y.taps.size() * c.x.taps.size());
  if (!split::wanted() || c.y.spread > 1 || c.x.spread > 1 || c.rows < 8 || c.channels * taps < 16 ||
      c.channels * taps * static_cast<double>(c.rows) > kMostWeights || !Band::fits(slab_of(c))) {
    return false;
  }
  const double count = static_cast<double>(c.x.count), rows = static_cast<double>(c.rows);
  const double lines = std::ceil(c.channels / 2.0 * static_cast<double>(c.x.taps.size()));
  const double squares = std::ceil(lines * static_cast<double>(c.y.taps.size()) / 16) * std::ceil(rows / 16);
  const double n = static_cast<double>(Band(slab_of(c)).images) * count, used = n / (16 * std::ceil(n / 16));
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
