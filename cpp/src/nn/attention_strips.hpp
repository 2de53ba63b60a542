// Operands of attention as strips of tiles, and products of blocks of them.
#pragma once

#include "eckart/base/buffer_pool.hpp"
#include "eckart/linalg/split_tiles.hpp"

#if ECKART_HAS_AMX

namespace eckart {
namespace attention {

using split::kStrip;
using split::Word;

constexpr Offset whole_squares(Offset n) { return round_up(n, 2 * kStrip); }

// Lines (of a left operand rows, of a right one columns) in strips of 16, an even number of them.
class Strips {
 public:
  Strips(Offset lines, Offset depth)
      : strip_(split::steps_of(depth) * split::kStepWords), data_(whole_squares(lines) / kStrip * strip_) {}

  // Entry (i, t), of line i, is factor * from[i line + t step], one of the two 1. False where one is not
  // finite.
  bool pack(bool left, const float* from, Offset line, Offset step, Offset lines, Offset depth,
            float factor = 1) {
    const Offset strips = whole_squares(lines) / kStrip;
    return split::Packing(left, from, line, step, lines, depth, strips, at(0, 0), strip_, factor).finish();
  }

  // The strip of a line, from a term on: multiples of 16 and of 32.
  Word* at(Offset line, Offset term) {
    return data_.data() + line / kStrip * strip_ + term / split::kTerms * split::kStepWords;
  }
  Offset strip() const { return strip_; }

 private:
  Offset strip_;  // words
  PooledBuffer<Word> data_;
};

// C (rows, columns), rows `c_row` apart, = A B from lines `a_line`, `b_line` and terms on; multiples of 32.
inline void multiply(Strips& a, Offset a_line, Offset a_term, Strips& b, Offset b_line, Offset b_term,
                     Offset rows, Offset columns, Offset terms, float* c, Offset c_row) {
  for (Offset j = 0; j < columns; j += 2 * kStrip) {
    for (Offset i = 0; i < rows; i += 2 * kStrip) {
      split::multiply_strips(true, true, a.at(a_line + i, a_term), a.strip(), b.at(b_line + j, b_term),
                             b.strip(), split::steps_of(terms), c + i * c_row + j, c_row);
    }
  }
}

}  // namespace attention
}  // namespace eckart
#endif
