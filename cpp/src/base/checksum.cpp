#include "eckart/base/checksum.hpp"

#include <algorithm>
#include <cstring>
#include <vector>

#include "eckart/base/parallel.hpp"

namespace eckart {
namespace {

constexpr Offset kChunk = 1 << 20;  // bytes
constexpr int kLanes = 8;           // independent chains hide the latency of the multiplication

std::uint64_t rotate(std::uint64_t x, int bits) { return x << bits | x >> (64 - bits); }

// The word is scrambled first: without that, the top bit of one word could undo a bit of the next.
std::uint64_t mix(std::uint64_t h, std::uint64_t word) {
  const std::uint64_t scrambled = rotate(word * 0x87c37b91114253d5u, 31) * 0x4cf5ad432745937fu;
  return rotate(h ^ scrambled, 27) * 5 + 0x52dce729u;
}

std::uint64_t of_chunk(const std::uint8_t* bytes, Offset n) {
  std::uint64_t lanes[kLanes] = {1, 2, 3, 4, 5, 6, 7, 8}, words[kLanes];
  for (Offset i = 0; i < n; i += sizeof words) {
    const Offset size = std::min<Offset>(sizeof words, n - i);
    if (size < static_cast<Offset>(sizeof words)) std::memset(words, 0, sizeof words);
    std::memcpy(words, bytes + i, static_cast<std::size_t>(size));
    for (int l = 0; l < kLanes; ++l) lanes[l] = mix(lanes[l], words[l]);
  }
  std::uint64_t h = static_cast<std::uint64_t>(n);
  for (std::uint64_t lane : lanes) h = mix(h, lane);
  return h;
}

}  // namespace

std::uint64_t checksum(const std::uint8_t* bytes, Offset n, const Execution& run) {
  std::vector<std::uint64_t> parts(static_cast<std::size_t>((n + kChunk - 1) / kChunk));
  parallel_ranges(n, kChunk, 0.25 * static_cast<double>(n), run, [&](Offset begin, Offset end) {
    parts[begin / kChunk] = of_chunk(bytes + begin, end - begin);
  });
  std::uint64_t h = static_cast<std::uint64_t>(n);
  for (std::uint64_t part : parts) h = mix(h, part);
  return h;
}

}  // namespace eckart
