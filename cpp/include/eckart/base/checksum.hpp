// A checksum of bytes in memory, so that a file with a flipped bit is refused. Not cryptographic.
//
// Eight lanes of 64 bits per chunk, each with the step of MurmurHash3 (A. Appleby, x64, one half): a
// bijection of the word for a given state and of the state for a given word, so one changed word always
// changes the result. The last words are padded with zeros, and lengths are mixed in. The same number on
// every little-endian machine and any number of threads. Cost: one pass over the memory.
#pragma once

#include <cstdint>

#include "eckart/base/interrupt.hpp"
#include "eckart/base/types.hpp"

namespace eckart {

std::uint64_t checksum(const std::uint8_t* bytes, Offset n, const Execution& run);

}  // namespace eckart
