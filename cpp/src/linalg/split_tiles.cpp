#include "eckart/linalg/split_tiles.hpp"

#include <cstdlib>
#include <cstring>

#include "eckart/base/vector_square.hpp"

#if ECKART_HAS_AMX

namespace eckart {
namespace split {

namespace {

// The pairs of a tile are those of `a` and `b`, 16 rows of (rows, columns) numbers, zeros beyond.
struct Square {
  const float* from;
  Offset rows, columns;

  bool whole() const { return rows >= 16 && columns >= 16; }
  template <bool whole>
  Simd<float> row(Offset r, Offset step) const {
    if constexpr (whole) return load(from + r * step);
    return load_some(from + r * step, r < rows ? columns : 0);
  }
};

// Returns 0, or NaN where one is not finite.
[[gnu::always_inline]] inline Simd<float> take_pairs(Simd<float> x, Simd<float> y, Word* to) {
  split_pairs(x, y, to);
  return (x + y) * 0.0f;
}

// What is read is a few numbers each of many lines, which no prefetcher follows: the next step of the same
// strip, `ahead` numbers further, is fetched meanwhile.
inline void fetch(const Square& a, const Square& b, Offset at) {
  __builtin_prefetch(a.from + at);
  __builtin_prefetch(b.from + at);
}

// Rows lie contiguous, `row` apart, as the tile's do. Both return 0, or NaN where a number is not finite.
template <bool whole>
Simd<float> pack_straight(const Square& a, const Square& b, Offset row, Offset ahead, float factor,
                          Word* to) {
  Simd<float> checks{};
  for (Offset r = 0; r < kStrip; ++r) {
    fetch(a, b, r * row + ahead);
    const Simd<float> x = a.row<whole>(r, row), y = b.row<whole>(r, row);
    checks += take_pairs(x * factor, y * factor, to + r * 16);
  }
  return checks;
}

// Columns lie contiguous, `column` apart.
template <bool whole>
Simd<float> pack_turned(const Square& a, const Square& b, Offset column, Offset ahead, float factor,
                        Word* to) {
  Simd<float> checks{}, x[16], y[16];
  for (Offset c = 0; c < 16; ++c) fetch(a, b, c * column + ahead);
  if constexpr (whole) {
    load_transposed(a.from, column, x);
    load_transposed(b.from, column, y);
  } else {
    for (Offset c = 0; c < 16; ++c) {
      x[c] = load_some(a.from + c * column, c < a.columns ? a.rows : 0);
      y[c] = load_some(b.from + c * column, c < b.columns ? b.rows : 0);
    }
    transpose<float>(x);
    transpose<float>(y);
  }
  for (Offset r = 0; r < kStrip; ++r) checks += take_pairs(x[r] * factor, y[r] * factor, to + r * 16);
  return checks;
}

// Registers are those of add_products.
template <int rows>
__attribute__((target("amx-tile,amx-bf16"), always_inline)) inline void load_left(const Word* a,
                                                                                  Offset strip) {
  _tile_loadd(4, a, 64);
  if constexpr (rows == 2) _tile_loadd(5, a + strip, 64);
}

template <int columns>
__attribute__((target("amx-tile,amx-bf16"), always_inline)) inline void load_right(const Word* b,
                                                                                   Offset strip) {
  _tile_loadd(6, b, 64);
  if constexpr (columns == 2) _tile_loadd(7, b + strip, 64);
}

template <int rows, int columns>
__attribute__((target("amx-tile,amx-bf16"))) void multiply(const Word* a, Offset a_strip, const Word* b,
                                                           Offset b_strip, Offset steps, float* c,
                                                           Offset c_row, Packing* meanwhile) {
  asm volatile("" ::: "memory");  // what was packed is stored: the intrinsics do not say that they read it
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  for (Offset s = 0; s < steps; ++s) {
    const Word *left = a + s * kStepWords, *right = b + s * kStepWords;
    load_left<rows>(left, a_strip);
    load_right<columns>(right + 2 * kPart, b_strip);
    add_products<rows, columns>();
    load_right<columns>(right + kPart, b_strip);
    add_products<rows, columns>();
    if (meanwhile && meanwhile->more()) meanwhile->step();
    load_left<rows>(left + kPart, a_strip);
    add_products<rows, columns>();
    load_right<columns>(right, b_strip);
    add_products<rows, columns>();
    if (meanwhile && meanwhile->more()) meanwhile->step();
    load_left<rows>(left + 2 * kPart, a_strip);
    add_products<rows, columns>();
  }
  for (Offset s = 0; s < steps; ++s) {
    load_left<rows>(a + s * kStepWords, a_strip);
    load_right<columns>(b + s * kStepWords, b_strip);
    add_products<rows, columns>();
  }
  const Offset bytes = c_row * static_cast<Offset>(sizeof(float));
  _tile_stored(0, c, bytes);
  if constexpr (columns == 2) _tile_stored(1, c + kStrip, bytes);
  if constexpr (rows == 2) _tile_stored(2, c + kStrip * c_row, bytes);
  if constexpr (rows == 2 && columns == 2) _tile_stored(3, c + kStrip * c_row + kStrip, bytes);
}

}  // namespace

void Packing::step() {
  const Offset lines = std::max<Offset>(0, std::min(kStrip, lines_ - i_ * kStrip)), terms = depth_ - t_;
  const float* from = from_ + i_ * kStrip * line_ + t_ * term_;
  Word* to = to_ + i_ * strip_ + t_ / kTerms * kStepWords;
  const float* second = from + 16 * term_;
  const Square a = left_ ? Square{from, lines, terms} : Square{from, terms, lines};
  const Square b = left_ ? Square{second, lines, terms - 16} : Square{second, terms - 16, lines};
  const bool straight = left_ == (term_ == 1), whole = a.whole() && b.whole();
  const auto pack = straight ? (whole ? pack_straight<true> : pack_straight<false>)
                             : (whole ? pack_turned<true> : pack_turned<false>);
  checks_ += pack(a, b, left_ == straight ? line_ : term_, kTerms * term_, factor_, to);
  if (++i_ == strips_) {
    i_ = 0;
    t_ += kTerms;
  }
}

bool wanted() {
  static const char* setting = std::getenv("ECKART_AMX");
  static const bool is = amx_available() && !(setting && std::strcmp(setting, "0") == 0);
  return is;
}

void multiply_strips(bool tall, bool wide, const Word* a, Offset a_strip, const Word* b, Offset b_strip,
                     Offset steps, float* c, Offset c_row, Packing* meanwhile) {
  const auto f = tall ? (wide ? multiply<2, 2> : multiply<2, 1>) : (wide ? multiply<1, 2> : multiply<1, 1>);
  f(a, a_strip, b, b_strip, steps, c, c_row, meanwhile);
}

}  // namespace split
}  // namespace eckart
#endif
