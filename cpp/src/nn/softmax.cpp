#include "eckart/nn/softmax.hpp"

#include <cmath>
#include <limits>

#include "eckart/base/math.hpp"
#include "eckart/base/parallel.hpp"
#include "row_exponentials.hpp"

namespace eckart {

namespace {

// to = scale * from, for rows that are mostly short
template <class T>
void scale_short_row(const T* from, Offset n, T scale, T* to) {
  for_vectors<T>(0, n, [=](Offset i, auto lanes) { lanes.store(to + i, lanes.load(from + i) * scale); });
}

// Rows that make about 16,000 numbers.
Offset chunk_of(Offset columns) { return std::max<Offset>(1, (1 << 14) / std::max<Offset>(1, columns)); }

}  // namespace

template <class T>
void softmax(Offset rows, Offset columns, bool logarithm, const T* x, T* y, const Execution& run) {
  parallel_for((rows + chunk_of(columns) - 1) / chunk_of(columns), 20.0 * rows * columns, run,
               [&] { return ExponentialRow<T>(columns); },
               [&](ExponentialRow<T>& row, Offset chunk) {
                 const Offset end = std::min(rows, (chunk + 1) * chunk_of(columns));
                 for (Offset r = chunk * chunk_of(columns); r < end; ++r) {
                   const T* from = x + r * columns;
                   T* to = y + r * columns;
                   row.compute(from);
                   if (logarithm) {
                     const T shift = row.most() + std::log(row.sum());
                     for (Offset i = 0; i < columns; ++i) to[i] = from[i] - shift;
                   } else {
                     scale_short_row(row.data(), columns, 1 / row.sum(), to);
                   }
                 }
               });
}

template <class T>
void softmax_backward(Offset rows, Offset columns, bool logarithm, const T* y, const T* dy, T* dx,
                      const Execution& run) {
  const double work = (logarithm ? 20.0 : 4.0) * rows * columns;
  parallel_ranges(rows, chunk_of(columns), work, run, [&](Offset begin, Offset end) {
    for (Offset r = begin; r < end; ++r) {
      const T *p = y + r * columns, *g = dy + r * columns;
      T* to = dx + r * columns;
      if (logarithm) {
        const T sum = lane_sum<T>(columns, [=](Offset i) { return g[i]; });
        exponentials(p, columns, T(0), to);
        for (Offset i = 0; i < columns; ++i) to[i] = g[i] - to[i] * sum;
      } else {
        const T sum = dot(p, g, columns);
        for (Offset i = 0; i < columns; ++i) to[i] = p[i] * (g[i] - sum);
      }
    }
  });
}

template <class T>
double class_weights(const CrossEntropy& loss, const Offset* classes, const T* weights, Offset& bad) {
  double total = 0;
  bad = -1;
  for (Offset r = 0; r < loss.rows; ++r) {
    const Offset c = classes[r];
    if (c == loss.ignored) continue;
    if (c < 0 || c >= loss.columns) {
      bad = r;
      return 0;
    }
    total += weights ? static_cast<double>(weights[c]) : 1.0;
  }
  return total;
}

template <class T>
double cross_entropy(const CrossEntropy& loss, const T* logits, const Offset* classes, const T* weights,
                     double scale, T* losses, T* slopes, const Execution& run) {
  const Offset n = loss.columns, chunk = chunk_of(n), chunks = (loss.rows + chunk - 1) / chunk;
  const T hit = T(1 - loss.smoothing), spread = T(loss.smoothing / std::max<Offset>(1, n));
  const T total_weight = weights ? lane_sum<T>(n, [=](Offset i) { return weights[i]; }) : T(n);
  std::vector<double> sums(chunks, 0.0);
  const auto one_row = [&](ExponentialRow<T>& row, Offset r) {
    const T* x = logits + r * n;
    T* to = slopes + r * n;
    const Offset c = classes[r];
    if (c == loss.ignored) {
      std::fill(to, to + n, T(0));
      return T(0);
    }
    row.compute(x);
    const T most = row.most(), rest = std::log(row.sum()), own = hit * (weights ? weights[c] : T(1));
    const T q = own + spread * total_weight;  // all of the row's
    T value = own * (rest - (x[c] - most));
    scale_short_row(row.data(), n, T(scale) * q / row.sum(), to);
    if (spread != T(0)) {
      const T at = spread * T(scale);
      value += spread * lane_sum<T>(n, [=](Offset i) {
                 return (weights ? weights[i] : T(1)) * (rest - (x[i] - most));
               });
      for (Offset i = 0; i < n; ++i) to[i] -= at * (weights ? weights[i] : T(1));
    }
    to[c] -= own * T(scale);
    return value;
  };
  parallel_for(
      chunks, 20.0 * loss.rows * n, run, [&] { return ExponentialRow<T>(n); },
      [&](ExponentialRow<T>& row, Offset k) {
        for (Offset r = k * chunk; r < std::min(loss.rows, (k + 1) * chunk); ++r) {
          losses[r] = one_row(row, r);
          sums[k] += losses[r];
        }
      });
  double sum = 0;
  for (double s : sums) sum += s;
  return sum;
}

#define ECKART_INSTANTIATE(T)                                                                           \
  template void softmax(Offset, Offset, bool, const T*, T*, const Execution&);                          \
  template void softmax_backward(Offset, Offset, bool, const T*, const T*, T*, const Execution&);       \
  template double class_weights(const CrossEntropy&, const Offset*, const T*, Offset&);                 \
  template double cross_entropy(const CrossEntropy&, const T*, const Offset*, const T*, double, T*, T*, \
                                const Execution&);

ECKART_INSTANTIATE(float)
ECKART_INSTANTIATE(double)

}  // namespace eckart
