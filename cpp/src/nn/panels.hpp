// The results of a task in panels as wide as a register tile, and where each run of them reads and writes.
#pragma once

#include <algorithm>
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

// Where a task's results come from and go to: `images` images, image_from and image_to numbers apart, and of
// each `rows` rows; rows of the output hold out_x numbers.
struct PanelLayout {
  const Axis &y, &x;
  const PlaneShape& shape;
  Offset images, rows, image_from, image_to, out_x;
};

class Panels {
 public:
  Panels(const PanelLayout& layout, Offset lanes, Reading reading)
      : l_(layout), lanes_(lanes), dense_(layout.x.out_step == 1 && layout.y.out_step == 1) {
    const Offset count = l_.x.count, row_vectors = (count + lanes - 1) / lanes;
    const Offset image_vectors = (image_length() + lanes - 1) / lanes;
    vectors_ = reading == Reading::packed ? (l_.images * l_.rows * count + lanes - 1) / lanes
               : reading == Reading::rows ? l_.images * l_.rows * row_vectors
                                          : l_.images * image_vectors;
    for (Offset n = 0; n < l_.images; ++n) {
      if (reading == Reading::flat) add_image(n);
      for (Offset i = 0; i < l_.rows; ++i) {
        if (reading == Reading::rows) add_row(n, i);
        if (reading == Reading::packed) pack_row(n, i);
      }
    }
    finish();
    for (Panel& panel : all) {
      for (Run& run : panel.writes) run.spill = spills(run);
      choose_stores(panel);
    }
  }

  std::vector<Panel> all;

 private:
  Offset image_length() const { return (l_.rows - 1) * l_.shape.pitch + l_.x.count; }  // all rows as one
  Offset from(Offset n, Offset i, Offset j) const { return n * l_.image_from + i * l_.shape.pitch + j; }
  Offset to(Offset n, Offset i, Offset j) const {
    return n * l_.image_to + i * l_.y.out_step * l_.out_x + j * l_.x.out_step;
  }

  // What lies between two rows is shorter than a vector: each has results.
  void add_image(Offset n) {
    for (Offset begin = 0; begin < image_length(); begin += lanes_) {
      add_vector(from(n, 0, begin));
      const Offset end = std::min(image_length(), begin + lanes_);
      for (Offset at = begin; at < end;) {
        const Offset i = at / l_.shape.pitch, j = at % l_.shape.pitch;
        const bool inside = j < l_.x.count;
        const Offset length = std::min(end - at, (inside ? l_.x.count : l_.shape.pitch) - j);
        if (inside) add_run({lane_ - lanes_ + at - begin, length, false, 0, to(n, i, j)});
        at += length;
      }
    }
  }

  void add_row(Offset n, Offset i) {
    for (Offset j = 0; j < l_.x.count; j += lanes_) {
      add_vector(from(n, i, j));
      add_run({lane_ - lanes_, std::min(lanes_, l_.x.count - j), false, 0, to(n, i, j)});
    }
  }

  void pack_row(Offset n, Offset i) {
    for (Offset j = 0; j < l_.x.count;) {
      if (all.empty() || lane_ == capacity_) start();
      const Offset length = std::min(capacity_ - lane_, l_.x.count - j);
      add_run({lane_, length, false, from(n, i, j), to(n, i, j)});
      lane_ += length;
      j += length;
    }
  }

  // Whether whole vectors may be stored: what is too much lies in the same image and is written later.
  bool spills(const Run& run) const {
    return dense_ && run.to % l_.image_to + round_up(run.length, lanes_) <= l_.rows * l_.x.count;
  }

  void choose_stores(Panel& panel) const {
    const Run& first = panel.writes.front();
    const bool single = dense_ && panel.writes.size() == 1 && first.length == panel.vectors * lanes_;
    bool straight = static_cast<Offset>(panel.runs.size()) == panel.vectors;
    for (Offset v = 0; straight && v < panel.vectors; ++v) {
      straight = panel.runs[v].lane == v * lanes_ && spills(panel.runs[v]);
    }
    for (Offset v = 0; (single || straight) && v < panel.vectors; ++v) {
      panel.stores.push_back(single ? first.to + v * lanes_ : panel.runs[v].to);
    }
  }

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

  const PanelLayout& l_;
  Offset lanes_, vectors_, capacity_ = 0, lane_ = 0;  // vectors that are left; lanes of this panel, and used
  bool dense_;
};

}  // namespace eckart
