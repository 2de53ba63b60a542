// Products with few columns of a matrix A (n, d) that is read, or made, one tile at a time.
//
// A tile is in the first-level cache while it is used, the sums of a product are in registers, and the other
// operand is read as it lies. Tiles come from `form(i, j, tile)`: it writes A's entries from (i, j) on, zeros
// beyond the edges, and returns a number; the numbers of all tiles are added up in order.
#pragma once

#include <algorithm>
#include <vector>

#include "eckart/base/parallel.hpp"
#include "eckart/linalg/register_tile.hpp"

namespace eckart {

constexpr Offset kTileRows = 32;
template <class T>
constexpr Offset kTileColumns = 12 * kSimdWidth<T>;  // 24 KB a tile with AVX-512: half the first-level cache

// A copy of a matrix with zeros to whole tiles of rows and whole vectors of columns.
template <class T>
class PaddedRows {
 public:
  PaddedRows(const MatrixView<const T>& m, Offset rows)
      : columns_(m.cols), stride_(round_up(m.cols, kSimdWidth<T>)), data_(rows * stride_) {
    for (Offset i = 0; i < m.rows; ++i) std::copy_n(m.row(i), m.cols, data_.data() + i * stride_);
  }
  const T* row(Offset i) const { return data_.data() + i * stride_; }
  Offset columns() const { return columns_; }
  Offset stride() const { return stride_; }
  Offset vectors() const { return stride_ / kSimdWidth<T>; }

 private:
  Offset columns_, stride_;
  AlignedBuffer<T> data_;
};

// sums (rows, n_vectors), `stride` apart, += the product; rows a multiple of kPanel.
template <class T>
inline void add_product(const T* a, Offset a_row, Offset a_step, const T* b, Offset stride, Offset depth,
                        Offset rows, Offset n_vectors, T* sums) {
  for (Offset i = 0; i < rows; i += kPanel) {
    panel_groups(n_vectors, [&](auto vectors, Offset first) {
      Simd<T> sum[kPanel][vectors];
      const Offset column = first * kSimdWidth<T>;
      T* to = sums + i * stride + column;
#pragma GCC unroll 8
      for (int p = 0; p < kPanel; ++p) {
        for (int v = 0; v < vectors; ++v) sum[p][v] = load(to + p * stride + v * kSimdWidth<T>);
      }
      panel_product<T>(a + i * a_row, a_row, a_step, b + column, stride, depth, sum);
#pragma GCC unroll 8
      for (int p = 0; p < kPanel; ++p) {
        for (int v = 0; v < vectors; ++v) store(to + p * stride + v * kSimdWidth<T>, sum[p][v]);
      }
    });
  }
}

namespace detail {

template <class T>
struct TileScratch {
  explicit TileScratch(Offset sums) : tile(kTileRows * kTileColumns<T>), sums(sums) {}
  AlignedBuffer<T> tile;  // (kTileRows, kTileColumns)
  AlignedBuffer<T> sums;
};

inline double in_order(const std::vector<double>& parts) {
  double total = 0;
  for (double part : parts) total += part;
  return total;
}

}  // namespace detail

// out (n, k) = A h, h (d, k) padded to round_up(d, kTileColumns) rows. A task is a tile's height of rows.
template <class T, class Form>
double tile_multiply(Offset d, Form form, const PaddedRows<T>& h, const MatrixView<T>& out, double work,
                     const Execution& run) {
  const Offset stride = h.stride();
  std::vector<double> numbers((out.rows + kTileRows - 1) / kTileRows);
  parallel_for(
      static_cast<Offset>(numbers.size()), work, run,
      [&] { return detail::TileScratch<T>(kTileRows * stride); },
      [&](detail::TileScratch<T>& s, Offset task) {
        const Offset i = task * kTileRows;
        std::fill_n(s.sums.data(), kTileRows * stride, T(0));
        for (Offset j = 0; j < d; j += kTileColumns<T>) {
          numbers[task] += form(i, j, s.tile.data());
          add_product(s.tile.data(), kTileColumns<T>, Offset{1}, h.row(j), stride, kTileColumns<T>, kTileRows,
                      h.vectors(), s.sums.data());
        }
        for (Offset r = 0; r < std::min(kTileRows, out.rows - i); ++r) {
          std::copy_n(s.sums.data() + r * stride, out.cols, out.row(i + r));
        }
      });
  return detail::in_order(numbers);
}

// out (d, k) = A'w, w (n, k) padded to round_up(n, kTileRows) rows. A task is a slab of rows and a band of
// columns; the slabs' partial sums, some millions of numbers at most, are added in order.
template <class T, class Form>
double tile_multiply_transposed(Offset n, Form form, const PaddedRows<T>& w, const MatrixView<T>& out,
                                double work, const Execution& run) {
  constexpr Offset band_width = 8 * kTileColumns<T>;
  constexpr Offset most_numbers = Offset{1} << 22;
  const Offset size = out.rows * out.cols, stride = w.stride();
  const Offset most_slabs = std::clamp<Offset>(most_numbers / std::max<Offset>(size, 1), 1, 8);
  const Offset slab_rows = round_up(std::max<Offset>(n / most_slabs, 1), 8 * kTileRows);
  const Offset slabs = std::max<Offset>((n + slab_rows - 1) / slab_rows, 1);
  const Offset bands = (out.rows + band_width - 1) / band_width;
  std::vector<T> partial(slabs * size);
  std::vector<double> numbers(slabs * bands);
  parallel_for(
      slabs * bands, work, run, [&] { return detail::TileScratch<T>(band_width * stride); },
      [&](detail::TileScratch<T>& s, Offset task) {
        const Offset slab = task / bands, begin = task % bands * band_width;
        const Offset end = std::min(out.rows, begin + band_width);
        std::fill_n(s.sums.data(), band_width * stride, T(0));
        for (Offset i = slab * slab_rows; i < std::min(n, (slab + 1) * slab_rows); i += kTileRows) {
          for (Offset j = begin; j < end; j += kTileColumns<T>) {
            numbers[task] += form(i, j, s.tile.data());
            add_product(s.tile.data(), Offset{1}, kTileColumns<T>, w.row(i), stride, kTileRows,
                        kTileColumns<T>, w.vectors(), s.sums.data() + (j - begin) * stride);
          }
        }
        for (Offset j = begin; j < end; ++j) {
          std::copy_n(s.sums.data() + (j - begin) * stride, out.cols,
                      partial.data() + slab * size + j * out.cols);
        }
      });
  parallel_ranges(size, Offset{1} << 14, static_cast<double>(slabs * size), run, [&](Offset from, Offset to) {
    std::copy(partial.begin() + from, partial.begin() + to, out.data + from);
    for (Offset slab = 1; slab < slabs; ++slab) {
      for (Offset e = from; e < to; ++e) out.data[e] += partial[slab * size + e];
    }
  });
  return detail::in_order(numbers);
}

// A vector of a row-major matrix, zeros beyond its edges.
template <class T>
inline Simd<T> load_padded(const MatrixView<const T>& m, Offset i, Offset j) {
  constexpr Offset width = kSimdWidth<T>;
  if (i < m.rows && j + width <= m.cols) return load(m.row(i) + j);
  T edge[width] = {};
  if (i < m.rows && j < m.cols) std::copy_n(m.row(i) + j, m.cols - j, edge);
  return load(edge);
}

}  // namespace eckart
