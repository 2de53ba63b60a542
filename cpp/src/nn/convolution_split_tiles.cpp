#include "convolution_split_tiles.hpp"

#if ECKART_HAS_AMX

namespace eckart {
namespace split {

namespace {

// Registers are those of add_products.
template <int rows>
__attribute__((target("amx-tile,amx-bf16"), always_inline)) inline void load_left(const TileRow& a, Offset at,
                                                                                  Offset bytes) {
  _tile_loadd(4, a.at[0] + at, bytes);
  if constexpr (rows == 2) _tile_loadd(5, a.at[1] + at, bytes);
}

template <int columns>
__attribute__((target("amx-tile,amx-bf16"), always_inline)) inline void load_right(const TileRow& b,
                                                                                   Offset at, Offset bytes) {
  _tile_loadd(6, b.at[0] + at, bytes);
  if constexpr (columns == 2) _tile_loadd(7, b.at[1] + at, bytes);
}

template <int rows, int columns>
__attribute__((target("amx-tile,amx-bf16"))) void multiply(const TileRow& a, const TileRow& b, Offset steps,
                                                           float* c) {
  asm volatile("" ::: "memory");  // what was packed is stored: the intrinsics do not say that they read it
  const Offset a_row = a.row * Offset{sizeof(Word)}, b_row = b.row * Offset{sizeof(Word)};
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  for (Offset s = 0; s < steps; ++s) {
    const Offset left = a.steps[s], right = b.steps[s];
    load_left<rows>(a, left, a_row);
    load_right<columns>(b, right + 2 * b.part, b_row);
    add_products<rows, columns>();
    load_right<columns>(b, right + b.part, b_row);
    add_products<rows, columns>();
    load_left<rows>(a, left + a.part, a_row);
    add_products<rows, columns>();
    load_right<columns>(b, right, b_row);
    add_products<rows, columns>();
    load_left<rows>(a, left + 2 * a.part, a_row);
    add_products<rows, columns>();
  }
  for (Offset s = 0; s < steps; ++s) {
    load_left<rows>(a, a.steps[s], a_row);
    load_right<columns>(b, b.steps[s], b_row);
    add_products<rows, columns>();
  }
  constexpr Offset c_row = 2 * kStrip, bytes = c_row * Offset{sizeof(float)};
  _tile_stored(0, c, bytes);
  if constexpr (columns == 2) _tile_stored(1, c + kStrip, bytes);
  if constexpr (rows == 2) _tile_stored(2, c + kStrip * c_row, bytes);
  if constexpr (rows == 2 && columns == 2) _tile_stored(3, c + kStrip * c_row + kStrip, bytes);
  asm volatile("" ::: "memory");
}

}  // namespace

void multiply_tiles(int rows, int columns, const TileRow& a, const TileRow& b, Offset steps, float* c) {
  const auto f = rows == 2 ? (columns == 2 ? multiply<2, 2> : multiply<2, 1>)
                           : (columns == 2 ? multiply<1, 2> : multiply<1, 1>);
  f(a, b, steps, c);
}

}  // namespace split
}  // namespace eckart
#endif
