// bf16: the upper half of a float32, 8 bits of precision. Kept as plain 16-bit integers.
#pragma once

#include <cstdint>
#include <cstring>

namespace eckart {

constexpr float kBf16Rounding = 1.0f / 256;  // the nearest bf16 of x is within half of this times |x|

// The nearest, ties to even.
inline std::uint16_t to_bf16(float x) {
  std::uint32_t bits;
  std::memcpy(&bits, &x, sizeof bits);
  return static_cast<std::uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

}  // namespace eckart
