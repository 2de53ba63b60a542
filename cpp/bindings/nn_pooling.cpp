// Bindings of eckart/nn/pooling.hpp. Arrays are (n, c, h, w); places are into a plane (h, w).
#include <pybind11/stl.h>

#include <algorithm>
#include <limits>

#include "eckart/nn/pooling.hpp"
#include "nn_images.hpp"

namespace eckart::bindings {
namespace {

// The number of positions is rounded down, or up with `ceil`: but the last window begins inside the input.
Window pool_window(Offset in, Offset kernel, Offset stride, Offset padding, Offset dilation, bool ceil) {
  if (kernel < 1) shape_error("kernel_size", "at least 1", std::to_string(kernel));
  if (stride < 1) shape_error("stride", "at least 1", std::to_string(stride));
  if (dilation < 1) shape_error("dilation", "at least 1", std::to_string(dilation));
  const Offset span = dilation * (kernel - 1) + 1, left = in + 2 * padding - span;
  if (padding < 0 || 2 * padding > span) {
    shape_error("padding", "from 0 to half of the kernel, " + std::to_string(span / 2),
                std::to_string(padding));
  }
  if (left + (ceil ? stride - 1 : 0) < 0) {
    shape_error("x", "at least " + std::to_string(span) + " positions with the padding",
                std::to_string(in + 2 * padding));
  }
  Offset out = (left + (ceil ? stride - 1 : 0)) / stride + 1;
  if (ceil && (out - 1) * stride >= in + padding) --out;
  return {in, out, kernel, stride, padding, dilation};
}

std::vector<Span> spans(const Window& w, bool include_padding) {
  std::vector<Span> result(w.out);
  for (Offset o = 0; o < w.out; ++o) {
    const Offset first = o * w.stride - w.before, last = std::min(first + w.kernel, w.in + w.before);
    Span& s = result[o];
    s.begin = std::clamp<Offset>(first, 0, w.in);
    s.end = std::clamp<Offset>(last, s.begin, w.in);
    s.length = include_padding ? last - first : s.end - s.begin;
  }
  return result;
}

std::vector<Span> adaptive_spans(Offset in, Offset out) {
  if (out < 1) shape_error("output_size", "at least 1", std::to_string(out));
  std::vector<Span> result(out);
  for (Offset o = 0; o < out; ++o) {
    const Offset begin = o * in / out, end = ((o + 1) * in + out - 1) / out;
    result[o] = {begin, end, end - begin};
  }
  return result;
}

template <class T>
py::tuple max_pool2d(const array_t<T>& x, const Pair& kernel, const Pair& stride, const Pair& padding,
                     const Pair& dilation, bool ceil, int threads, bool rectify) {
  check_images(x, "x");
  const auto rows = pool_window(x.shape(2), kernel[0], stride[0], padding[0], dilation[0], ceil);
  const auto columns = pool_window(x.shape(3), kernel[1], stride[1], padding[1], dilation[1], ceil);
  if (rows.in * columns.in > std::numeric_limits<Index>::max()) {
    shape_error("x", "planes of at most 2^31 - 1 entries", std::to_string(rows.in * columns.in));
  }
  const std::vector<Offset> shape{x.shape(0), x.shape(1), rows.out, columns.out};
  auto result = pooled_array<T>(shape);
  auto places = pooled_array<Index>(shape);
  T* y = result.mutable_data();
  Index* at = places.mutable_data();
  run_recorded(threads, [=](const Execution& run) {
    max_pool(x.shape(0) * x.shape(1), rows, columns, rectify, x.data(), y, at, run);
  });
  return py::make_tuple(result, places);
}

// Each place must be one of the plane's: they come from max_pool2d, but memory has to be safe whatever comes.
void check_places(const Index* places, Offset n, Offset in) {
  Index largest = 0;
  for (Offset i = 0; i < n; ++i) largest = std::max(largest, places[i]);
  if (n > 0 && largest >= in) {
    shape_error("places", "less than " + std::to_string(in), std::to_string(largest));
  }
}

template <class T>
array_t<T> max_pool2d_backward(const array_t<T>& dy, const array_t<Index>& places, const Pair& shape,
                               int threads) {
  check_images(dy, "dy");
  check_images(places, "places");
  for (int d = 0; d < 4; ++d) check_equal(places.shape(d), dy.shape(d), "shape of places and of dy");
  if (shape[0] < 0 || shape[1] < 0)
    shape_error("shape", "no negative number", std::to_string(std::min(shape[0], shape[1])));
  const Offset planes = dy.shape(0) * dy.shape(1), in = shape[0] * shape[1], out = dy.shape(2) * dy.shape(3);
  check_places(places.data(), planes * out, in);
  auto result = pooled_array<T>({dy.shape(0), dy.shape(1), shape[0], shape[1]});
  T* dx = result.mutable_data();
  run_recorded(threads, [=](const Execution& run) {
    max_pool_backward(planes, shape[0], shape[1], dy.shape(2), dy.shape(3), dy.data(), places.data(), dx,
                      run);
  });
  return result;
}

struct MeanSpans {
  std::vector<Span> rows, columns;
};

// Sums are divided by `divisor` instead of what they count, unless that is 0.
MeanSpans window_means(const Pair& in, const Pair& kernel, const Pair& stride, const Pair& padding, bool ceil,
                       bool include_padding, Offset divisor) {
  MeanSpans s{spans(pool_window(in[0], kernel[0], stride[0], padding[0], 1, ceil), include_padding),
              spans(pool_window(in[1], kernel[1], stride[1], padding[1], 1, ceil), include_padding)};
  for (Span& row : s.rows) row.length = divisor ? divisor : row.length;
  for (Span& column : s.columns) column.length = divisor ? 1 : column.length;
  return s;
}

template <class T>
array_t<T> means(const array_t<T>& x, const MeanSpans& s, int threads) {
  auto result = pooled_array<T>(
      {x.shape(0), x.shape(1), static_cast<Offset>(s.rows.size()), static_cast<Offset>(s.columns.size())});
  T* y = result.mutable_data();
  run_recorded(threads, [=](const Execution& run) {
    mean_pool(x.shape(0) * x.shape(1), x.shape(2), x.shape(3), s.rows, s.columns, x.data(), y, run);
  });
  return result;
}

template <class T>
array_t<T> means_backward(const array_t<T>& dy, const Pair& in, const MeanSpans& s, int threads) {
  check_equal(dy.shape(2), static_cast<Offset>(s.rows.size()), "rows of dy and of the result");
  check_equal(dy.shape(3), static_cast<Offset>(s.columns.size()), "columns of dy and of the result");
  auto result = pooled_array<T>({dy.shape(0), dy.shape(1), in[0], in[1]});
  T* dx = result.mutable_data();
  run_recorded(threads, [=](const Execution& run) {
    mean_pool_backward(dy.shape(0) * dy.shape(1), in[0], in[1], s.rows, s.columns, dy.data(), dx, run);
  });
  return result;
}

template <class T>
array_t<T> avg_pool2d(const array_t<T>& x, const Pair& kernel, const Pair& stride, const Pair& padding,
                      bool ceil, bool include_padding, int threads, Offset divisor) {
  check_images(x, "x");
  const Pair shape{x.shape(2), x.shape(3)};
  return means(x, window_means(shape, kernel, stride, padding, ceil, include_padding, divisor), threads);
}

template <class T>
array_t<T> avg_pool2d_backward(const array_t<T>& dy, const Pair& shape, const Pair& kernel,
                               const Pair& stride, const Pair& padding, bool ceil, bool include_padding,
                               int threads, Offset divisor) {
  check_images(dy, "dy");
  return means_backward(
      dy, shape, window_means(shape, kernel, stride, padding, ceil, include_padding, divisor), threads);
}

template <class T>
array_t<T> adaptive_avg_pool2d(const array_t<T>& x, const Pair& size, int threads) {
  check_images(x, "x");
  return means(x, {adaptive_spans(x.shape(2), size[0]), adaptive_spans(x.shape(3), size[1])}, threads);
}

template <class T>
array_t<T> adaptive_avg_pool2d_backward(const array_t<T>& dy, const Pair& shape, int threads) {
  check_images(dy, "dy");
  if (shape[0] < 0 || shape[1] < 0) shape_error("shape", "no negative number", "one");
  return means_backward(
      dy, shape, {adaptive_spans(shape[0], dy.shape(2)), adaptive_spans(shape[1], dy.shape(3))}, threads);
}

template <class T>
void bind(py::module_& m) {
  using py::arg;
  m.def("max_pool2d", recorded(&max_pool2d<T>), in("x"), arg("kernel"), arg("stride"), arg("padding"),
        arg("dilation"), arg("ceil"), arg("threads"), arg("rectify") = false);
  m.def("max_pool2d_backward", recorded(&max_pool2d_backward<T>), in("dy"), in("places"), arg("shape"),
        arg("threads"));
  m.def("avg_pool2d", recorded(&avg_pool2d<T>), in("x"), arg("kernel"), arg("stride"), arg("padding"),
        arg("ceil"), arg("include_padding"), arg("threads"), arg("divisor") = 0);
  m.def("avg_pool2d_backward", recorded(&avg_pool2d_backward<T>), in("dy"), arg("shape"), arg("kernel"),
        arg("stride"), arg("padding"), arg("ceil"), arg("include_padding"), arg("threads"),
        arg("divisor") = 0);
  m.def("adaptive_avg_pool2d", recorded(&adaptive_avg_pool2d<T>), in("x"), arg("size"), arg("threads"));
  m.def("adaptive_avg_pool2d_backward", recorded(&adaptive_avg_pool2d_backward<T>), in("dy"), arg("shape"),
        arg("threads"));
}

}  // namespace

void bind_nn_pooling(py::module_ m) {
  bind<float>(m);
  bind<double>(m);
}

}  // namespace eckart::bindings
