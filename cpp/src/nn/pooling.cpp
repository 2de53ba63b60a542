#include "eckart/nn/pooling.hpp"

#include <algorithm>

#include "eckart/base/math.hpp"
#include "pooling_tasks.hpp"

namespace eckart {

template <class T>
void mean_pool(Offset planes, Offset in_y, Offset in_x, const std::vector<Span>& rows,
               const std::vector<Span>& columns, const T* x, T* y, const Execution& run) {
  const Offset out = static_cast<Offset>(rows.size() * columns.size());
  for_planes(planes, in_y * in_x + 2 * out, run, [&](Offset plane) {
    T* to = y + plane * out;
    for (const Span& row : rows) {
      for (const Span& column : columns) {
        T sum = 0;
        for (Offset i = row.begin; i < row.end; ++i) {
          const T* from = x + (plane * in_y + i) * in_x;
          sum += lane_sum<T>(column.end - column.begin, [&](Offset j) { return from[column.begin + j]; });
        }
        *to++ = sum / static_cast<T>(row.length * column.length);
      }
    }
  });
}

template <class T>
void mean_pool_backward(Offset planes, Offset in_y, Offset in_x, const std::vector<Span>& rows,
                        const std::vector<Span>& columns, const T* dy, T* dx, const Execution& run) {
  const Offset out = static_cast<Offset>(rows.size() * columns.size());
  for_planes(planes, 2 * in_y * in_x + 2 * out, run, [&](Offset plane) {
    T* to = dx + plane * in_y * in_x;
    const T* from = dy + plane * out;
    std::fill_n(to, in_y * in_x, T(0));
    for (const Span& row : rows) {
      for (const Span& column : columns) {
        const T share = *from++ / static_cast<T>(row.length * column.length);
        for (Offset i = row.begin; i < row.end; ++i) {
          for (Offset j = column.begin; j < column.end; ++j) to[i * in_x + j] += share;
        }
      }
    }
  });
}

#define ECKART_POOLING(T)                                                                             \
  template void mean_pool(Offset, Offset, Offset, const std::vector<Span>&, const std::vector<Span>&, \
                          const T*, T*, const Execution&);                                            \
  template void mean_pool_backward(Offset, Offset, Offset, const std::vector<Span>&,                  \
                                   const std::vector<Span>&, const T*, T*, const Execution&);
ECKART_POOLING(float)
ECKART_POOLING(double)

}  // namespace eckart
