#include "eckart/nn/convolution.hpp"

#include <algorithm>
#include <vector>

#include "depthwise.hpp"
#include "patches.hpp"

namespace eckart {

namespace {

// The gradient's axis without phases: the output counts with zeros between its numbers.
Axis spread_axis(const Window& w) {
  Window dense = w;
  dense.stride = 1;
  dense.out = (w.out - 1) * w.stride + 1;
  Axis axis = backward_axis(dense, 0);
  axis.spread = w.stride;
  return axis;
}

// Whether some phase of the stride has no tap.
bool has_gaps(const Window& w) {
  std::vector<bool> seen(w.stride);
  for (Offset k = 0; k < w.kernel; ++k) seen[k * w.dilation % w.stride] = true;
  return std::count(seen.begin(), seen.end(), false) > 0;
}

// A kernel of one number that reads every position once: for each image a product of matrices, which is the
// quickest where one is large.
bool is_product(const Convolution& c) {
  const auto once = [](const Window& w) {
    return w.kernel == 1 && w.stride == 1 && w.before == 0 && w.in == w.out;
  };
  constexpr double large = 1e7;  // flop
  return c.groups == 1 && once(c.y) && once(c.x) && 2.0 * c.in * c.out * c.y.out * c.x.out >= large;
}

// y (rows, positions) = W (rows, depth) x (depth, positions), image by image.
template <class T>
void multiply_images(const Convolution& c, const Strided<const T>& weight, Offset rows, Offset depth,
                     const T* x, T* y, const Execution& run) {
  Product<T> p;
  p.m = rows;
  p.n = c.y.out * c.x.out;
  p.k = depth;
  p.a = weight;
  for (Offset image = 0; image < c.images; ++image) {
    p.b = {x + image * depth * p.n, p.n, 1};
    p.c = {y + image * rows * p.n, p.n, 1};
    multiply(p, run);
  }
}

}  // namespace

template <class T>
void convolve(const Convolution& conv, const T* x, const T* weight, const T* bias, Activation activation,
              T* y, const Execution& run) {
  // One channel a group has a quicker way than patches.
  if (Patches<T>::suit(conv) && !conv.depthwise())
    return Patches<T>(conv).forward(x, weight, bias, activation, y, run);
  if (is_product(conv) && !bias && activation == Activation::none) {
    return multiply_images<T>(conv, {weight, conv.in, 1}, conv.out, conv.in, x, y, run);
  }
  Correlation<T> c = correlation(conv, false, x, weight, bias, activation, y);
  c.y = forward_axis(conv.y);
  c.x = forward_axis(conv.x);
  correlate(c, run);
}

template <class T>
void convolve_transposed(const Convolution& conv, const T* dy, const T* weight, const T* bias,
                         Activation activation, T* dx, const Execution& run) {
  if (!bias && activation == Activation::none) {
    if (Patches<T>::suit(conv) && !conv.depthwise()) return Patches<T>(conv).transposed(dy, weight, dx, run);
    if (is_product(conv)) {
      return multiply_images<T>(conv, {weight, 1, conv.in}, conv.in, conv.out, dy, dx, run);
    }
  }
  Correlation<T> c = correlation(conv, true, dy, weight, bias, activation, dx);
  // A few operations for each number: those with zeros cost less than to write every other number.
  if (is_depthwise(c)) {
    c.y = spread_axis(conv.y);
    c.x = spread_axis(conv.x);
    return correlate(c, run);
  }
  // Without taps, a phase of the result is f(bias): mostly zero, which is quicker written at once.
  const bool fill = !bias && activation == Activation::none && (has_gaps(conv.y) || has_gaps(conv.x));
  const Offset pixels = conv.y.in * conv.x.in;
  parallel_ranges(fill ? conv.images * conv.in : 0, 8, static_cast<double>(conv.images * conv.in * pixels),
                  run,
                  [&](Offset begin, Offset end) { std::fill(dx + begin * pixels, dx + end * pixels, T(0)); });
  for (Offset phase_y = 0; phase_y < conv.y.stride; ++phase_y) {
    for (Offset phase_x = 0; phase_x < conv.x.stride; ++phase_x) {
      c.y = backward_axis(conv.y, phase_y);
      c.x = backward_axis(conv.x, phase_x);
      if (!fill || !(c.y.taps.empty() || c.x.taps.empty())) correlate(c, run);
    }
  }
}

template void convolve(const Convolution&, const float*, const float*, const float*, Activation, float*,
                       const Execution&);
template void convolve(const Convolution&, const double*, const double*, const double*, Activation, double*,
                       const Execution&);
template void convolve_transposed(const Convolution&, const float*, const float*, const float*, Activation,
                                  float*, const Execution&);
template void convolve_transposed(const Convolution&, const double*, const double*, const double*, Activation,
                                  double*, const Execution&);

}  // namespace eckart
