// Forms normal equations on the matrix unit (AMX) from factors rounded to bf16, sums in float32.
//
// bf16 keeps 8 bits, so A, s and b are right to about 2^-9 / sqrt(n) of their size: good enough to
// factorise and then to refine a solution on the float32 rows, a few passes of 2 n rank multiply-adds
// each, not good enough alone. The products are cheap: n rank^2 / 2 multiply-adds at eight times the
// float32 rate. What costs is packing, since one operand is wanted with its pairs of rows interleaved
// and the other transposed, and a product reads its operands from memory: so a tile of rows is packed
// that stays in the first-level cache at rank 64.
#pragma once

#include <cstdint>

#include "eckart/base/interrupt.hpp"
#include "eckart/linalg/normal_system.hpp"

namespace eckart {

// The rows of a matrix, rounded; columns in the order that the packing wants.
class Bf16Rows {
 public:
  Bf16Rows(MatrixView<const float> rows, const Execution& run);

  const std::uint16_t* row(Index i) const { return data_.data() + i * stride_; }
  Offset stride() const { return stride_; }  // columns padded with zeros to a multiple of kColumns

  static constexpr Offset kColumns = 32;  // of a packed register

 private:
  Offset stride_;
  AlignedBuffer<std::uint16_t> data_;  // (n, stride)
};

// One a thread; it serves one system after the other. The thread must hold AmxTiles.
class Bf16GramAccumulator {
 public:
  explicit Bf16GramAccumulator(const Bf16Rows& rows);

  // `system` becomes the sum over the rows indices[j] with targets[j], j in [0, n), n > 0.
  void form(const Index* indices, const float* targets, Offset n, NormalSystem<float>& system);

 private:
  static constexpr Offset kStepRows = 32;  // what one tile product sums over
  static constexpr Offset kSteps = 4;      // packed at a time

  void pack_step(const Index* indices, const float* targets, Offset n, Offset step);
  void multiply(Offset steps, bool fresh, float* gram);
  void multiply_targets(Offset steps, bool fresh);

  const Bf16Rows& rows_;
  Offset stride_, blocks_;                // columns, and tiles of 16 of them
  AlignedBuffer<std::uint16_t> left_;     // (steps, blocks) tiles: factors x ratings
  AlignedBuffer<std::uint16_t> right_;    // (steps, blocks) tiles: pairs of ratings x factors
  AlignedBuffer<std::uint16_t> targets_;  // (steps) tiles: rows 1, t, and what bf16 leaves of t
  AlignedBuffer<float> gram_;             // (stride, stride), used where the system's rows are shorter
  AlignedBuffer<float> border_;           // (16, stride): targets_ times right_
  AlignedBuffer<std::uint16_t> zeros_;    // a row that pads an odd number of ratings
};

}  // namespace eckart
