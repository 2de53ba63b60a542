#include "eckart/nn/elementwise.hpp"

#include <algorithm>

#include "eckart/base/parallel.hpp"
#include "eckart/base/vector_erf.hpp"
#include "eckart/base/vector_log.hpp"
#include "eckart/base/vector_loop.hpp"
#include "eckart/linalg/activation.hpp"

namespace eckart {

namespace {

constexpr Offset kChunk = 1 << 13;
constexpr double kRootHalf = 0.70710678118654752440, kRootTwoOverPi = 0.79788456080286535588;
constexpr double kCubic = 0.044715;  // of the approximation of GELU

// 1 + tanh(sqrt(2 / pi) (x + c x^3)), halved: a sigmoid of twice that.
template <class T>
Simd<T> tanh_cdf(Simd<T> x) {
  return vector_sigmoid<T>(T(2 * kRootTwoOverPi) * x * (T(1) + T(kCubic) * x * x));
}

template <class T, Function f>
Simd<T> value(Simd<T> x) {
  if constexpr (f == Function::relu) return rectify<T>(x);
  if constexpr (f == Function::tanh) return vector_tanh<T>(x);
  if constexpr (f == Function::sigmoid) return vector_sigmoid<T>(x);
  if constexpr (f == Function::gelu) return x * (T(0.5) * vector_erfc<T>(x * T(-kRootHalf)));
  if constexpr (f == Function::gelu_tanh) return x * tanh_cdf<T>(x);
  if constexpr (f == Function::silu) return x * vector_sigmoid<T>(x);
  if constexpr (f == Function::softplus) {
    return rectify<T>(x) + vector_log1p<T>(vector_exp<T>(x < T(0) ? x : -x));
  }
  if constexpr (f == Function::erf) return vector_erf<T>(x);
}

template <class T, Function f>
Simd<T> slope(Simd<T> x, Simd<T> y) {
  if constexpr (f == Function::relu) return y > T(0) ? broadcast(T(1)) : Simd<T>{};
  if constexpr (f == Function::tanh) return T(1) - y * y;
  if constexpr (f == Function::sigmoid) return y * (T(1) - y);
  if constexpr (f == Function::gelu) {
    Simd<T> bell;
    const Simd<T> above = vector_erfc<T>(x * T(-kRootHalf), bell);
    return T(0.5) * above + x * (T(kRootTwoOverPi / 2) * bell);
  }
  if constexpr (f == Function::gelu_tanh) {
    const Simd<T> cdf = tanh_cdf<T>(x);
    return cdf + T(2 * kRootTwoOverPi) * x * cdf * (T(1) - cdf) * (T(1) + T(3 * kCubic) * x * x);
  }
  if constexpr (f == Function::silu) {
    const Simd<T> s = vector_sigmoid<T>(x);
    return s * (T(1) + x * (T(1) - s));
  }
  if constexpr (f == Function::softplus) return vector_sigmoid<T>(x);
  if constexpr (f == Function::erf) return T(2 * kRootTwoOverPi * kRootHalf) * detail::gaussian<T>(x);
}

template <class T, Function f>
void forward(Offset n, const T* x, T* y, const Execution& run) {
  parallel_ranges(n, kChunk, (f == Function::relu ? 1.0 : 20.0) * n, run, [&](Offset begin, Offset end) {
    for_vectors<T>(begin, end,
                   [=](Offset i, auto lanes) { lanes.store(y + i, value<T, f>(lanes.load(x + i))); });
  });
}

template <class T, Function f>
void backward(Offset n, const T* x, const T* y, const T* dy, T* dx, const Execution& run) {
  parallel_ranges(n, kChunk, (f == Function::relu ? 2.0 : 20.0) * n, run, [&](Offset begin, Offset end) {
    for_vectors<T>(begin, end, [=](Offset i, auto lanes) {
      lanes.store(dx + i, lanes.load(dy + i) * slope<T, f>(lanes.load(x + i), lanes.load(y + i)));
    });
  });
}

// body(std::integral_constant<Function, f>)
template <class Body>
void with_function(Function f, Body body) {
  switch (f) {
    case Function::relu:
      return body(std::integral_constant<Function, Function::relu>());
    case Function::tanh:
      return body(std::integral_constant<Function, Function::tanh>());
    case Function::sigmoid:
      return body(std::integral_constant<Function, Function::sigmoid>());
    case Function::gelu:
      return body(std::integral_constant<Function, Function::gelu>());
    case Function::gelu_tanh:
      return body(std::integral_constant<Function, Function::gelu_tanh>());
    case Function::silu:
      return body(std::integral_constant<Function, Function::silu>());
    case Function::softplus:
      return body(std::integral_constant<Function, Function::softplus>());
    case Function::erf:
      return body(std::integral_constant<Function, Function::erf>());
  }
}

}  // namespace

template <class T>
void elementwise(Function f, Offset n, const T* x, T* y, const Execution& run) {
  with_function(f, [&](auto which) { forward<T, which>(n, x, y, run); });
}

template <class T>
void elementwise_backward(Function f, Offset n, const T* x, const T* y, const T* dy, T* dx,
                          const Execution& run) {
  with_function(f, [&](auto which) { backward<T, which>(n, x, y, dy, dx, run); });
}

template <class T>
void add(Offset n, Offset period, const T* a, const T* b, T* y, const Execution& run) {
  if (period == 1) {
    const T number = *b;
    parallel_ranges(n, kChunk, 1.0 * n, run, [&](Offset begin, Offset end) {
      for (Offset i = begin; i < end; ++i) y[i] = a[i] + number;
    });
    return;
  }
  const Offset step = period < kChunk ? kChunk / std::max<Offset>(1, period) * period : kChunk;
  parallel_ranges(n, step, 3.0 * n, run, [&](Offset begin, Offset end) {
    for (Offset i = begin; i < end;) {
      const Offset from = i % period, m = std::min(period - from, end - i);
#pragma GCC ivdep
      for (Offset k = 0; k < m; ++k) y[i + k] = a[i + k] + b[from + k];
      i += m;
    }
  });
}

template <class T>
void sum_rows(Offset rows, Offset columns, const T* x, T* y, const Execution& run) {
  constexpr Offset chunk = 8 * kSimdWidth<T>;
  parallel_ranges(columns, chunk, 1.0 * rows * columns, run, [&](Offset begin, Offset end) {
    if (end - begin == chunk) {
      Simd<T> sums[8] = {};
      for (Offset r = 0; r < rows; ++r) {
        for (int v = 0; v < 8; ++v) sums[v] += load(x + r * columns + begin + v * kSimdWidth<T>);
      }
      for (int v = 0; v < 8; ++v) store(y + begin + v * kSimdWidth<T>, sums[v]);
      return;
    }
    for_vectors<T>(begin, end, [&](Offset c, auto lanes) {
      Simd<T> sum{};
      for (Offset r = 0; r < rows; ++r) sum += lanes.load(x + r * columns + c);
      lanes.store(y + c, sum);
    });
  });
}

#define ECKART_INSTANTIATE(T)                                                  \
  template void add(Offset, Offset, const T*, const T*, T*, const Execution&); \
  template void sum_rows(Offset, Offset, const T*, T*, const Execution&);

ECKART_INSTANTIATE(float)
ECKART_INSTANTIATE(double)

template void elementwise(Function, Offset, const float*, float*, const Execution&);
template void elementwise(Function, Offset, const double*, double*, const Execution&);
template void elementwise_backward(Function, Offset, const float*, const float*, const float*, float*,
                                   const Execution&);
template void elementwise_backward(Function, Offset, const double*, const double*, const double*, double*,
                                   const Execution&);

}  // namespace eckart
