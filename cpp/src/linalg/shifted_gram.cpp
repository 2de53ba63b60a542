#include "eckart/linalg/shifted_gram.hpp"

#include <algorithm>
#include <memory>
#include <vector>

#include "eckart/base/parallel.hpp"
#include "eckart/base/simd.hpp"

namespace eckart {
namespace {

constexpr Offset kDepth = 64;      // rows of a block: a strip of it takes a quarter of a first-level cache
constexpr Offset kSlabs = 16;      // partial sums, if they are small enough
constexpr Offset kSlabRows = 512;  // at least, in each of them
constexpr Offset kPartial = Offset{1} << 24;  // numbers in all partial sums together, if there are several

template <class T>
constexpr Offset kStrip = kPanelVectors * kSimdWidth<T>;  // columns whose sums are in registers at once

// sums[p, j] += sum_r left[r, p] right[r, j] for kPanel rows p and `vectors` vectors of columns j.
template <class T, int vectors>
inline void add_tile(const T* left, const T* right, Offset n, T* sums) {
  constexpr Offset width = kSimdWidth<T>;
  Simd<T> sum[kPanel][vectors] = {};
  for (Offset r = 0; r < n; ++r, left += kPanel, right += kStrip<T>) {
    Simd<T> columns[vectors];
    for (int v = 0; v < vectors; ++v) columns[v] = load(right + v * width);
#pragma GCC unroll 8
    for (int p = 0; p < kPanel; ++p) {
      const Simd<T> x = broadcast(left[p]);
      for (int v = 0; v < vectors; ++v) sum[p][v] += x * columns[v];
    }
  }
#pragma GCC unroll 8
  for (int p = 0; p < kPanel; ++p) {
    for (int v = 0; v < vectors; ++v) {
      T* to = sums + p * kStrip<T> + v * width;
      store(to, load(to) + sum[p][v]);
    }
  }
}

// The first row of strip s, which holds the columns from s kStrip on: a panel begins there.
template <class T>
constexpr Offset first_row(Offset s) {
  return s * kStrip<T> / kPanel * kPanel;
}

// A block of shifted rows twice: in panels of kPanel columns, the rows of a tile, and in strips of kStrip.
template <class T>
class PackedBlock {
 public:
  explicit PackedBlock(Offset d)
      : left_(kDepth * round_up(d, kPanel)), right_(kDepth * round_up(d, kStrip<T>)) {}

  // Row r becomes x - shift, from column `begin` on; sums += x - shift.
  void pack(const T* x, const T* shift, Offset begin, Offset d, Offset r, T* sums) {
    for (Offset j = begin; j < d; j += kPanel) {
      T* to = left_.data() + j * kDepth + r * kPanel;
      for (Offset c = j; c < std::min(j + kPanel, d); ++c) to[c - j] = x[c] - shift[c];
    }
    for (Offset j = begin / kStrip<T> * kStrip<T>; j < d; j += kStrip<T>) {
      T* to = right_.data() + j * kDepth + r * kStrip<T>;
      for (Offset c = j; c < std::min(j + kStrip<T>, d); ++c) sums[c] += to[c - j] = x[c] - shift[c];
    }
  }

  const T* panel(Offset row) const { return left_.data() + row * kDepth; }  // row: a multiple of kPanel
  const T* strip(Offset s) const { return right_.data() + s * kStrip<T> * kDepth; }

 private:
  AlignedBuffer<T> left_, right_;  // what no column fills stays zero
};

// The sums over some rows in the strips [first, last), each from its first row to the last.
template <class T>
class GramStrips {
 public:
  GramStrips(Offset d, Offset first, Offset last)
      : d_(d), first_(first), last_(last), starts_{0}, column_sums_(round_up(d, kStrip<T>)) {
    for (Offset s = first; s < last; ++s) {
      starts_.push_back(starts_.back() + (round_up(d, kPanel) - first_row<T>(s)) * kStrip<T>);
    }
    sums_ = AlignedBuffer<T>(starts_.back());
  }

