#include "convolution_split_lines.hpp"

#include "eckart/base/math.hpp"

#if ECKART_HAS_AMX

namespace eckart {
namespace split {

namespace {

constexpr Offset kMostColumns = 16, kMostPieces = 3;

void clear(Word* to, Offset lines, Offset part) {
  for (int p = 0; p < 3; ++p) std::fill_n(to + p * part, lines * kLane, 0u);
}

}  // namespace

LinePlan::LinePlan(const Correlation<float>& c, Offset images, bool pairs)
    : images(images),
      vectors((images * c.x.count + kLane - 1) / kLane),
      pairs_(pairs),
      channels_(c.channels),
      columns_(static_cast<Offset>(c.x.taps.size())),
      step_(c.x.in_step),
      start_(c.y.in_start),
      in_step_(c.y.in_step) {
  for (std::size_t k = 0; k < c.y.taps.size(); ++k) {
    span_ = std::max(span_, c.y.shift[k] * c.y.in_step + c.y.phase[k] + 1);
  }
  row_step = std::min(span_, c.y.in_step);
  list_sources(pairs);
  list_views(c);
  list_tiles(c);
}

// Channels in pairs; where one is left, its columns are.
void LinePlan::list_sources(bool pairs) {
  for (Offset c = 0; c < channels_;) {
    const Offset next = pairs && c + 1 < channels_ ? c + 1 : -1;
    const Offset step = pairs && next < 0 ? 2 : 1;
    for (Offset l = 0; l < columns_; l += step) {
      const bool column = step == 2 && l + 1 < columns_;
      sources.push_back({{c, column ? c : next}, {l, column ? l + 1 : l}});
    }
    c += next < 0 ? 1 : 2;
  }
  lines = static_cast<Offset>(sources.size());
}

// The pieces of a vector's images, of a line whose number j stands at start + j step.
View LinePlan::view(const Line& line, Offset vector) const {
  View view;
  const Offset begin = vector * kLane;
  for (Offset i = begin / line.count; i < images && i * line.count < begin + kLane; ++i) {
    const Offset lane = i * line.count - begin;  // of the image's first position
    const Offset first = std::max<Offset>(0, lane + line.first), last = std::min(kLane, lane + line.last);
    if (first >= last) continue;
    const unsigned used = (1u << last) - (1u << first);
    view.push_back({static_cast<__mmask16>(used), i, line.start - lane * line.step});
  }
  return view;
}

void LinePlan::list_views(const Correlation<float>& c) {
  const Line result(c.x.count * c.x.out_step, 0, c.x.out_step, c.x.count);
  for (Offset v = 0; v <= vectors; ++v) {
    Offset most = 1;
    for (std::size_t l = 0; l < c.x.taps.size(); ++l) {
      const Offset start = c.x.in_start + c.x.shift[l] * step_ + c.x.phase[l];
      views_.push_back(view(Line(c.in_x, start, step_, c.x.count), v));
      most = std::max(most, static_cast<Offset>(views_.back().size()));
    }
    pieces_.push_back(most);
    results.push_back(view(result, v));
  }
}

// Rows of the kernel that read neighbouring rows are one run of lines.
void LinePlan::list_tiles(const Correlation<float>& c) {
  const auto reads = [&](std::size_t k) { return c.y.shift[k] * c.y.in_step + c.y.phase[k]; };
  std::vector<std::size_t> order(c.y.taps.size());
  for (std::size_t k = 0; k < order.size(); ++k) order[k] = k;
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return reads(a) < reads(b); });
  for (std::size_t i = 0; i < order.size();) {
    std::vector<std::size_t> run{order[i++]};
    while (i < order.size() && reads(order[i]) == reads(run.back()) + 1) run.push_back(order[i++]);
    add_run(c, run, reads(run[0]) * lines);
  }
}

void LinePlan::add_run(const Correlation<float>& c, const std::vector<std::size_t>& rows, Offset first) {
  const Offset all = lines * static_cast<Offset>(rows.size());
  for (Offset begin = 0; begin < all; begin += 16) {
    LineTile tile{first + begin, {}};
    for (auto& side : tile.weights) std::fill_n(side, 16, -1);
    for (Offset line = begin; line < std::min(all, begin + 16); ++line) {
      const LineSource& source = sources[line % lines];
      for (int s = 0; s < 2; ++s) {
        if (source.channel[s] < 0) continue;
        tile.weights[s][line - begin] =
            static_cast<std::int32_t>(source.channel[s] * c.channel_step +
                                      c.y.taps[rows[line / lines]] * c.kernel_x + c.x.taps[source.column[s]]);
      }
    }
    tiles.push_back(tile);
  }
}

void LinePlan::read(const Planes& x, Offset used, Offset result, Offset rows, Word* to, Offset vector,
                    Offset part) const {
  const Offset all = this->rows(rows), ahead = 2;
  for (Offset r = -ahead; r < all; ++r) {
    if (r + ahead < all) fetch_row(x, used, image_row(result, r + ahead));
    if (r < 0) continue;
    const Offset i = image_row(result, r);
    Word* at = to + r * lines * kLane;
    for (Offset v = 0; v < vectors; v += pairs_ ? 1 : 2, at += vector) {
      if (i >= 0 && i < x.rows) {
        read_row(x, used, i, v, at, part);
      } else {
        clear(at, lines, part);
      }
    }
  }
  for (Offset v = 0; v < vectors; v += pairs_ ? 1 : 2, to += vector)
    clear(to + all * lines * kLane, 15, part);
}

