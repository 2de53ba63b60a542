// Blocks of scores and their products: what attention is made of, forward and backward.
#pragma once

#include <cassert>
#include <cmath>
#include <limits>

#include "eckart/base/buffer_pool.hpp"
#include "eckart/base/parallel.hpp"
#include "eckart/base/vector_exp.hpp"
#include "eckart/linalg/packing.hpp"
#include "eckart/linalg/register_tile.hpp"
#include "eckart/nn/attention.hpp"
#include "row_exponentials.hpp"

namespace eckart {
namespace attention {

// Two or four vectors across: heads are 16, 32 or 64 wide, and so is nearly every product here. Blocks of
// keys are whole numbers of them, which three vectors would not divide.
constexpr int kTileRows = 6;
constexpr int kTileVectors = kVectorRegisters == 32 ? 4 : 2;
constexpr Offset kTileDepth = 64;  // of a product: what a tile reads of B stays in the first-level cache

template <class T>
constexpr T kInfinity = std::numeric_limits<T>::infinity();

constexpr double kLog2E = 1.44269504088896340736;  // scores are in units of log 2: powers of two are cheap

template <class T>
Offset padded(Offset n) {
  return round_up(n, kSimdWidth<T>);
}

template <class T>
struct Operand {  // entry (i, t) is data[i row + t step]
  const T* data;
  Offset row, step;
};

// C (rows, vectors) = or += A (rows, steps) B.
template <class T, int rows, int vectors>
void multiply_tile(Offset steps, Operand<T> a, const T* b, Offset b_row, T* c, Offset c_row, bool add) {
  constexpr Offset lanes = kSimdWidth<T>;
  Simd<T> sum[rows][vectors] = {};
  if (add) {
#pragma GCC unroll 8
    for (int r = 0; r < rows; ++r) {
      for (int v = 0; v < vectors; ++v) sum[r][v] = load(c + r * c_row + v * lanes);
    }
  }
  panel_product<T>(a.data, a.row, a.step, b, b_row, steps, sum);
#pragma GCC unroll 8
  for (int r = 0; r < rows; ++r) {
    for (int v = 0; v < vectors; ++v) store(c + r * c_row + v * lanes, sum[r][v]);
  }
}

// C (m, n), rows `c_row` apart, = or += A (m, depth) B (depth, n), B's rows `b_row` apart and n a whole
// number of vectors.
template <class T>
void multiply_block(Offset m, Offset n, Offset depth, Operand<T> a, const T* b, Offset b_row, T* c,
                    Offset c_row, bool add) {
  constexpr Offset lanes = kSimdWidth<T>;
  for (Offset t = 0; t < depth; t += kTileDepth) {
    const Offset steps = std::min(kTileDepth, depth - t);
    even_shares(n / lanes, kTileVectors, [&](Offset j, Offset vectors) {
      even_shares(m, kTileRows, [&](Offset i, Offset rows) {
        const Operand<T> part{a.data + i * a.row + t * a.step, a.row, a.step};
        const T* from = b + t * b_row + j * lanes;
        T* to = c + i * c_row + j * lanes;
        with_constant<kTileVectors>(vectors, [&](auto v) {
          with_constant<kTileRows>(rows, [&](auto r) {
            multiply_tile<T, r, v>(steps, part, from, b_row, to, c_row, add || t > 0);
          });
        });
      });
    });
  }
}

// Rows transposed into panels of kTileVectors vectors of columns, times a factor: the right-hand side of
// products with them.
template <class T>
class Panels {
 public:
  static constexpr Offset kWidth = kTileVectors * kSimdWidth<T>;

  Panels(Offset rows, Offset depth) : depth_(depth), data_(padded<T>(rows) * depth + kSimdWidth<T>) {}

  void pack(const T* from, Offset row, Offset rows, T factor) {
    rows_ = rows;
    for (Offset j = 0; j < rows; j += kWidth) {
      const Offset n = std::min(kWidth, rows - j);
      T* panel = data_.data() + j * depth_;
      pack_columns(from + j * row, 1, row, n, depth_, panel);
      if (factor != T(1)) scale_row(panel, padded<T>(n) * depth_, factor, panel);
    }
  }

