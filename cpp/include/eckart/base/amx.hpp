// Intel's matrix unit (AMX): eight tile registers of 16 x 64 bytes, products of bf16 pairs summed in
// float32. It is beyond every instruction-set level, so it is looked for at run time.
#pragma once

#if defined(__x86_64__) && defined(__AVX512BW__) && defined(__linux__)
#define ECKART_HAS_AMX 1  // this variant has the code; whether the machine has the unit says amx_available
#else
#define ECKART_HAS_AMX 0
#endif

namespace eckart {

// True where the processor has AMX with bf16 and the system lets this process use it (asked for once:
// Linux grants the large register state a process at a time).
bool amx_available();

// All eight tile registers of this thread are 16 x 64 bytes while in scope. Configuring takes 0.1 us:
// hold one over many products, not one for each.
class AmxTiles {
 public:
  AmxTiles();
  ~AmxTiles();
  AmxTiles(const AmxTiles&) = delete;
  AmxTiles& operator=(const AmxTiles&) = delete;
};

}  // namespace eckart
