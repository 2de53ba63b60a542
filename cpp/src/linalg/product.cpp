#include "eckart/linalg/product.hpp"

#include <algorithm>
#include <limits>
#include <vector>

#include "eckart/base/buffer_pool.hpp"
#include "eckart/base/parallel.hpp"
#include "eckart/linalg/packing.hpp"
#include "eckart/linalg/register_tile.hpp"
#include "product_narrow.hpp"
#include "product_split.hpp"

namespace eckart {

namespace {

constexpr Offset kDepth = 224;  // of a slab: its panel of B fits the first-level cache
constexpr Offset kRows = 128;   // of a block of C
constexpr Offset kPanels = 10;  // panels of columns in a block
constexpr Offset kFiner = 2;    // times more blocks than threads, where those share one of the usual size
constexpr double kBlockCost = 300, kRegionCost = 5000;  // cycles, to begin a block and a parallel region
constexpr Offset kDirectRows = 2;  // panels of rows up to which it does not pay to copy B

// How a product is computed: as it is, or C' = B'A', whichever fills vectors and needs less copying.
template <class T>
struct Plan {
  Product<T> p;
  bool bias_by_row = false;
  Offset width = kPanelVectors * kSimdWidth<T>;  // of a panel
  Offset rows, columns;                          // of a block
  Offset depth;                                  // of a slab
  bool direct;                                   // B is read where it lies

  Plan(const Product<T>& given, Offset batch, int threads) : p(given) {
    if (cost(p.m, p.n, p.b, p.c) > cost(p.n, p.m, p.a.transposed(), p.c.transposed())) {
      p = given.transposed();
      bias_by_row = true;
    }
    cut(batch, threads);
    const Offset slabs = std::max<Offset>(1, parts(p.k, kDepth));
    depth = std::max<Offset>(1, parts(p.k, slabs));
    direct = p.b.column == 1 && p.m <= kDirectRows * kPanel;
    if (direct) depth = std::max<Offset>(1, p.k);
  }

  // The blocks of all products with which the threads are done soonest, as few as that takes. No sum depends
  // on how C is cut.
  void cut(Offset batch, int threads) {
    const Offset down = parts(p.m, kRows), along = p.k <= kDepth ? 1 : parts(p.n, kPanels * width);
    double least = std::numeric_limits<double>::infinity();
    for (Offset i = 1; i <= kFiner * threads; i *= 2) {
      for (Offset j = 1; i * j <= kFiner * threads; j *= 2) {
        const Offset r = round_up(parts(p.m, i * down), kPanel), c = round_up(parts(p.n, j * along), width);
        const Offset all = batch * parts(p.m, r) * parts(p.n, c);
        const double region = threads > 1 && all > 1 ? kRegionCost : 0;
        const double time = static_cast<double>(parts(all, threads)) * block_cost(r, c) + region;
        if (time >= least) continue;
        least = time;
        rows = r;
        columns = c;
      }
    }
  }

  static Offset parts(Offset n, Offset of) { return (n + of - 1) / of; }

  double block_cost(Offset r, Offset c) const {
    const Offset m = std::min(r, p.m), n = std::min(c, p.n);
    return cost(m, n, p.b, p.c) + (n > width ? 0.25 * m * p.k : 0.0) + kBlockCost;
  }

  // Cycles: multiply-adds of whole vectors, copies of B, transposed or not, and stores, in vectors or one by
  // one.
  double cost(Offset m, Offset n, const Strided<const T>& b, const Strided<T>& c) const {
    const double lanes = static_cast<double>(kSimdWidth<T>);
    const double work =
        static_cast<double>(m) * static_cast<double>(round_up(n, kSimdWidth<T>)) * p.k / (2 * lanes);
    const double copies = b.column == 1 ? (m > kDirectRows * kPanel ? n * p.k / lanes : 0.0) : 0.5 * n * p.k;
    return work + copies + (c.column == 1 ? 2 / lanes : 1.0) * static_cast<double>(m * n);
  }