  // C (m, columns [first, first + n)) = A times them, `first` a multiple of kWidth.
  void multiply(Offset m, Operand<T> a, Offset first, Offset n, T* c, Offset c_row) const {
    assert(first % kWidth == 0);
    for (Offset j = 0; j < n; j += kWidth) {
      const Offset width = padded<T>(std::min(kWidth, rows_ - first - j));
      const T* panel = data_.data() + (first + j) * depth_;
      multiply_block(m, width, depth_, a, panel, width, c + j, c_row, false);
    }
  }

 private:
  Offset depth_, rows_ = 0;
  PooledBuffer<T> data_;
};

// Rows of a whole number of vectors: those of a head as they lie, or a copy with zeros behind each.
template <class T>
class PaddedRows {
 public:
  PaddedRows(Offset rows, Offset width)
      : width_(width), copied_(padded<T>(width) != width), copy_(copied_ ? rows * padded<T>(width) : 0) {}

  void take(const T* from, Offset row, Offset rows) {
    data_ = from;
    row_ = row;
    if (!copied_) return;
    data_ = copy_.data();
    row_ = padded<T>(width_);
    for (Offset i = 0; i < rows; ++i) {
      T* to = copy_.data() + i * row_;
      copy_row(from + i * row, width_, to);
      std::fill(to + width_, to + row_, T(0));
    }
  }
  const T* row(Offset i) const { return data_ + i * row_; }
  Offset step() const { return row_; }

 private:
  Offset width_;
  bool copied_;
  PooledBuffer<T> copy_;
  const T* data_ = nullptr;
  Offset row_ = 0;
};

// The mask of one head.
template <class T>
struct HeadMask {
  const T* data;
  Offset row, column;

  HeadMask(const Mask<T>& mask, Offset b, Offset h)
      : data(mask.data ? mask.data + b * mask.batch + h * mask.head : nullptr),
        row(mask.row),
        column(mask.column) {}

  bool hides(Offset query, Offset m, Offset key,
             Offset n) const {  // all of these keys from all of these queries
    if (!data) return false;
    for (Offset i = 0; i < m; ++i) {
      for (Offset j = 0; j < n; ++j) {
        if (data[(query + i) * row + (key + j) * column] != -kInfinity<T>) return false;
      }
    }
    return true;
  }

  void add(Offset query, Offset key, Offset n, T* scores) const {
    if (!data) return;
    const T* from = data + query * row + key * column;
    for (Offset j = 0; j < n; ++j) scores[j] += T(kLog2E) * from[j * column];
  }
};

// The mask of a block of scores (m, n), rows `step` apart, from (query, key) on.
template <class T>
void hide(const HeadMask<T>& mask, bool causal, Offset query, Offset m, Offset key, Offset n, T* scores,
          Offset step) {
  for (Offset i = 0; i < m; ++i) {
    T* row = scores + i * step;
    mask.add(query + i, key, n, row);
    if (causal) {
      for (Offset j = std::max<Offset>(0, query + i + 1 - key); j < n; ++j) row[j] = -kInfinity<T>;
    }
  }
}

// x = 2^(x - shift), x <= shift but for rounding.
template <class T>
void powers_of_two(T* x, Offset n, T shift) {
  constexpr Offset lanes = kSimdWidth<T>;
  Offset i = 0;
  for (; i + lanes <= n; i += lanes) store(x + i, vector_exp2<T>(load(x + i) - shift));
  if (i < n) {
    T line[lanes] = {};
    std::copy(x + i, x + n, line);
    store(line, vector_exp2<T>(load(line) - shift));
    std::copy(line, line + (n - i), x + i);
  }
}

// How many keys the queries before `end` see.
template <class T>
Offset visible(const Attention<T>& a, Offset end) {
  return a.causal ? std::min(a.keys, end) : a.keys;
}

}  // namespace attention
}  // namespace eckart
