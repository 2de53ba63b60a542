#include "eckart/nn/losses.hpp"

#include <algorithm>

#include "eckart/base/math.hpp"
#include "eckart/base/parallel.hpp"
#include "eckart/base/vector_log.hpp"
#include "eckart/linalg/activation.hpp"

namespace eckart {

namespace {

constexpr Offset kChunk = 1 << 12;  // short enough for sums in T

template <class T>
struct Point {
  Simd<T> value, slope;
};

template <class T>
Simd<T> magnitude(Simd<T> x) {
  return x < T(0) ? -x : x;
}

template <class T, PairedLoss loss>
Point<T> point(Simd<T> x, Simd<T> target, Simd<T> delta) {
  const Simd<T> d = x - target;
  if constexpr (loss == PairedLoss::squared) return {d * d, T(2) * d};
  if constexpr (loss == PairedLoss::absolute) {
    const Simd<T> one = broadcast(T(1));
    return {magnitude<T>(d), d > T(0) ? one : (d < T(0) ? -one : Simd<T>{})};
  }
  if constexpr (loss == PairedLoss::huber) {
    const Simd<T> size = magnitude<T>(d), bound = d < T(0) ? -delta : delta;
    const auto inside = size < delta;
    return {inside ? T(0.5) * d * d : delta * (size - T(0.5) * delta), inside ? d : bound};
  }
  if constexpr (loss == PairedLoss::logistic) {
    const Simd<T> rest = vector_log1p<T>(vector_exp<T>(-magnitude<T>(x)));
    return {rectify<T>(x) + rest - x * target, vector_sigmoid<T>(x) - target};
  }
}

template <class T, PairedLoss loss>
double sweep(double delta, Offset n, const T* x, const T* target, double scale, T* slopes,
             const Execution& run) {
  constexpr Offset lanes = kSimdWidth<T>;
  const Simd<T> bound = broadcast(T(delta)), factor = broadcast(T(scale));
  return parallel_sum(n, kChunk, (loss == PairedLoss::logistic ? 40.0 : 6.0) * n, run,
                      [&](Offset begin, Offset end) {
                        Simd<T> sums{};
                        Offset i = begin;
                        for (; i + lanes <= end; i += lanes) {
                          const auto p = point<T, loss>(load(x + i), load(target + i), bound);
                          sums += p.value;
                          store(slopes + i, p.slope * factor);
                        }
                        T total = lane_sum<T>(lanes, [&](Offset l) { return sums[l]; });
                        if (i < end) {
                          T a[lanes] = {}, b[lanes] = {}, value[lanes], slope[lanes];
                          std::copy(x + i, x + end, a);
                          std::copy(target + i, target + end, b);
                          const auto p = point<T, loss>(load(a), load(b), bound);
                          store(value, p.value);
                          store(slope, p.slope * factor);
                          std::copy(slope, slope + (end - i), slopes + i);
                          for (Offset l = 0; l < end - i; ++l) total += value[l];
                        }
                        return static_cast<double>(total);
                      });
}

}  // namespace

template <class T>
double paired_loss(PairedLoss loss, double delta, Offset n, const T* x, const T* target, double scale,
                   T* slopes, const Execution& run) {
  switch (loss) {
    case PairedLoss::squared:
      return sweep<T, PairedLoss::squared>(delta, n, x, target, scale, slopes, run);
    case PairedLoss::absolute:
      return sweep<T, PairedLoss::absolute>(delta, n, x, target, scale, slopes, run);
    case PairedLoss::huber:
      return sweep<T, PairedLoss::huber>(delta, n, x, target, scale, slopes, run);
    default:
      return sweep<T, PairedLoss::logistic>(delta, n, x, target, scale, slopes, run);
  }
}

template double paired_loss(PairedLoss, double, Offset, const float*, const float*, double, float*,
                            const Execution&);
template double paired_loss(PairedLoss, double, Offset, const double*, const double*, double, double*,
                            const Execution&);

}  // namespace eckart
