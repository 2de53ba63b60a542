#include "eckart/linalg/bf16_gram.hpp"

#include "eckart/base/amx.hpp"
#include "eckart/base/bf16.hpp"
#include "eckart/base/parallel.hpp"

#if ECKART_HAS_AMX
#include <immintrin.h>
#endif

namespace eckart {
namespace {

constexpr Offset kTile = 16;          // rows of a tile, and its columns of four bytes
constexpr Offset kTileEntries = 512;  // bf16 numbers of a tile
constexpr Offset kRoundChunk = 4096;  // rows

// Where column j goes: interleaving two registers works on quarters of 8 columns, and takes the lower
// four of each to the first 16 columns of the result.
Offset place(Offset j) {
  const Offset within = j % 32;
  return j - within + within % 16 / 4 * 8 + within / 16 * 4 + within % 4;
}

}  // namespace

Bf16Rows::Bf16Rows(MatrixView<const float> rows, const Execution& run)
    : stride_(round_up(rows.cols, kColumns)), data_(rows.rows * stride_) {
  parallel_ranges(rows.rows, kRoundChunk, 4.0 * rows.rows * rows.cols, run, [&](Offset begin, Offset end) {
    for (Offset i = begin; i < end; ++i) {
      const float* x = rows.row(i);
      std::uint16_t* out = data_.data() + i * stride_;
      for (Offset j = 0; j < rows.cols; ++j) out[place(j)] = to_bf16(x[j]);
    }
  });
}

Bf16GramAccumulator::Bf16GramAccumulator(const Bf16Rows& rows)
    : rows_(rows),
      stride_(rows.stride()),
      blocks_(rows.stride() / kTile),
      left_(kSteps * blocks_ * kTileEntries),
      right_(kSteps * blocks_ * kTileEntries),
      targets_(kSteps * kTileEntries),
      gram_(stride_ * stride_),
      border_(kTile * stride_),
      zeros_(stride_) {}

void Bf16GramAccumulator::form(const Index* indices, const float* targets, Offset n,
                               NormalSystem<float>& system) {
  const Offset width = system.stride();  // a multiple of 16, at most stride_
  float* gram = width == stride_ ? system.gram() : gram_.data();
  for (Offset begin = 0; begin < n; begin += kSteps * kStepRows) {
    const Offset steps = std::min(kSteps, (n - begin + kStepRows - 1) / kStepRows);
    for (Offset step = 0; step < steps; ++step) {
      const Offset j = begin + step * kStepRows;
      pack_step(indices + j, targets + j, std::min(kStepRows, n - j), step);
    }
    multiply(steps, begin == 0, gram);
    multiply_targets(steps, begin == 0);
  }
  if (gram != system.gram()) {
    for (Offset i = 0; i < width; ++i) copy_row(gram + i * stride_, width, system.gram() + i * width);
  }
  const float* border = border_.data();
  copy_row(border, width, system.sum());
  for (Offset j = 0; j < width; ++j) system.rhs()[j] = border[stride_ + j] + border[2 * stride_ + j];
  system.count = static_cast<float>(n);
  system.target_sum = 0;
  for (Offset j = 0; j < n; ++j) system.target_sum += targets[j];
}

#if ECKART_HAS_AMX

namespace {

// to_bf16 of 16 numbers.
__m256i to_bf16(__m512 x) {
  const __m512i bits = _mm512_castps_si512(x);
  const __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
  const __m512i rounded = _mm512_add_epi32(_mm512_add_epi32(bits, odd), _mm512_set1_epi32(0x7fff));
  return _mm512_cvtepi32_epi16(_mm512_srli_epi32(rounded, 16));
}

__m512 to_float(__m256i x) { return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(x), 16)); }

void pack_targets(const float* targets, Offset n, std::uint16_t* tile) {
  const auto put = [](std::uint16_t* to, __m512 x) {
    _mm256_store_si256(reinterpret_cast<__m256i*>(to), to_bf16(x));
  };
  for (Offset r = 0; r < 32; r += 16) {
    const __mmask16 used = static_cast<__mmask16>(n <= r ? 0 : n - r >= 16 ? 0xffff : (1 << (n - r)) - 1);
    const __m512 t = _mm512_maskz_loadu_ps(used, targets + r);
    put(tile + r, _mm512_maskz_mov_ps(used, _mm512_set1_ps(1)));
    put(tile + 32 + r, t);
    put(tile + 64 + r, _mm512_sub_ps(t, to_float(to_bf16(t))));
  }
}

// Columns of two rows, interleaved: 16 factors of both to the first tile, 16 to the next.
void interleave(const std::uint16_t* first, const std::uint16_t* second, std::uint16_t* to) {
  const __m512i a = _mm512_loadu_si512(first), b = _mm512_loadu_si512(second);
  _mm512_store_si512(to, _mm512_unpacklo_epi16(a, b));
  _mm512_store_si512(to + kTileEntries, _mm512_unpackhi_epi16(a, b));
}

