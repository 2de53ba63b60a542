// Sums of products of tiles that lie anywhere: at one distance from row to row, and from part to part.
#pragma once

#include "eckart/linalg/split_tiles.hpp"

#if ECKART_HAS_AMX

namespace eckart {
namespace split {

// Up to two tiles side by side (of the left operand below each other): the first ones, and where those of
// each further step lie from there.
struct TileRow {
  const Word* at[2];
  const Offset* steps;  // words
  Offset row, part;     // words
};

// c (32, 32) = A B over all steps, for `rows` tiles of A and `columns` of B, 1 or 2. The small products are
// summed first. The thread must hold AmxTiles.
void multiply_tiles(int rows, int columns, const TileRow& a, const TileRow& b, Offset steps, float* c);

}  // namespace split
}  // namespace eckart
#endif
