#include "eckart/base/amx.hpp"

#if ECKART_HAS_AMX

#include <cpuid.h>
#include <immintrin.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>

namespace eckart {
namespace {

constexpr long kRequestPermission = 0x1023;  // ARCH_REQ_XCOMP_PERM
constexpr long kTileData = 18;               // XFEATURE_XTILEDATA

bool processor_has_amx() {
  constexpr unsigned bf16 = 1u << 22, tile = 1u << 24;  // leaf 7, edx
  unsigned a, b, c, d = 0;
  return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (d & bf16) && (d & tile);
}

struct alignas(64) TileConfig {
  std::uint8_t palette = 1;
  std::uint8_t start_row = 0;
  std::uint8_t reserved[14] = {};
  std::uint16_t row_bytes[16] = {};
  std::uint8_t rows[16] = {};
};

constexpr TileConfig full_tiles() {
  TileConfig config;
  for (int t = 0; t < 8; ++t) {
    config.row_bytes[t] = 64;
    config.rows[t] = 16;
  }
  return config;
}

__attribute__((target("amx-tile"))) void load_config() {
  static constexpr TileConfig config = full_tiles();
  _tile_loadconfig(&config);
}

__attribute__((target("amx-tile"))) void release() { _tile_release(); }

}  // namespace

bool amx_available() {
  static const bool available =
      processor_has_amx() && syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
  return available;
}

AmxTiles::AmxTiles() { load_config(); }
AmxTiles::~AmxTiles() { release(); }

}  // namespace eckart

#else

namespace eckart {

bool amx_available() { return false; }
AmxTiles::AmxTiles() = default;
AmxTiles::~AmxTiles() = default;

}  // namespace eckart

#endif
