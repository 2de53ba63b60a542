// What the bindings of layers over images share.
#pragma once

#include <array>

#include "eckart/nn/window.hpp"
#include "nn.hpp"

namespace eckart::bindings {

using Pair = std::array<Offset, 2>;
using Margins = std::array<Offset, 4>;  // top, left, bottom, right

template <class T>
void check_images(const array_t<T>& a, const char* name) {
  if (a.ndim() != 4) shape_error(name, "4 dimensions", std::to_string(a.ndim()));
}

// `after` may be negative: positions at the end that no window reaches.
inline Window window(Offset in, Offset kernel, Offset stride, Offset before, Offset after, Offset dilation) {
  if (stride < 1) shape_error("stride", "at least 1", std::to_string(stride));
  if (dilation < 1) shape_error("dilation", "at least 1", std::to_string(dilation));
  if (before < 0) shape_error("padding", "no negative number", std::to_string(before));
  if (kernel < 1) shape_error("weight", "a kernel of at least 1", std::to_string(kernel));
  const Offset span = dilation * (kernel - 1) + 1;
  if (in + before + after < span) {
    shape_error("x",
                "at least " + std::to_string(span) + " positions with the padding, for a kernel of " +
                    std::to_string(kernel),
                std::to_string(in + before + after));
  }
  return {in, (in + before + after - span) / stride + 1, kernel, stride, before, dilation};
}

template <class T>
std::array<Offset, 4> image_shape(const array_t<T>& x, const char* name) {
  check_images(x, name);
  return {x.shape(0), x.shape(1), x.shape(2), x.shape(3)};
}

}  // namespace eckart::bindings
