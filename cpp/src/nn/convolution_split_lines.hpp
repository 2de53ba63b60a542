// The images of a convolution as the matrix unit reads them. For each row of an image there are some lines:
// what every channel shows through every column of the kernel, at the positions of a row of results. Lines
// are cut into vectors of 16 positions, and those of one vector lie one below the other, then those of the
// next row: sixteen lines are a tile without a gap, and those that belong to a row of results, over all rows
// of the kernel, follow each other. So patches are written out along the row alone, and what the rows of the
// kernel share stands there once.
//
// Several images lie side by side in a line, which fills vectors also where rows are short.
#pragma once

#include <algorithm>
#include <vector>

#include "correlation_cut.hpp"
#include "eckart/linalg/split_tiles.hpp"

#if ECKART_HAS_AMX

namespace eckart {
namespace split {

constexpr Offset kLane = 16;  // positions of a vector

// What a vector takes from a row of an image, or gives to a row of results: lane 0 stands for number `at`.
struct Piece {
  __mmask16 used;  // lanes
  Offset image, at;
};

// A vector of positions: a piece of every image in it.
using View = std::vector<Piece>;

// Two numbers side by side in the words of a line: a channel through a column of the kernel, and another, or
// -1 for none.
struct LineSource {
  Offset channel[2], column[2];
};

// Sixteen lines, from `line` on, that are multiplied together, and the weights of their sources: -1 where
// there is none.
struct LineTile {
  Offset line;
  std::int32_t weights[2][16];
};

// Images: row 0 of the first one's first channel stands at `from`, planes of (rows, columns) numbers and
// images so far apart.
struct Planes {
  const float* from;
  Offset rows, columns, plane, image;
};

class LinePlan {
 public:
  // `images` lie side by side. Words are pairs of channels, or of columns; or of positions, and a line has
  // one source.
  LinePlan(const Correlation<float>& c, Offset images, bool pairs);

  Offset images, vectors;  // of a line
  std::vector<LineSource> sources;
  Offset lines = 0;  // of a row
  Offset row_step;   // rows from one row of results to the next
  std::vector<LineTile> tiles;
  std::vector<View> results;  // of each vector: where in the rows of results it belongs

  // Rows that some rows of results read.
  Offset rows(Offset results) const { return (results - 1) * row_step + span_; }
  // Words of a vector's lines in those rows. Tiles read up to 15 lines beyond, zeros.
  Offset vector_words(Offset results) const { return (rows(results) * lines + 15) * kLane; }
  // The row of the image (perhaps outside) that stands in a row of the lines, from a row of results on.
  Offset image_row(Offset result, Offset row) const {
    return start_ + (result + row / row_step) * in_step_ + row % row_step;
  }

  // Words of all lines that `rows` rows of results read, from a row of them on, of `used` images: for each
  // vector (where words are pairs of positions, each two), `vector` words apart; parts `part` apart.
  void read(const Planes& x, Offset used, Offset result, Offset rows, Word* to, Offset vector,
            Offset part) const;

 private:
  void list_sources(bool pairs);
  void list_views(const Correlation<float>& c);
  View view(const Line& line, Offset vector) const;
  void list_tiles(const Correlation<float>& c);
  void add_run(const Correlation<float>& c, const std::vector<std::size_t>& rows, Offset first);

  void fetch_row(const Planes& x, Offset used, Offset i) const;
  void read_row(const Planes& x, Offset used, Offset i, Offset vector, Word* to, Offset part) const;
  template <int step, int pieces>
  void read_channels(const Planes& x, Offset used, const View* a, const View* b, Offset n, Word* to,
                     Offset part) const;
  Simd<float> read_view(const View& view, const float* from, Offset image, Offset used) const;

  bool pairs_;
  Offset channels_, columns_, step_;
  Offset start_, in_step_, span_ = 0;  // of rows
  std::vector<View> views_;            // (vectors, columns), and a vector of nothing
  std::vector<Offset> pieces_;         // of a vector's views at most
};

}  // namespace split
}  // namespace eckart
#endif
