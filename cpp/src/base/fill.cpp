#include "eckart/base/fill.hpp"

#include "eckart/base/parallel.hpp"
#include "eckart/base/random.hpp"

namespace eckart {

template <class T>
void fill_normal(MatrixView<T> out, std::uint64_t seed, Offset first_row, T scale, const Execution& run) {
  parallel_ranges(out.rows, 64, 50.0 * out.rows * out.cols, run, [&](Offset begin, Offset end) {
    for (Offset i = begin; i < end; ++i) {
      RandomStream stream(seed, static_cast<std::uint64_t>(first_row + i));
      T* row = out.row(i);
      for (Offset j = 0; j < out.cols; ++j) row[j] = scale * static_cast<T>(stream.normal());
    }
  });
}

template void fill_normal(MatrixView<float>, std::uint64_t, Offset, float, const Execution&);
template void fill_normal(MatrixView<double>, std::uint64_t, Offset, double, const Execution&);

}  // namespace eckart