  Offset row_blocks() const { return parts(p.m, rows); }
  Offset column_blocks() const { return parts(p.n, columns); }
  Offset blocks() const { return row_blocks() * column_blocks(); }
};

// One a thread.
template <class T>
struct Scratch {
  PooledBuffer<T> a, b, sums;
  explicit Scratch(const Plan<T>& plan)
      : a(plan.rows * plan.depth),
        b(plan.width * plan.depth),
        sums(plan.p.k > plan.depth ? plan.rows * plan.columns : 0) {}
};

// A block of C, from (row, column) on.
template <class T>
class Block {
 public:
  Block(const Plan<T>& plan, const Product<T>& p, Scratch<T>& scratch, Offset row, Offset column)
      : plan_(plan),
        p_(p),
        s_(scratch),
        row_(row),
        column_(column),
        m_(std::min(plan.rows, p.m - row)),
        n_(std::min(plan.columns, p.n - column)) {}

  void compute() {
    Offset t = 0;
    do {
      const Offset depth = std::min(plan_.depth, p_.k - t);
      slab(t, depth);
      t += plan_.depth;
    } while (t < p_.k);
  }

 private:
  static constexpr Offset lanes = kSimdWidth<T>;

  void slab(Offset t, Offset depth) {
    const bool pack_a = n_ > plan_.width;
    if (pack_a) {
      even_shares(m_, kPanel, [&](Offset i, Offset rows) {
        pack_rows(p_.a.at(row_ + i, t), p_.a.row, p_.a.column, rows, depth, s_.a.data() + i * depth);
      });
    }
    even_shares((n_ + lanes - 1) / lanes, kPanelVectors, [&](Offset first, Offset vectors) {
      const Offset j = first * lanes, columns = std::min(vectors * lanes, n_ - j);
      const T* b = p_.b.at(t, column_ + j);
      Offset step = p_.b.row;
      if (!plan_.direct || vectors * lanes > columns) {
        T* panel = s_.b.data();
        pack_columns(b, p_.b.row, p_.b.column, columns, depth, panel);
        b = panel;
        step = vectors * lanes;
      }
      even_shares(m_, kPanel, [&](Offset i, Offset rows) {
        const T* a = pack_a ? s_.a.data() + i * depth : p_.a.at(row_ + i, t);
        with_constant<kPanel>(rows, [&](auto r) {
          with_constant<kPanelVectors>(
              vectors, [&](auto v) { tile<r, v>(a, pack_a, b, step, t, depth, i, j, columns); });
        });
      });
    });
  }

  template <int rows, int vectors>
  void tile(const T* a, bool packed, const T* b, Offset step, Offset t, Offset depth, Offset i, Offset j,
            Offset columns) {
    Simd<T> sum[rows][vectors];
    T* partial = s_.sums.data() + i * plan_.columns + j;
#pragma GCC unroll 8
    for (int r = 0; r < rows; ++r) {
      for (int v = 0; v < vectors; ++v) {
        sum[r][v] = t == 0 ? Simd<T>{} : load(partial + r * plan_.columns + v * lanes);
      }
    }
    if (packed) {
      panel_product<T>(a, 1, rows, b, step, depth, sum);
    } else {
      panel_product<T>(a, p_.a.row, p_.a.column, b, step, depth, sum);
    }
    if (t + depth < p_.k) {
#pragma GCC unroll 8
      for (int r = 0; r < rows; ++r) {
        for (int v = 0; v < vectors; ++v) store(partial + r * plan_.columns + v * lanes, sum[r][v]);
      }
    } else {
      finish<rows, vectors>(sum, row_ + i, column_ + j, columns);
    }
  }

