#include "product_split.hpp"

#include <atomic>

#include "eckart/base/buffer_pool.hpp"
#include "eckart/base/parallel.hpp"
#include "eckart/linalg/split_tiles.hpp"

namespace eckart {

#if ECKART_HAS_AMX

namespace {

constexpr Offset kSlab = 800;  // terms of a sum at a time
constexpr Offset kShared =
    160 * 1024;             // numbers packed for all threads at a time: a megabyte, in each core's cache
constexpr int kCopies = 4;  // threads up to which each packs for itself: cheaper than fetching it
constexpr double kLeastWork = 8e6;  // flop; below, packing costs too much

using split::kStrip;
using split::Word;

bool contiguous(const Strided<const float>& x) { return x.row == 1 || x.column == 1; }

Offset even_share(Offset n, Offset most) {  // in whole squares of tiles
  const Offset shares = (n + most - 1) / most;
  return round_up((n + shares - 1) / shares, 2 * kStrip);
}

// Lines of a task, so that the threads' last ones end soonest; fewer tasks where that makes no difference.
Offset task_lines(Offset n, Offset threads) {
  constexpr Offset most_tasks = 4;  // of a thread
  Offset best = 0, least = 0;
  for (Offset tasks = 1; tasks <= most_tasks; ++tasks) {
    const Offset share = even_share(n, (n + tasks * threads - 1) / (tasks * threads));
    const Offset all = (n + share - 1) / share, slowest = (all + threads - 1) / threads * share;
    if (best == 0 || slowest < least) best = share, least = slowest;
  }
  return best;
}

// Whether sums go to C as they are.
bool is_plain(const Product<float>& p) {
  return p.k <= kSlab && p.alpha == 1 && !p.bias && p.activation == Activation::none;
}

// One side of C, and the operand that belongs to it: entry (i, t) of line i, a row of A or a column of B.
struct Side {
  bool left;
  Offset n;
  Strided<const float> x;

  Offset strips(Offset first, Offset lines) const { return split::strips_of(std::min(lines, n - first)); }
};

// The lines of the shorter side are packed once for all threads, a part of them at a time; a task packs its
// own few lines of the longer side.
class SplitProduct {
 public:
  SplitProduct(const Product<float>& p, const Execution& run)
      : run_(run),
        p_(p),
        slab_(even_share(p.k, kSlab)),
        strip_(slab_ / split::kTerms * split::kStepWords),
        shared_{p.m <= p.n, p.m, p.a},
        own_{p.m > p.n, p.n, p.b.transposed()},
        plain_(is_plain(p)) {
    if (own_.left) std::swap(shared_.n, own_.n), std::swap(shared_.x, own_.x);
    part_ = even_share(shared_.n, std::max(2 * kStrip, kShared / slab_));
    block_ = task_lines(own_.n, run.threads);
  }

  bool compute() {
    const bool together = run_.threads > kCopies;
    PooledBuffer<Word> packed(together ? part_ / kStrip * strip_ : 0);
    for (Offset t = 0; t < p_.k; t += slab_) {
      for (Offset first = 0; first < shared_.n; first += part_) {
        add_slab(t, first, together ? packed.data() : nullptr);
        if (!finite_) return false;
      }
    }
    return true;
  }

 private:
  struct Scratch {
    AmxTiles tiles;
    PooledBuffer<Word> own;
    alignas(64) float sums[4 * kStrip * kStrip];
    PooledBuffer<Word> copy;  // of the shared strips, where this thread has one
    const Word* shared;
    Offset ready;           // shared strips that are packed
    split::Packing coming;  // of the next two
    Scratch(SplitProduct& p, Offset strips, const Word* packed)
        : own(4 * p.strip_),
          copy(packed ? 0 : strips * p.strip_),
          shared(packed ? packed : copy.data()),
          ready(packed ? strips : 0) {}
  };

  // What the terms [t, t + slab_) add to the products with a part of the shared lines, packed together in
  // `packed`, or by each thread for itself.
  void add_slab(Offset t, Offset first, Word* packed) {
    const Offset strips = shared_.strips(first, part_);
    const double lines = static_cast<double>(strips * kStrip), terms = static_cast<double>(slab_);
    if (packed) {
      parallel_ranges(strips, 2, 4 * lines * terms, run_, [&](Offset begin, Offset end) {
        finish(packing(shared_, first + begin * kStrip, end - begin, t, packed + begin * strip_));
      });
    }
    parallel_for((own_.n + block_ - 1) / block_, 2 * own_.n * lines * terms, run_,
                 [&] { return Scratch(*this, strips, packed); },
                 [&](Scratch& s, Offset task) { block(task * block_, t, first, s); });
  }

  // Strips of a side from a line on.
  split::Packing packing(const Side& side, Offset first, Offset strips, Offset t, Word* to) const {
    return {side.left,      side.x.at(first, t),       side.x.row, side.x.column,
            side.n - first, std::min(slab_, p_.k - t), strips,     to,
            strip_};
  }
  void finish(split::Packing packing) {
    if (!packing.finish()) finite_ = false;
  }