// Transposes a tile of 16 x 16 pairs. Quarters of rows r, r + 4, r + 8 and r + 12 are put side by side by
// the loads, which leaves two stages of shuffles.
void transpose_tile(const std::uint16_t* from, std::uint16_t* to) {
  const auto quarter = [&](int row, int q) {
    return _mm_load_si128(reinterpret_cast<const __m128i*>(from + row * 32 + q * 8));
  };
#pragma GCC unroll 4
  for (int q = 0; q < 4; ++q) {  // columns 4 q ... 4 q + 3
    __m512i x[4];
#pragma GCC unroll 4
    for (int r = 0; r < 4; ++r) {
      x[r] = _mm512_castsi128_si512(quarter(r, q));
      x[r] = _mm512_mask_broadcast_i32x4(x[r], 0x00f0, quarter(r + 4, q));
      x[r] = _mm512_mask_broadcast_i32x4(x[r], 0x0f00, quarter(r + 8, q));
      x[r] = _mm512_mask_broadcast_i32x4(x[r], 0xf000, quarter(r + 12, q));
    }
    const __m512i a = _mm512_unpacklo_epi32(x[0], x[1]), b = _mm512_unpackhi_epi32(x[0], x[1]);
    const __m512i c = _mm512_unpacklo_epi32(x[2], x[3]), d = _mm512_unpackhi_epi32(x[2], x[3]);
    std::uint16_t* row = to + q * 4 * 32;
    _mm512_store_si512(row, _mm512_unpacklo_epi64(a, c));
    _mm512_store_si512(row + 32, _mm512_unpackhi_epi64(a, c));
    _mm512_store_si512(row + 64, _mm512_unpacklo_epi64(b, d));
    _mm512_store_si512(row + 96, _mm512_unpackhi_epi64(b, d));
  }
}

}  // namespace

void Bf16GramAccumulator::pack_step(const Index* indices, const float* targets, Offset n, Offset step) {
  const Offset stride = stride_, entries = blocks_ * kTileEntries;
  std::uint16_t *left = left_.data() + step * entries, *right = right_.data() + step * entries;
  for (Offset pair = 0; pair < kTile; ++pair) {
    const Offset j = 2 * pair;
    const std::uint16_t* first = j < n ? rows_.row(indices[j]) : zeros_.data();
    const std::uint16_t* second = j + 1 < n ? rows_.row(indices[j + 1]) : zeros_.data();
    for (Offset c = 0; c < stride; c += Bf16Rows::kColumns) {
      interleave(first + c, second + c, right + c / kTile * kTileEntries + pair * 32);
    }
  }
  for (Offset tile = 0; tile < entries; tile += kTileEntries) transpose_tile(right + tile, left + tile);
  pack_targets(targets, n, targets_.data() + step * kTileEntries);
}

// The lower triangle in squares of 2 x 2 tiles, whose sums stay in registers over all steps.
__attribute__((target("amx-tile,amx-bf16"))) void Bf16GramAccumulator::multiply(Offset steps, bool fresh,
                                                                                float* gram) {
  const Offset row_bytes = stride_ * static_cast<Offset>(sizeof(float));
  for (Offset j = 0; j < blocks_; j += 2) {
    for (Offset i = j; i < blocks_; i += 2) {
      float *sums = gram + i * kTile * stride_ + j * kTile, *below = sums + kTile * stride_;
      if (fresh) {
        _tile_zero(0);
        _tile_zero(1);
        _tile_zero(2);
        _tile_zero(3);
      } else {
        _tile_loadd(0, sums, row_bytes);
        _tile_loadd(1, sums + kTile, row_bytes);
        _tile_loadd(2, below, row_bytes);
        _tile_loadd(3, below + kTile, row_bytes);
      }
      for (Offset s = 0; s < steps; ++s) {
        const std::uint16_t* left = left_.data() + (s * blocks_ + i) * kTileEntries;
        const std::uint16_t* right = right_.data() + (s * blocks_ + j) * kTileEntries;
        _tile_loadd(4, left, 64);
        _tile_loadd(6, right, 64);
        _tile_dpbf16ps(0, 4, 6);
        _tile_loadd(7, right + kTileEntries, 64);
        _tile_dpbf16ps(1, 4, 7);
        _tile_loadd(5, left + kTileEntries, 64);
        _tile_dpbf16ps(2, 5, 6);
        _tile_dpbf16ps(3, 5, 7);
      }
      _tile_stored(0, sums, row_bytes);
      _tile_stored(1, sums + kTile, row_bytes);
      _tile_stored(2, below, row_bytes);
      _tile_stored(3, below + kTile, row_bytes);
    }
  }
}

__attribute__((target("amx-tile,amx-bf16"))) void Bf16GramAccumulator::multiply_targets(Offset steps,
                                                                                        bool fresh) {
  const Offset row_bytes = stride_ * static_cast<Offset>(sizeof(float));
  for (Offset j = 0; j < blocks_; j += 2) {
    float* sums = border_.data() + j * kTile;
    if (fresh) {
      _tile_zero(0);
      _tile_zero(1);
    } else {
      _tile_loadd(0, sums, row_bytes);
      _tile_loadd(1, sums + kTile, row_bytes);
    }
    for (Offset s = 0; s < steps; ++s) {
      const std::uint16_t* right = right_.data() + (s * blocks_ + j) * kTileEntries;
      _tile_loadd(4, targets_.data() + s * kTileEntries, 64);
      _tile_loadd(5, right, 64);
      _tile_dpbf16ps(0, 4, 5);
      _tile_loadd(6, right + kTileEntries, 64);
      _tile_dpbf16ps(1, 4, 6);
    }
    _tile_stored(0, sums, row_bytes);
    _tile_stored(1, sums + kTile, row_bytes);
  }
}

#else

void Bf16GramAccumulator::pack_step(const Index*, const float*, Offset, Offset) { assert(false); }
void Bf16GramAccumulator::multiply(Offset, bool, float*) { assert(false); }
void Bf16GramAccumulator::multiply_targets(Offset, bool) { assert(false); }

#endif

}  // namespace eckart
