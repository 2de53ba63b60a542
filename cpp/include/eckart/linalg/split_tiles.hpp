// float32 products on the matrix unit (base/amx.hpp): every number is cut into three bf16 of 8 bits each,
// whose sum it is exactly, x = x0 + x1 + x2, and of the nine products of parts the six are kept that float32
// can see: x0 y0 + (x0 y1 + x1 y0) + (x0 y2 + x1 y1 + x2 y0). What is left out is below 2^-23 of |x y|, in
// general 2^-26. The small products are summed first, so that rounding is that of a sum of the x0 y0 alone.
// Six products at sixteen times the speed: more than twice what vectors of float32 reach. (After Henry, Tang
// and Heinecke, Leveraging the bfloat16 artificial intelligence datatype for higher-precision computations,
// 2019.)
//
// A packed operand is a row of tiles a strip of 16 of its rows (left) or columns (right), for steps of 32
// terms of the sum: part 0, 1 and 2 of a step lie one after the other. Terms t and t + 16 of a step share a
// word, in both operands, which costs no shuffle. Infinities and NaN have no parts: packing tells of them.
#pragma once

#include <algorithm>

#include "eckart/base/amx.hpp"
#include "eckart/base/simd.hpp"

#if ECKART_HAS_AMX
#include <immintrin.h>

namespace eckart {
namespace split {

using Word = std::uint32_t;  // two bf16

constexpr Offset kStrip = 16;             // rows, or columns, of a tile
constexpr Offset kTerms = 32;             // of a step
constexpr Offset kPart = kStrip * 16;     // words of a tile
constexpr Offset kStepWords = 3 * kPart;  // of the three parts

constexpr Offset steps_of(Offset depth) { return (depth + kTerms - 1) / kTerms; }
constexpr Offset strips_of(Offset n) { return (n + kStrip - 1) / kStrip; }

using Words __attribute__((vector_size(64))) = Word;
constexpr Word kUpper = 0xffff0000u;

// The parts of 16 numbers, each in the upper halves of its words; what the lower halves hold is left out.
// Always inlined, as what follows: constants stay in registers.
struct Parts {
  Words part[3];
};

[[gnu::always_inline]] inline Parts parts_of(Simd<float> x) {
  Parts parts;
#pragma GCC unroll 3
  for (Words& part : parts.part) {
    std::memcpy(&part, &x, sizeof part);
    const Words upper = part & kUpper;
    Simd<float> taken;
    std::memcpy(&taken, &upper, sizeof taken);
    x -= taken;
  }
  return parts;
}

// The parts of 16 pairs, `apart` words apart.
[[gnu::always_inline]] inline void store_pairs(const Parts& x, const Parts& y, Word* to,
                                               Offset apart = kPart) {
#pragma GCC unroll 3
  for (int part = 0; part < 3; ++part) {
    const Words pairs = (y.part[part] & kUpper) | (x.part[part] >> 16);
    std::memcpy(to + part * apart, &pairs, sizeof pairs);
  }
}

[[gnu::always_inline]] inline void split_pairs(Simd<float> x, Simd<float> y, Word* to, Offset apart = kPart) {
  store_pairs(parts_of(x), parts_of(y), to, apart);
}

// The first n of 16 lanes.
inline __mmask16 lanes(Offset n) {
  return static_cast<__mmask16>(n >= 16 ? 0xffff : n <= 0 ? 0 : (1 << n) - 1);
}

// The first n numbers of a row, zeros behind.
inline Simd<float> load_some(const float* from, Offset n) { return _mm512_maskz_loadu_ps(lanes(n), from); }

// Copies lines of an operand (rows of a left one, columns of a right one) into strips, a step of a strip at a
// time: a product can go on meanwhile, for the matrix unit leaves the vector units idle.
class Packing {
 public:
  Packing() = default;  // of nothing
  // Entry (i, t), of line i, is factor * from[i line + t term], one of the two steps 1. `strips` strips go to
  // `to`, `strip` words apart, zeros beyond the lines and the depth.
  Packing(bool left, const float* from, Offset line, Offset term, Offset lines, Offset depth, Offset strips,
          Word* to, Offset strip, float factor = 1)
      : left_(left),
        from_(from),
        line_(line),
        term_(term),
        lines_(lines),
        depth_(depth),
        strips_(strips),
        to_(to),
        strip_(strip),
        factor_(factor) {}

  bool more() const { return t_ < depth_; }
  void step();
  bool finish() {  // whether all is finite
    while (more()) step();
    return !any(checks_ != checks_);
  }

 private:
  bool left_ = true;
  const float* from_ = nullptr;
  Offset line_ = 0, term_ = 0, lines_ = 0, depth_ = 0, strips_ = 0;
  Word* to_ = nullptr;
  Offset strip_ = 0;
  float factor_ = 1;
  Offset t_ = 0, i_ = 0;     // the next step: its first term, its strip
  Simd<float> checks_ = {};  // 0, or NaN once a number was not finite
};

// Whether there is a matrix unit, and its use is not ruled out by ECKART_AMX=0 in the environment.
bool wanted();

// C, rows `c_row` apart, = A B over some steps: two strips of A where it is tall, of B where it is wide,
// `a_strip` and `b_strip` words apart, or one. The thread must hold AmxTiles. Some of `meanwhile`, where
// given, is done too.
void multiply_strips(bool tall, bool wide, const Word* a, Offset a_strip, const Word* b, Offset b_strip,
                     Offset steps, float* c, Offset c_row, Packing* meanwhile = nullptr);

// to (n, width), rows `to_row` apart, = scale * from', from (width, n), rows `from_row` apart; `from` has
// whole squares of 16.
inline void write_turned(const float* from, Offset from_row, Offset n, Offset width, float scale, float* to,
                         Offset to_row) {
  Simd<float> square[16];
  for (Offset i = 0; i < n; i += 16) {
    for (Offset j = 0; j < width; j += 16) {
      for (Offset r = 0; r < 16; ++r) square[r] = load(from + (j + r) * from_row + i) * scale;
      transpose<float>(square);
      for (Offset r = 0; r < std::min<Offset>(16, n - i); ++r) {
        _mm512_mask_storeu_ps(to + (i + r) * to_row + j, lanes(width - j), square[r]);
      }
    }
  }
}

// Adds the products of tiles: sums are in registers 0 to 3, left tiles in 4 and 5, right ones in 6 and 7 (the
// intrinsics take literal numbers).
template <int rows, int columns>
__attribute__((target("amx-tile,amx-bf16"), always_inline)) inline void add_products() {
  _tile_dpbf16ps(0, 4, 6);
  if constexpr (columns == 2) _tile_dpbf16ps(1, 4, 7);
  if constexpr (rows == 2) _tile_dpbf16ps(2, 5, 6);
  if constexpr (rows == 2 && columns == 2) _tile_dpbf16ps(3, 5, 7);
}

}  // namespace split
}  // namespace eckart
#endif