  // Two strips from strip i on, of those that begin at a line.
  split::Packing pair(const Side& side, Offset first, Offset i, Offset strips, Offset t, Word* to) const {
    if (i >= strips) return {};
    return packing(side, first + i * kStrip, std::min<Offset>(2, strips - i), t, to);
  }

  // While two strips of its own are multiplied with all the shared ones, the next two are packed; with the
  // first ones, the shared ones too.
  void block(Offset own, Offset t, Offset shared, Scratch& s) {
    const Offset own_strips = own_.strips(own, block_), shared_strips = shared_.strips(shared, part_);
    const auto packed = [&](Offset i) { return s.own.data() + i / 2 % 2 * 2 * strip_; };
    finish(pair(own_, own, 0, own_strips, t, packed(0)));
    for (Offset i = 0; i < own_strips; i += 2) {
      split::Packing next = pair(own_, own, i + 2, own_strips, t, packed(i + 2));
      for (Offset j = 0; j < shared_strips; j += 2) {
        while (s.ready <= j) pack_shared(shared, shared_strips, t, s);
        const Word *x = packed(i), *y = s.shared + j * strip_;
        const Offset x_line = own + i * kStrip, y_line = shared + j * kStrip;
        split::Packing& meanwhile = s.coming.more() ? s.coming : next;
        if (own_.left) {
          square(x, y, x_line, y_line, t, s.sums, meanwhile);
        } else {
          square(y, x, y_line, x_line, t, s.sums, meanwhile);
        }
      }
      finish(next);
    }
  }

  // What is left of the next two shared strips; those behind are begun.
  void pack_shared(Offset shared, Offset strips, Offset t, Scratch& s) {
    const auto from = [&](Offset i) {
      return pair(shared_, shared, i, strips, t, s.copy.data() + i * strip_);
    };
    finish(s.ready == 0 ? from(0) : s.coming);
    s.ready += 2;
    s.coming = from(s.ready);
  }

  // Two strips of each side, or what is left of them, from (row, column) of C on.
  void square(const Word* a, const Word* b, Offset row, Offset column, Offset t, float* sums,
              split::Packing& next) {
    const Offset rows = std::min(2 * kStrip, p_.m - row), columns = std::min(2 * kStrip, p_.n - column);
    const bool tall = rows > kStrip, wide = columns > kStrip;
    const Offset steps = split::steps_of(std::min(slab_, p_.k - t));
    if (p_.c.column != 1) {
      split::multiply_strips(tall, wide, a, strip_, b, strip_, steps, sums, 2 * kStrip, &next);
      split::write_turned(sums, 2 * kStrip, columns, rows, 1, p_.c.at(row, column), p_.c.column);
    } else if (plain_ && rows % kStrip == 0 && columns % kStrip == 0) {
      split::multiply_strips(tall, wide, a, strip_, b, strip_, steps, p_.c.at(row, column), p_.c.row, &next);
    } else {
      split::multiply_strips(tall, wide, a, strip_, b, strip_, steps, sums, 2 * kStrip, &next);
      store(sums, row, rows, column, columns, t);
    }
  }

  // The sums to where they belong in C.
  void store(const float* sums, Offset row, Offset rows, Offset column, Offset columns, Offset t) {
    const bool last = t + slab_ >= p_.k;
    const __mmask16 used[2] = {split::lanes(columns), split::lanes(columns - 16)};
    Simd<float> bias[2] = {};
    if (last && p_.bias) {
      for (int v = 0; v < 2; ++v) bias[v] = _mm512_maskz_loadu_ps(used[v], p_.bias + column + 16 * v);
    }
    for (Offset r = 0; r < rows; ++r) {
      float* c = p_.c.at(row + r, column);
      Simd<float> tile[1][2];
      for (int v = 0; v < 2; ++v) {
        tile[0][v] = eckart::load(sums + r * 2 * kStrip + v * 16);
        if (t > 0) tile[0][v] += _mm512_maskz_loadu_ps(used[v], c + 16 * v);
        if (last) tile[0][v] = tile[0][v] * p_.alpha + bias[v];
      }
      if (last) activate<float>(p_.activation, tile);
      for (int v = 0; v < 2; ++v) _mm512_mask_storeu_ps(c + 16 * v, used[v], tile[0][v]);
    }
  }

  const Execution& run_;
  const Product<float> p_;
  Offset slab_, strip_;  // terms; words of a packed strip
  Side shared_, own_;
  Offset part_, block_;  // lines
  bool plain_;
  std::atomic<bool> finite_{true};
};

}  // namespace

bool is_split(const Product<float>& p) {
  return p.beta == 0 && p.c.column == 1 && contiguous(p.a) && contiguous(p.b) &&
         std::min({p.m, p.n, p.k}) >= 32 && 2.0 * p.m * p.n * p.k >= kLeastWork && split::wanted();
}

bool multiply_split(const Product<float>& p, const Execution& run) {
  // A left operand by terms is packed with a transposition: better the shorter one, and C transposed.
  const bool turn = p.m > p.n && p.a.column != 1 && p.b.column == 1 && is_plain(p);
  return turn ? SplitProduct(p.transposed(), run).compute() : SplitProduct(p, run).compute();
}

#else

bool is_split(const Product<float>&) { return false; }
bool multiply_split(const Product<float>&, const Execution&) { return false; }

#endif

}  // namespace eckart
