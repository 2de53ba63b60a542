// The product behind a convolution, and how it is cut into tasks.
#pragma once

#include <algorithm>
#include <utility>

#include "eckart/linalg/activation.hpp"
#include "eckart/linalg/register_tile.hpp"
#include "eckart/nn/convolution.hpp"
#include "images_inside.hpp"
#include "panels.hpp"

namespace eckart {

template <class T>
struct Correlation {
  Offset images, groups, channels, rows;  // channels in and rows out of a group
  Axis y, x;
  const T* in;  // (images, groups, channels, in_y, in_x)
  Offset in_y, in_x;
  T* out;  // (images, groups, rows, out_y, out_x)
  Offset out_y, out_x;
  const T* weights;  // group g, row r, channel c, tap t: [g group_step + r row_step + c channel_step + t]
  Offset group_step, row_step, channel_step, kernel_x;
  const T* bias;  // (groups, rows) or null
  Activation activation;
};

// A convolution, or what leads back from its result, but for the axes.
template <class T>
Correlation<T> correlation(const Convolution& conv, bool back, const T* in, const T* weights, const T* bias,
                           Activation activation, T* out) {
  Correlation<T> c;
  c.images = conv.images;
  c.groups = conv.groups;
  c.channels = conv.group_in();
  c.rows = conv.group_out();
  c.in = in;
  c.in_y = conv.y.in;
  c.in_x = conv.x.in;
  c.out = out;
  c.out_y = conv.y.out;
  c.out_x = conv.x.out;
  c.weights = weights;
  c.channel_step = conv.taps();
  c.row_step = c.channels * conv.taps();
  c.group_step = c.rows * c.row_step;
  c.kernel_x = conv.x.kernel;
  c.bias = bias;
  c.activation = activation;
  if (back) {
    std::swap(c.channels, c.rows);
    std::swap(c.in_y, c.out_y);
    std::swap(c.in_x, c.out_x);
    std::swap(c.channel_step, c.row_step);
  }
  return c;
}

// How the work is cut: a task is some images (or some rows of one), of one group.
template <class T>
struct CorrelationCut {
  Offset images = 1, y_rows;  // a task
  Offset image_tasks, y_tasks, row_blocks = 1;
  Offset depth, slab;  // of the whole product, of one slab
  Offset height;       // rows of a tile
  Reading reading;     // of panels
  bool inside;         // images are innermost
  bool by_rows;        // the order of the taps: (row, channel, column), else (channel, row, column)

  static constexpr Offset lanes = kSimdWidth<T>;
  static constexpr Offset kSlab = 448;              // taps whose panel fits the first-level cache
  static constexpr Offset kPlaneBytes = 512 << 10;  // a fourth of a second-level cache
  static constexpr Offset kTasks = 8, kPixels = 400;

  explicit CorrelationCut(const Correlation<T>& c) {
    const Offset pixels = std::max<Offset>(1, c.y.count * c.x.count);
    depth = c.channels * static_cast<Offset>(c.y.taps.size() * c.x.taps.size());
    const Offset slabs = std::max<Offset>(1, (depth + kSlab - 1) / kSlab);
    slab = std::max<Offset>(1, (depth + slabs - 1) / slabs);
    const Offset panels = (c.rows + kPanel - 1) / kPanel;
    height = std::max<Offset>(1, (c.rows + panels - 1) / std::max<Offset>(1, panels));
    const Offset padded = round_up(std::max<Offset>(c.x.count, 1), lanes);
    y_rows = std::max<Offset>(1, c.y.count);
    by_rows = suits_images_inside(c, padded);
    inside = by_rows && 4 * c.images >= 3 * lanes;
    reading = inside ? Reading::rows : choose_reading(c, padded);
    const Offset row_bytes = PlaneShape(c.y, c.x, 1).channel * c.channels * static_cast<Offset>(sizeof(T));
    const Offset groups = std::max<Offset>(1, c.groups);
    if (inside) {
      images = lanes;
    } else if (pixels < kPixels) {
      // Many weights come from far away: better once for some images than for each.
      const bool many = c.rows * depth * Offset{sizeof(T)} > kPlaneBytes;
      const Offset most = many ? c.images : c.images * groups / kTasks;
      images = std::clamp<Offset>(kPixels / pixels, 1, std::max<Offset>(1, most));
    } else {
      const Offset wanted = std::max<Offset>(1, kTasks / std::max<Offset>(1, c.images * groups));
      const Offset fits = std::max<Offset>(1, kPlaneBytes / std::max<Offset>(1, row_bytes));
      // The sums of a task, which are read and written once a slab, in a fourth of a cache.
      const Offset sums = slabs > 1 ? kPlaneBytes / 3 / (c.rows * c.x.count * Offset{sizeof(T)}) : c.y.count;
      const Offset least = (kPixels / 2 + c.x.count - 1) / c.x.count;
      y_rows = std::max(least, std::min({(c.y.count + wanted - 1) / wanted, fits, sums}));
      y_rows = std::min(y_rows, c.y.count);
    }
    image_tasks = (c.images + images - 1) / images;
    y_tasks = std::max<Offset>(1, (c.y.count + y_rows - 1) / y_rows);
    const Offset tasks = image_tasks * y_tasks * groups;
    if (tasks < 4 && c.rows >= 4 * kPanel) row_blocks = 4;
  }

 private:
  // Reading in place spares a copy of each panel, about four cycles a vector, but some lanes are idle: the
  // product takes half a cycle for each vector and row. Flat wastes less than rows only where less than a
  // vector lies between two rows.
  static Reading choose_reading(const Correlation<T>& c, Offset padded) {
    const double count = static_cast<double>(std::max<Offset>(c.x.count, 1));
    const double rows = padded / count - 1, flat = (c.x.count + c.x.reach) / count - 1;
    if (0.5 * c.rows * std::min(rows, flat) > 4) return Reading::packed;
    return rows <= flat ? Reading::rows : Reading::flat;
  }

  // A fourth of the lanes idle or on padding, and planes and results of a vector of images in the cache.
  static bool suits_images_inside(const Correlation<T>& c, Offset padded) {
    const double useful = c.x.count * (1 - padding_share(c.y, c.in_y));
    const Offset planes = c.channels * PlaneShape(c.y, widened<T>(c.x), c.y.count).channel;
    const Offset results = c.rows * c.y.count * c.x.count * lanes;
    return useful < 0.75 * padded && (planes + results) * Offset{sizeof(T)} <= 2 * kPlaneBytes;
  }

  // Of the rows that taps see from positions.
  static double padding_share(const Axis& y, Offset in_y) {
    Offset outside = 0;
    for (Offset i = 0; i < y.count; ++i) {
      for (std::size_t k = 0; k < y.taps.size(); ++k) outside += !y.inside(i, k, in_y);
    }
    return static_cast<double>(outside) / static_cast<double>(std::max<Offset>(1, y.count * y.taps.size()));
  }
};

}  // namespace eckart
