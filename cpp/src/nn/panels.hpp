// The results of a task in panels as wide as a register tile, and where each run of them reads and writes.
#pragma once

#include <vector>

#include "eckart/linalg/register_tile.hpp"
#include "planes.hpp"

namespace eckart {

// Neighbours in a row, which lie one after the other in the copied planes.
struct Run {
  Offset lane, length;
  bool spill;   // as a write: may be stored in whole vectors, for what is overwritten is written later
  Offset from;  // into the planes, at the first tap
  Offset to;    // into the output of the task's first image and channel
};

// One vector's load and store of a copied panel.
struct Copy {
  Offset lane, from;
};

struct Panel {
  Offset vectors;
  bool whole;  // every lane is a result, and they lie one after the other in the output too
  std::vector<Run> runs;
  std::vector<Run> writes;   // the runs, neighbours in the output joined
  std::vector<Copy> copies;  // of whole vectors: what is too much is overwritten by the next one
};

// `direct`: every vector begins a run, so that it can be read where it lies.
class Panels {
 public:
  Panels(const Axis& y, const Axis& x, Offset images, Offset rows, const PlaneShape& shape, Offset image_from,
         Offset image_to, Offset out_x, Offset lanes, bool direct)
      : lanes_(lanes), dense_(x.out_step == 1 && y.out_step == 1) {
    const Offset row_vectors = (x.count + lanes - 1) / lanes;
    vectors_ = direct ? images * rows * row_vectors : (images * rows * x.count + lanes - 1) / lanes;
    for (Offset image = 0; image < images; ++image) {
      for (Offset i = 0; i < rows; ++i) {
        for (Offset j = 0; j < x.count;) {
          if (all.empty() || lane_ == capacity_) start();
          const Offset room = direct ? lanes : capacity_ - lane_;
          const Offset length = std::min(room, x.count - j);
          all.back().runs.push_back({lane_, length, false, image * image_from + i * shape.pitch + j,
                                     image * image_to + i * y.out_step * out_x + j * x.out_step});
          lane_ += direct ? lanes : length;
          j += length;
        }
      }
    }
    finish();
    const Offset plane = rows * x.count;  // of the task's rows, in one image
    for (Panel& panel : all) {
      for (Run& run : panel.writes) {
        run.spill = dense_ && run.to % image_to + round_up(run.length, lanes) <= plane;
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

  void finish() {
    if (all.empty()) return;
    Panel& panel = all.back();
    panel.vectors = (lane_ + lanes_ - 1) / lanes_;
    Offset lane = 0, to = panel.runs.front().to;
    panel.copies.clear();
    panel.writes.clear();
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
    panel.whole = dense_ && panel.writes.size() == 1 && lane == panel.vectors * lanes_;
  }

  Offset lanes_, vectors_, capacity_ = 0, lane_ = 0;  // vectors that are left; lanes of this panel, and used
  bool dense_;
};

}  // namespace eckart
