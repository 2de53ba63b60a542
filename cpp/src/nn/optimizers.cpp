#include "eckart/nn/optimizers.hpp"

#include "eckart/base/math.hpp"
#include "eckart/base/parallel.hpp"
#include "eckart/base/vector_loop.hpp"
#include "eckart/base/vector_root.hpp"

namespace eckart {

namespace {

constexpr Offset kChunk = 1 << 14;

// body(i) for all i, vectorised by the compiler: bodies are straight lines over arrays that do not overlap.
template <class Body>
void for_all(Offset n, double work, const Execution& run, Body body) {
  parallel_ranges(n, kChunk, work * n, run, [&](Offset begin, Offset end) {
#pragma GCC ivdep
    for (Offset i = begin; i < end; ++i) body(i);
  });
}

// body(i, lanes) for all vectors: see vector_loop.hpp.
template <class T, class Body>
void for_all_vectors(Offset n, double work, const Execution& run, Body body) {
  parallel_ranges(n, kChunk, work * n, run,
                  [&](Offset begin, Offset end) { for_vectors<T>(begin, end, body); });
}

}  // namespace

template <class T>
void momentum_step(Offset n, T* p, const T* g, T* velocity, const Slope& slope, const Momentum& by,
                   const Execution& run) {
  const T sign = T(slope.sign), decay = T(slope.decay);
  const T lr = T(by.lr), momentum = T(by.momentum), keep = T(by.keep);
  const T direct = T(by.direct), carried = T(by.carried);
  if (!velocity) {
    for_all(n, 4, run, [=](Offset i) { p[i] -= lr * (sign * g[i] + decay * p[i]); });
    return;
  }
  for_all(n, 8, run, [=](Offset i) {
    const T slope_here = sign * g[i] + decay * p[i];
    const T v = momentum * velocity[i] + keep * slope_here;
    velocity[i] = v;
    p[i] -= lr * (direct * slope_here + carried * v);
  });
}

template <class T>
void heavy_ball_step(Offset n, T* p, const T* g, T* last, const Slope& slope, double lr, double momentum,
                     const Execution& run) {
  const T rate = T(lr), carried = T(momentum);
  const T sign = T(slope.sign), decay = T(slope.decay);
  for_all(n, 8, run, [=](Offset i) {
    const T here = p[i];
    p[i] = here - rate * (sign * g[i] + decay * here) + carried * (here - last[i]);
    last[i] = here;
  });
}

template <class T>
void nesterov_step(Offset n, T* p, const T* g, T* last, const Slope& slope, double lr, double momentum,
                   const Execution& run) {
  const T rate = T(lr), carried = T(momentum);
  const T sign = T(slope.sign), decay = T(slope.decay);
  for_all(n, 8, run, [=](Offset i) {
    const T x = p[i] - rate * (sign * g[i] + decay * p[i]);
    p[i] = x + carried * (x - last[i]);
    last[i] = x;
  });
}

template <class T>
void extragradient_step(Offset n, T* p, const T* g, const T* origin, const Slope& slope, double lr,
                        const Execution& run) {
  const T rate = T(lr);
  const T sign = T(slope.sign), decay = T(slope.decay);
  for_all(n, 5, run, [=](Offset i) { p[i] = origin[i] - rate * (sign * g[i] + decay * p[i]); });
}

template <class T>
void adagrad_step(Offset n, T* p, const T* g, T* squares, const Slope& slope, double lr, double eps,
                  const Execution& run) {
  const T rate = T(lr), floor = T(eps);
  const T sign = T(slope.sign), decay = T(slope.decay);
  for_all_vectors<T>(n, 20, run, [=](Offset i, auto lanes) {
    const Simd<T> before = lanes.load(p + i), here = sign * lanes.load(g + i) + decay * before;
    const Simd<T> square = lanes.load(squares + i) + here * here;
    lanes.store(squares + i, square);
    lanes.store(p + i, before - rate * vector_quotient<T>(here, vector_sqrt<T>(square) + floor));
  });
}

template <class T>
void rmsprop_step(Offset n, T* p, const T* g, T* squares, T* mean, T* velocity, const Slope& slope,
                  const RmsProp& by, const Execution& run) {
  const T sign = T(slope.sign), decay = T(slope.decay);
  const T lr = T(by.lr), alpha = T(by.alpha), rest = T(1 - by.alpha);
  const T eps = T(by.eps), momentum = T(by.momentum);
  for_all_vectors<T>(n, 25, run, [=](Offset i, auto lanes) {
    const Simd<T> before = lanes.load(p + i), here = sign * lanes.load(g + i) + decay * before;
    const Simd<T> square = alpha * lanes.load(squares + i) + rest * here * here;
    lanes.store(squares + i, square);
    Simd<T> variance = square;
    if (mean) {
      Simd<T> m = lanes.load(mean + i);
      m += rest * (here - m);
      lanes.store(mean + i, m);
      variance -= m * m;
      variance = variance > T(0) ? variance : Simd<T>{};  // rounding may leave less than nothing
    }
    Simd<T> move = vector_quotient<T>(here, vector_sqrt<T>(variance) + eps);  // in units of the slope's size
    if (velocity) {
      move += momentum * lanes.load(velocity + i);
      lanes.store(velocity + i, move);
    }
    lanes.store(p + i, before - lr * move);
  });
}

template <class T>
void adam_step(Offset n, T* p, const T* g, T* mean, T* squares, T* largest, const Slope& slope,
               const Adam& by, const Execution& run) {
  const T sign = T(slope.sign), decay = T(slope.decay);
  const T lr = T(by.lr), eps = T(by.eps), root_scale = T(by.root_scale), shrink = T(by.shrink);
  const T rest1 = T(1 - by.beta1), beta2 = T(by.beta2), rest2 = T(1 - by.beta2);
  for_all_vectors<T>(n, 25, run, [=](Offset i, auto lanes) {
    const Simd<T> before = lanes.load(p + i), here = sign * lanes.load(g + i) + decay * before;
    Simd<T> m = lanes.load(mean + i), square = beta2 * lanes.load(squares + i) + rest2 * here * here;
    m += rest1 * (here - m);
    lanes.store(mean + i, m);
    lanes.store(squares + i, square);
    if (largest) {
      const Simd<T> last = lanes.load(largest + i);
      square = square > last ? square : last;
      lanes.store(largest + i, square);
    }
    const Simd<T> size = root_scale * vector_sqrt<T>(square) + eps;
    lanes.store(p + i, shrink * before - lr * vector_quotient<T>(m, size));
  });
}

template <class T>
void average_step(Offset n, T* average, const T* p, double rate, const Execution& run) {
  const T share = T(rate);
  for_all(n, 3, run, [=](Offset i) { average[i] += share * (p[i] - average[i]); });
}

namespace {

// Each array is cut into chunks of its own: a sum depends on the arrays' sizes alone.
template <class T>
std::vector<Segment<T>> chunks(const std::vector<Segment<T>>& all) {
  std::vector<Segment<T>> cut;
  for (const auto& s : all) {
    for (Offset i = 0; i < s.n; i += kChunk) cut.push_back({s.data + i, std::min(kChunk, s.n - i)});
  }
  return cut;
}

}  // namespace

template <class T>
double squared_norm(const std::vector<Segment<T>>& all, const Execution& run) {
  const auto cut = chunks(all);
  const Offset n = static_cast<Offset>(cut.size());
  return parallel_sum(n, 1, 2.0 * kChunk * n, run,
                      [&](Offset c, Offset) { return squared_norm<T>(cut[c].data, cut[c].n); });
}

template <class T>
void scale(const std::vector<Segment<T>>& all, double factor, const Execution& run) {
  const auto cut = chunks(all);
  const Offset n = static_cast<Offset>(cut.size());
  parallel_ranges(n, 1, 1.0 * kChunk * n, run,
                  [&](Offset c, Offset) { scale_row<T>(cut[c].data, cut[c].n, T(factor), cut[c].data); });
}

#define ECKART_INSTANTIATE(T)                                                                               \
  template void momentum_step(Offset, T*, const T*, T*, const Slope&, const Momentum&, const Execution&);   \
  template void heavy_ball_step(Offset, T*, const T*, T*, const Slope&, double, double, const Execution&);  \
  template void nesterov_step(Offset, T*, const T*, T*, const Slope&, double, double, const Execution&);    \
  template void extragradient_step(Offset, T*, const T*, const T*, const Slope&, double, const Execution&); \
  template void adagrad_step(Offset, T*, const T*, T*, const Slope&, double, double, const Execution&);     \
  template void rmsprop_step(Offset, T*, const T*, T*, T*, T*, const Slope&, const RmsProp&,                \
                             const Execution&);                                                             \
  template void adam_step(Offset, T*, const T*, T*, T*, T*, const Slope&, const Adam&, const Execution&);   \
  template void average_step(Offset, T*, const T*, double, const Execution&);                               \
  template double squared_norm(const std::vector<Segment<T>>&, const Execution&);                           \
  template void scale(const std::vector<Segment<T>>&, double, const Execution&);

ECKART_INSTANTIATE(float)
ECKART_INSTANTIATE(double)

}  // namespace eckart