  template <int rows, int vectors>
  void finish(Simd<T> (&sum)[rows][vectors], Offset i, Offset j, Offset columns) {
    T line[vectors * lanes];
    const bool whole = p_.c.column == 1 && columns == vectors * lanes;
#pragma GCC unroll 8
    for (int r = 0; r < rows; ++r) {
      if (p_.beta != T(0)) gather(p_.c.at(i + r, j), p_.c.column, columns, line);
      for (int v = 0; v < vectors; ++v) {
        sum[r][v] *= p_.alpha;
        if (p_.beta != T(0)) sum[r][v] += p_.beta * load(line + v * lanes);
      }
    }
    if (p_.bias && plan_.bias_by_row) {
#pragma GCC unroll 8
      for (int r = 0; r < rows; ++r) {
        for (int v = 0; v < vectors; ++v) sum[r][v] += broadcast(p_.bias[i + r]);
      }
    } else if (p_.bias) {
      gather(p_.bias + j, 1, columns, line);
#pragma GCC unroll 8
      for (int r = 0; r < rows; ++r) {
        for (int v = 0; v < vectors; ++v) sum[r][v] += load(line + v * lanes);
      }
    }
    activate<T>(p_.activation, sum);
#pragma GCC unroll 8
    for (int r = 0; r < rows; ++r) {
      T* to = whole ? p_.c.at(i + r, j) : line;
      for (int v = 0; v < vectors; ++v) store(to + v * lanes, sum[r][v]);
      if (!whole) {
        for (Offset c = 0; c < columns; ++c) *p_.c.at(i + r, j + c) = line[c];
      }
    }
  }

  static void gather(const T* from, Offset step, Offset n, T* line) {
    for (Offset c = 0; c < n; ++c) line[c] = from[c * step];
  }

  const Plan<T>& plan_;
  const Product<T>& p_;
  Scratch<T>& s_;
  Offset row_, column_, m_, n_;
};

}  // namespace

template <class T>
void multiply_batch(const Product<T>& product, Offset batch, const Offset* a_starts, const Offset* b_starts,
                    const Offset* c_starts, const Execution& run) {
  if (product.m == 0 || product.n == 0 || batch == 0) return;
  const double work = 2.0 * batch * product.m * product.n * product.k;
  const Plan<T> plan(product, batch, work < kParallelWork ? 1 : run.threads);
  const bool swapped = plan.bias_by_row;
  const Offset blocks = plan.blocks(), across = plan.column_blocks();
  parallel_for(
      batch * blocks, work, run, [&] { return Scratch<T>(plan); },
      [&](Scratch<T>& scratch, Offset task) {
        const Offset item = task / blocks, block = task % blocks;
        Product<T> p = plan.p;
        p.a.data += (swapped ? b_starts : a_starts)[item];
        p.b.data += (swapped ? a_starts : b_starts)[item];
        p.c.data += c_starts[item];
        Block<T>(plan, p, scratch, block / across * plan.rows, block % across * plan.columns).compute();
      });
}

namespace {

// One entry at a time, where there are few.
template <class T>
void multiply_few(const Product<T>& p, bool transposed, const Execution& run) {
  multiply_narrow(p, run, [&](Offset i, Offset j, T sum) {
    T* c = p.c.at(i, j);
    sum *= p.alpha;
    if (p.beta != T(0)) sum += p.beta * *c;
    if (p.bias) sum += p.bias[transposed ? i : j];
    Simd<T> tile[1][1] = {{broadcast(sum)}};
    activate<T>(p.activation, tile);
    *c = tile[0][0][0];
  });
}

}  // namespace

template <class T>
void multiply(const Product<T>& product, const Execution& run) {
  if constexpr (std::is_same_v<T, float>) {
    if (is_split(product) && multiply_split(product, run)) return;
  }
  const Product<T> transposed = product.transposed();
  if (is_narrow(product)) return multiply_few(product, false, run);
  if (is_narrow(transposed)) return multiply_few(transposed, true, run);
  const Offset start = 0;
  multiply_batch(product, 1, &start, &start, &start, run);
}

template void multiply(const Product<float>&, const Execution&);
template void multiply(const Product<double>&, const Execution&);
template void multiply_batch(const Product<float>&, Offset, const Offset*, const Offset*, const Offset*,
                             const Execution&);
template void multiply_batch(const Product<double>&, Offset, const Offset*, const Offset*, const Offset*,
                             const Execution&);

}  // namespace eckart
