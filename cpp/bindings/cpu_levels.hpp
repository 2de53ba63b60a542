// Which instruction-set levels this processor (and its operating system) can run. Used by the tiny
// module _cpu at import and by CMake at build time. No other header, so it compiles anywhere.
#pragma once

namespace eckart {

#if defined(__x86_64__)
#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ >= 12
inline bool has_v3() { return __builtin_cpu_supports("x86-64-v3"); }
inline bool has_v4() { return __builtin_cpu_supports("x86-64-v4"); }
#else  // the same levels by the features that make them up
inline bool has_v3() {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2") &&
         __builtin_cpu_supports("fma");
}
inline bool has_v4() {
  return has_v3() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512vl");
}
#endif
#endif

// From the plainest to the best, ended by null.
inline const char* const* supported_levels() {
#if defined(__x86_64__)
  static const char* levels[4] = {"v1", nullptr, nullptr, nullptr};
  __builtin_cpu_init();
  int n = 1;
  if (has_v3()) levels[n++] = "v3";
  if (has_v4()) levels[n++] = "v4";
  return levels;
#elif defined(__aarch64__)
  static const char* levels[] = {"generic", "arm64", nullptr};
  return levels;
#else
  static const char* levels[] = {"generic", nullptr};
  return levels;
#endif
}

inline const char* best_level() {
  const char* const* level = supported_levels();
  while (level[1]) ++level;
  return *level;
}

}  // namespace eckart
