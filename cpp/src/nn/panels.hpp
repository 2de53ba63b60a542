// The results of a task in panels as wide as a register tile, and where each run of them reads and writes.
#pragma once

#include <vector>

#include "eckart/linalg/register_tile.hpp"
#include "planes.hpp"

namespace eckart {

// How the panels of a product come to the planes' numbers.
enum class Reading {
  packed,  // a copy, every lane of which is a position of the result
  rows,    // where they lie; a vector begins with each row, and lanes beyond a row's end are idle
  flat     // where they lie, all rows of an image as one: what is between two rows is computed and dropped
};

// Neighbours in a row of the results.
struct Run {
  Offset lane, length;
  bool spill;   // may be stored in whole vectors, for what is overwritten is written later
  Offset from;  // into the planes, at the first tap
  Offset to;    // into the output of the task's first image and channel
};

// One vector's load and store of a copied panel.
struct Copy {
  Offset lane, from;
};

struct Panel {
  Offset vectors = 0;
  std::vector<Run> runs;
  std::vector<Run> writes;     // the runs, neighbours in the output joined
  std::vector<Copy> copies;    // of whole vectors: what is too much is overwritten by the next one
  std::vector<Offset> stores;  // where each vector goes as it is, if all of them may
  std::vector<Offset> reads;   // not packed: where each vector lies, at the first tap
  Offset begin = 0, end = 0;   // of the taps that see more than padding
};

class Panels {
 public:
  Panels(const Axis& y, const Axis& x, Offset images, Offset rows, const PlaneShape& shape, Offset image_from,
         Offset image_to, Offset out_x, Offset lanes, Reading reading)
      : lanes_(lanes), dense_(x.out_step == 1 && y.out_step == 1) {
    const Offset row_vectors = (x.count + lanes - 1) / lanes;
    const Offset image = (rows - 1) * shape.pitch + x.count;  // all rows as one
    vectors_ = reading == Reading::packed ? (images * rows * x.count + lanes - 1) / lanes
               : reading == Reading::rows ? images * rows * row_vectors
                                          : images * ((image + lanes - 1) / lanes);
    const auto to = [&](Offset n, Offset i, Offset j) {
      return n * image_to + i * y.out_step * out_x + j * x.out_step;
    };
    for (Offset n = 0; n < images; ++n) {
      if (reading == Reading::flat) {
        for (Offset f = 0; f < image; f += lanes) {
          add_vector(n * image_from + f);
          for (Offset g = f; g < std::min(image, f + lanes);) {
            const Offset i = g / shape.pitch, j = g % shape.pitch;
            const Offset length = std::min(f + lanes - g, (j < x.count ? x.count : shape.pitch) - j);
            if (j < x.count) add_run({lane_ - lanes + g - f, length, false, 0, to(n, i, j)});
            g += length;
          }
        }
        continue;
      }
      for (Offset i = 0; i < rows; ++i) {
        for (Offset j = 0; j < x.count;) {
          const Offset from = n * image_from + i * shape.pitch + j;
          if (reading == Reading::rows) {
            add_vector(from);
            const Offset length = std::min(lanes, x.count - j);
            add_run({lane_ - lanes, length, false, from, to(n, i, j)});
            j += length;
          } else {
            if (all.empty() || lane_ == capacity_) start();
            const Offset length = std::min(capacity_ - lane_, x.count - j);
            add_run({lane_, length, false, from, to(n, i, j)});
            lane_ += length;
            j += length;
          }
        }
      }
    }
    finish();
    const Offset plane = rows * x.count;  // of the task's rows, in one image
    const auto spills = [&](const Run& run) {
      return dense_ && run.to % image_to + round_up(run.length, lanes) <= plane;
    };
    for (Panel& panel : all) {
      for (Run& run : panel.writes) run.spill = spills(run);
      const Run& first = panel.writes.front();
      bool single = dense_ && panel.writes.size() == 1 && first.length == panel.vectors * lanes;
      bool straight = static_cast<Offset>(panel.runs.size()) == panel.vectors;
      for (Offset v = 0; straight && v < panel.vectors; ++v) {
        straight = panel.runs[v].lane == v * lanes && spills(panel.runs[v]);
      }
      for (Offset v = 0; (single || straight) && v < panel.vectors; ++v) {
        panel.stores.push_back(single ? first.to + v * lanes : panel.runs[v].to);
      }
    }
  }

  std::vector<Panel> all;

 private:
  void start() {
    finish();
    const Offset panels = (vectors_ + kPanelVectors - 1) / kPanelVectors;  // of even width
    capacity_ = (vectors_ + panels - 1) / panels * lanes_;
    vectors_ -= capacity_ / lanes_;
    all.emplace_back();
    lane_ = 0;
  }

  void add_vector(Offset from) {
    if (all.empty() || lane_ == capacity_) start();
    all.back().reads.push_back(from);
    lane_ += lanes_;
  }

  void add_run(const Run& run) { all.back().runs.push_back(run); }

  void finish() {
    if (all.empty()) return;
    Panel& panel = all.back();
    panel.vectors = (lane_ + lanes_ - 1) / lanes_;
    Offset lane = 0, to = panel.runs.front().to;
    for (const Run& run : panel.runs) {
      if (dense_ && run.to == to && run.lane == lane && !panel.writes.empty()) {
        panel.writes.back().length += run.length;
      } else {
        panel.writes.push_back(run);
      }
      lane = run.lane + run.length;
      to = run.to + run.length;
      for (Offset i = 0; i < run.length; i += lanes_) panel.copies.push_back({run.lane + i, run.from + i});
    }
  }

  Offset lanes_, vectors_, capacity_ = 0, lane_ = 0;  // vectors that are left; lanes of this panel, and used
  bool dense_;
};

}  // namespace eckart
