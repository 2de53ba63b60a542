// How pooling is cut into tasks: some planes each.
#pragma once

#include <algorithm>

#include "eckart/base/parallel.hpp"

namespace eckart {

// body(begin, end) for all planes; `work` is that of one.
template <class Body>
void for_chunks_of_planes(Offset planes, Offset work, const Execution& run, Body body) {
  const Offset chunk = std::max<Offset>(1, (1 << 14) / std::max<Offset>(1, work));
  parallel_ranges(planes, chunk, static_cast<double>(planes * work), run, body);
}

// body(plane) for all.
template <class Body>
void for_planes(Offset planes, Offset work, const Execution& run, Body body) {
  for_chunks_of_planes(planes, work, run, [&](Offset begin, Offset end) {
    for (Offset plane = begin; plane < end; ++plane) body(plane);
  });
}

}  // namespace eckart