// Rows of many channels lie far apart: no processor sees a pattern in them.
void LinePlan::fetch_row(const Planes& x, Offset used, Offset i) const {
  if (i < 0 || i >= x.rows) return;
  for (Offset image = 0; image < used; ++image) {
    const float* row = x.from + image * x.image + i * x.columns;
    for (Offset channel = 0; channel < channels_; ++channel, row += x.plane) {
      for (Offset j = 0; j < x.columns; j += 16) __builtin_prefetch(row + j, 0, 2);
    }
  }
}

void LinePlan::read_row(const Planes& x, Offset used, Offset i, Offset vector, Word* to, Offset part) const {
  const View* a = &views_[vector * columns_];
  const View* b = pairs_ ? a : a + columns_;
  Planes row = x;
  row.from += i * x.columns;
  const Offset pieces = std::max(pieces_[vector], pairs_ ? 0 : pieces_[vector + 1]);
  const bool simple = pieces <= kMostPieces && columns_ <= kMostColumns && step_ <= 2;
  const Offset n = !simple ? 0 : pairs_ ? channels_ / 2 : channels_;
  if (n > 0) {
    with_constant<kMostPieces>(pieces, [&](auto count) {
      if (step_ == 1) read_channels<1, decltype(count)::value>(row, used, a, b, n, to, part);
      if (step_ == 2) read_channels<2, decltype(count)::value>(row, used, a, b, n, to, part);
    });
  }
  for (Offset line = n * columns_; line < lines; ++line) {
    const LineSource& source = sources[line];
    const Offset other = pairs_ ? source.channel[1] : source.channel[0];
    const Simd<float> p =
        read_view(a[source.column[0]], row.from + source.channel[0] * x.plane, x.image, used);
    const Simd<float> q =
        other < 0 ? Simd<float>{} : read_view(b[source.column[1]], row.from + other * x.plane, x.image, used);
    split_pairs(p, q, to + line * kLane, part);
  }
}

namespace {

// What a mask of lanes takes from memory where lanes are `step` numbers apart.
template <int step>
struct Lanes {
  __mmask16 low = 0, high = 0;

  Lanes() = default;
  explicit Lanes(unsigned used) : low(static_cast<__mmask16>(used)) {
    if (step == 1) return;
    unsigned wide = 0;
    for (int lane = 0; lane < 16; ++lane) wide |= (used >> lane & 1) << (2 * lane);
    low = static_cast<__mmask16>(wide);
    high = static_cast<__mmask16>(wide >> 16);
  }

  Simd<float> load(const float* from) const {
    const __m512 x = _mm512_maskz_loadu_ps(low, from);
    if constexpr (step == 1) return x;
    const __m512i even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
    return _mm512_permutex2var_ps(x, even, _mm512_maskz_loadu_ps(high, from + 16));
  }
};

// Where the pieces of a view lie, in the planes of a channel.
template <int step, int pieces>
struct Column {
  const float* from[pieces];
  Lanes<step> lanes[pieces];

  Column(const View& view, const float* row, Offset image, Offset used) {
    for (int k = 0; k < pieces; ++k) {
      const bool seen = k < static_cast<int>(view.size()) && view[k].image < used;
      lanes[k] = Lanes<step>(seen ? view[k].used : 0);
      from[k] = seen ? row + view[k].image * image + view[k].at : row;
    }
  }
  Column() = default;

  Simd<float> load(Offset channel) const {
    Simd<float> x = lanes[0].load(from[0] + channel);
    for (int k = 1; k < pieces; ++k) x += lanes[k].load(from[k] + channel);
    return x;
  }
};

}  // namespace

// The lines of the first n channels, or pairs of them.
template <int step, int pieces>
void LinePlan::read_channels(const Planes& x, Offset used, const View* a, const View* b, Offset n, Word* to,
                             Offset part) const {
  Column<step, pieces> p[kMostColumns], q[kMostColumns];
  for (Offset l = 0; l < columns_; ++l) {
    p[l] = {a[l], x.from, x.image, used};
    q[l] = {b[l], x.from + (pairs_ ? x.plane : 0), x.image, used};
  }
  const Offset next = pairs_ ? 2 * x.plane : x.plane;
  for (Offset channel = 0; channel < n * next; channel += next) {
    for (Offset l = 0; l < columns_; ++l, to += kLane) {
      split_pairs(p[l].load(channel), q[l].load(channel), to, part);
    }
  }
}

Simd<float> LinePlan::read_view(const View& view, const float* from, Offset image, Offset used) const {
  const __m512i count = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  const __m512i at = _mm512_mullo_epi32(count, _mm512_set1_epi32(static_cast<int>(step_)));
  Simd<float> x{};
  const auto add = [&](const Piece& piece) {
    if (piece.image >= used) return;
    const float* p = from + piece.image * image + piece.at;
    x = step_ == 1 ? _mm512_mask_loadu_ps(x, piece.used, p)
                   : _mm512_mask_i32gather_ps(x, piece.used, at, p, 4);
  };
  for (const Piece& piece : view) add(piece);
  return x;
}

}  // namespace split
}  // namespace eckart
#endif