  // Adds n <= kDepth rows.
  void add(const T* x, const T* shift, Offset n, PackedBlock<T>& block) {
    for (Offset r = 0; r < n; ++r) {
      block.pack(x + r * d_, shift, first_row<T>(first_), d_, r, column_sums_.data());
    }
    for (Offset s = first_; s < last_; ++s) {
      const Offset vectors = (std::min(kStrip<T>, d_ - s * kStrip<T>) + kSimdWidth<T> - 1) / kSimdWidth<T>;
      if (vectors == 1) {
        add_strip<1>(s, n, block);
      } else if (vectors == 2) {
        add_strip<2>(s, n, block);
      } else {
        add_strip<kPanelVectors>(s, n, block);
      }
    }
  }

  // Row i of strip s: entry c is column s kStrip + c, to be used up to the diagonal.
  const T* row(Offset s, Offset i) const {
    return sums_.data() + starts_[s - first_] + (i - first_row<T>(s)) * kStrip<T>;
  }
  // Of x - shift; every column from the first strip on.
  T column_sum(Offset j) const { return column_sums_[j]; }

 private:
  template <int vectors>
  void add_strip(Offset s, Offset n, const PackedBlock<T>& block) {
    T* sums = sums_.data() + starts_[s - first_];
    for (Offset i = first_row<T>(s); i < d_; i += kPanel, sums += kPanel * kStrip<T>) {
      add_tile<T, vectors>(block.panel(i), block.strip(s), n, sums);
    }
  }

  Offset d_, first_, last_;
  std::vector<Offset> starts_;
  AlignedBuffer<T> sums_{0};
  AlignedBuffer<T> column_sums_;
};

}  // namespace

template <class T>
void shifted_gram(const MatrixView<const T>& x, const T* shift, const MatrixView<double>& gram, double* sum,
                  const Execution& run) {
  using Strips = GramStrips<T>;
  const Offset n = x.rows, d = x.cols;
  if (d == 0) return;
  // All cuts depend on the shape alone. A wide matrix has few slabs, and is cut by columns instead.
  const Offset strips = (d + kStrip<T> - 1) / kStrip<T>;
  const Offset slabs = std::clamp<Offset>(std::min(kPartial / (d * d / 2 + 1), n / kSlabRows), 1, kSlabs);
  const Offset rows = (n + slabs - 1) / slabs;
  const Offset strips_per_task = (strips * slabs + 2 * kSlabs - 1) / (2 * kSlabs);
  const Offset groups = slabs == kSlabs ? 1 : (strips + strips_per_task - 1) / strips_per_task;
  const Offset group_strips = (strips + groups - 1) / groups;

  std::vector<std::unique_ptr<Strips>> parts(slabs * groups);
  parallel_for(
      slabs * groups, 1.0 * n * d * d, run, [d] { return PackedBlock<T>(d); },
      [&](PackedBlock<T>& block, Offset task) {
        const Offset first = std::min(task % groups * group_strips, strips);
        const Offset begin = task / groups * rows, end = std::min(n, begin + rows);
        auto part = std::make_unique<Strips>(d, first, std::min(first + group_strips, strips));
        for (Offset r = begin; r < end; r += kDepth) {
          part->add(x.row(r), shift, std::min(kDepth, end - r), block);
        }
        parts[task] = std::move(part);
      });

  parallel_ranges(d, 32, 1.0 * slabs * d * d, run, [&](Offset begin, Offset end) {
    for (Offset i = begin; i < end; ++i) {
      double* out = gram.row(i);
      std::fill_n(out, i + 1, 0.0);
      sum[i] = 0;
      for (Offset slab = 0; slab < slabs; ++slab) {
        // The first group of strips has seen every column.
        sum[i] += parts[slab * groups]->column_sum(i);
        for (Offset s = 0; s * kStrip<T> <= i; ++s) {
          const T* from = parts[slab * groups + s / group_strips]->row(s, i);
          const Offset j = s * kStrip<T>, count = std::min(kStrip<T>, i + 1 - j);
          for (Offset c = 0; c < count; ++c) out[j + c] += static_cast<double>(from[c]);
        }
      }
    }
  });
  parallel_ranges(d, 32, 1.0 * d * d, run, [&](Offset begin, Offset end) {
    for (Offset i = begin; i < end; ++i) {
      for (Offset j = i + 1; j < d; ++j) gram.row(i)[j] = gram.row(j)[i];
    }
  });
}

template void shifted_gram(const MatrixView<const float>&, const float*, const MatrixView<double>&, double*,
                           const Execution&);
template void shifted_gram(const MatrixView<const double>&, const double*, const MatrixView<double>&, double*,
                           const Execution&);

}  // namespace eckart
