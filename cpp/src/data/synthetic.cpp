// Compiled with -ffp-contract=off; everything that computes in floating point is in the unnamed
// namespace, so that no other unit's copy can stand in for it.
#include "eckart/data/synthetic.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>
#include <utility>
#include <vector>

#include "eckart/base/parallel.hpp"
#include "eckart/base/random.hpp"

namespace eckart {
namespace {

enum Substream : std::uint32_t {
  kPairs,
  kUserFactors,
  kItemFactors,
  kNoise,
  kUserOrder,
  kItemOrder,
  kRepair
};

// Spread of the parts: with a factor part of variance 1/4 the whole has a deviation near 0.8 of a star.
constexpr double kUserSpread = 0.4, kItemSpread = 0.5, kFactorVariance = 0.25;

// ln x for a normal x > 0: x = m 2^e with m in [√½, √2), ln m = 2 artanh z = 2 Σ z^(2k+1) / (2k+1)
// with z = (m − 1) / (m + 1), |z| < 0.172: ten terms leave an error below 1e-16.
double natural_log(double x) {
  std::uint64_t bits;
  std::memcpy(&bits, &x, sizeof bits);
  int exponent = static_cast<int>(bits >> 52) - 1022;
  bits = (bits & 0x000FFFFFFFFFFFFFu) | 0x3FE0000000000000u;
  double m;
  std::memcpy(&m, &bits, sizeof m);  // in [½, 1)
  if (m < 0.70710678118654752) {
    m *= 2;
    --exponent;
  }
  const double z = (m - 1) / (m + 1), square = z * z;
  double sum = 0;
  for (int k = 10; k >= 0; --k) sum = sum * square + 1.0 / (2 * k + 1);
  return exponent * 0.69314718055994531 + 2 * z * sum;
}

// Standard normals by Marsaglia's polar method (Marsaglia and Bray 1964).
class Normals {
 public:
  Normals(std::uint64_t seed, Offset row, Substream what)
      : stream_(seed, static_cast<std::uint64_t>(row), what) {}

  double next() {
    if (has_spare_) {
      has_spare_ = false;
      return spare_;
    }
    double x, y, square;
    do {
      x = 2 * stream_.uniform() - 1;
      y = 2 * stream_.uniform() - 1;
      square = x * x + y * y;
    } while (square >= 1 || square == 0);
    const double scale = std::sqrt(-2 * natural_log(square) / square);
    spare_ = y * scale;
    has_spare_ = true;
    return x * scale;
  }

 private:
  RandomStream stream_;
  double spare_ = 0;
  bool has_spare_ = false;
};

// A random order of 0..n-1 (Fisher and Yates): who is active or popular has nothing to do with the code.
std::vector<Index> shuffled(Offset n, std::uint64_t seed, Substream what) {
  std::vector<Index> order(n);
  std::iota(order.begin(), order.end(), 0);
  RandomStream stream(seed, 0, what);
  for (Offset i = n - 1; i > 0; --i) {
    std::swap(order[i], order[stream.below(static_cast<std::uint32_t>(i + 1))]);
  }
  return order;
}

// How many ratings the user of each rank has: clamp(floor(scale · weight), low, high), with the scale
// found by bisection and the few that are left over given to the most active. The sum is n.
std::vector<Offset> activity(const SyntheticSpec& spec) {
  const Offset low = spec.n >= spec.users ? 1 : 0;
  // Hardly anyone rates more than half of everything, where the rest can still be placed.
  const Offset half = (spec.items + 1) / 2;
  const Offset high = 2 * spec.n <= spec.users * half ? half : spec.items;
  const double flat = 1 + static_cast<double>(spec.users) / 400;
  std::vector<Offset> counts(spec.users);
  const auto fill = [&](double scale) {
    Offset total = 0;
    for (Offset r = 0; r < spec.users; ++r) {
      const double wanted = std::min(scale / (static_cast<double>(r) + flat), static_cast<double>(high));
      counts[r] = std::max(low, static_cast<Offset>(wanted));
      total += counts[r];
    }
    return total;
  };
  double below = 0, above = (static_cast<double>(spec.users) + flat) * static_cast<double>(high + 1);
  for (int step = 0; step < 100; ++step) {
    const double middle = below + (above - below) / 2;
    (fill(middle) <= spec.n ? below : above) = middle;
  }
  Offset left = spec.n - fill(below);
  while (left > 0) {
    for (Offset r = 0; r < spec.users && left > 0; ++r) {
      if (counts[r] < high) {
        ++counts[r];
        --left;
      }
    }
  }
  return counts;
}

// Draws distinct items by popularity. Item ranks 0.. are the most popular first.
class ItemSampler {
 public:
  explicit ItemSampler(const SyntheticSpec& spec)
      : items_(spec.items),
        flat_(std::max(1.0, static_cast<double>(spec.n) / static_cast<double>(spec.users))),
        cumulative_(spec.items),
        guide_(spec.items + 1) {
    double total = 0;
    for (Offset r = 0; r < items_; ++r) cumulative_[r] = total += 1 / inverse_weight(r);
    Index rank = 0;  // guide_[g]: the first rank that a draw of g/items of the total can hit
    for (Offset g = 0; g < items_; ++g) {
      const double target = total * (static_cast<double>(g) / static_cast<double>(items_));
      while (rank < items_ - 1 && cumulative_[rank] <= target) ++rank;
      guide_[g] = rank;
    }
  }

  struct Scratch {
    std::vector<Offset> seen;  // per rank: the last user that drew it, plus one
    std::vector<std::pair<double, Index>> keys;
  };

  // Writes `count` distinct ranks. Few are drawn one by one, repetitions thrown away. Many are the
  // smallest of uniform / weight over all items: sequential Poisson sampling (Ohlsson 1998).
  void draw(std::uint64_t seed, Offset user, Offset count, Index* out, Scratch& scratch) const {
    RandomStream stream(seed, static_cast<std::uint64_t>(user), kPairs);
    const double c = static_cast<double>(count);
    if (c * c > 0.5 * flat_ * static_cast<double>(items_) || 16 * count > items_) {
      draw_many(stream, count, out, scratch);
      return;
    }
    scratch.seen.resize(items_, 0);
    for (Offset k = 0; k < count;) {
      const Index rank = draw_one(stream);
      if (scratch.seen[rank] == user + 1) continue;
      scratch.seen[rank] = user + 1;
      out[k++] = rank;
    }
  }

 private:
  double inverse_weight(Offset rank) const {
    const double place = static_cast<double>(rank) + flat_;
    return place * place;
  }

  Index draw_one(RandomStream& stream) const {  // by inversion, with a guide table (Chen and Asau 1974)
    const double uniform = stream.uniform();
    const double target = cumulative_[items_ - 1] * uniform;
    Index rank = guide_[static_cast<Offset>(uniform * static_cast<double>(items_))];
    while (rank > 0 && cumulative_[rank - 1] > target) --rank;
    while (rank < items_ - 1 && cumulative_[rank] <= target) ++rank;
    return rank;
  }

  void draw_many(RandomStream& stream, Offset count, Index* out, Scratch& scratch) const {
    scratch.keys.clear();
    for (Offset r = 0; r < items_; ++r) {
      scratch.keys.emplace_back(stream.uniform() * inverse_weight(r), static_cast<Index>(r));
    }
    if (count < items_) {
      std::nth_element(scratch.keys.begin(), scratch.keys.begin() + count, scratch.keys.end());
    }
    for (Offset k = 0; k < count; ++k) out[k] = scratch.keys[k].second;
  }

  Offset items_;
  double flat_;
  std::vector<double> cumulative_;
  std::vector<Index> guide_;
};

// Gives every item that nobody rated the place of a rating whose item has others. A place that is
// passed over can never serve later (counts only fall), so one walk over all places is enough; a step
// that shares no divisor with n visits each once, in no order of users.
void rate_every_item(const SyntheticSpec& spec, const std::vector<Offset>& indptr,
                     const SyntheticRatings& out) {
  std::vector<Offset> counts(spec.items, 0);
  for (Offset p = 0; p < spec.n; ++p) ++counts[out.item_index[p]];
  RandomStream stream(spec.seed, 0, kRepair);
  Offset step = static_cast<Offset>(0.618 * static_cast<double>(spec.n)) + 1;
  while (std::gcd(step, spec.n) != 1) ++step;
  Offset place = static_cast<Offset>(stream.bits64() % static_cast<std::uint64_t>(spec.n));
  std::vector<Index> changed;
  for (Offset item = 0; item < spec.items; ++item) {
    if (counts[item] > 0) continue;
    while (counts[out.item_index[place]] < 2) place = (place + step) % spec.n;
    --counts[out.item_index[place]];
    out.item_index[place] = static_cast<Index>(item);
    counts[item] = 1;
    changed.push_back(out.user_index[place]);
  }
  std::sort(changed.begin(), changed.end());
  changed.erase(std::unique(changed.begin(), changed.end()), changed.end());
  for (Index u : changed) std::sort(out.item_index + indptr[u], out.item_index + indptr[u + 1]);
}

void fill_parameters(const SyntheticSpec& spec, Offset rows, Substream what, double spread, double* factors,
                     double* biases, const Execution& run) {
  const double rank = static_cast<double>(spec.rank);
  const double scale = std::sqrt(std::sqrt(kFactorVariance / rank));  // Var(u·v) = rank · scale⁴
  parallel_ranges(rows, 256, 50.0 * static_cast<double>(rows) * (rank + 1), run,
                  [&](Offset begin, Offset end) {
                    for (Offset i = begin; i < end; ++i) {
                      Normals normals(spec.seed, i, what);
                      biases[i] = spread * normals.next();
                      for (Offset k = 0; k < spec.rank; ++k)
                        factors[i * spec.rank + k] = scale * normals.next();
                    }
                  });
}

double on_scale(double value, const SyntheticSpec& spec) {
  if (spec.step <= 0) return value;
  return std::clamp(spec.step * std::floor(value / spec.step + 0.5), spec.step, spec.highest);
}

void rate(const SyntheticSpec& spec, Offset user, Offset begin, Offset end, const SyntheticRatings& out) {
  Normals noise(spec.seed, user, kNoise);
  const double* u = out.user_factors + user * spec.rank;
  for (Offset p = begin; p < end; ++p) {
    const double* v = out.item_factors + out.item_index[p] * spec.rank;
    double product = 0;
    for (Offset k = 0; k < spec.rank; ++k) product += u[k] * v[k];
    const double value = spec.mean + out.user_biases[user] + out.item_biases[out.item_index[p]] + product;
    out.values[p] = static_cast<float>(on_scale(value + spec.noise * noise.next(), spec));
  }
}

}  // namespace

void make_ratings(const SyntheticSpec& spec, const SyntheticRatings& out, const Execution& run) {
  fill_parameters(spec, spec.users, kUserFactors, kUserSpread, out.user_factors, out.user_biases, run);
  fill_parameters(spec, spec.items, kItemFactors, kItemSpread, out.item_factors, out.item_biases, run);
  if (spec.n == 0) return;
  const auto user_of = shuffled(spec.users, spec.seed, kUserOrder);
  const auto item_of = shuffled(spec.items, spec.seed, kItemOrder);
  const auto counts = activity(spec);
  std::vector<Offset> indptr(spec.users + 1, 0);
  for (Offset r = 0; r < spec.users; ++r) indptr[user_of[r] + 1] = counts[r];
  for (Offset u = 0; u < spec.users; ++u) indptr[u + 1] += indptr[u];

  const ItemSampler sampler(spec);
  const auto bounds = balanced_chunks(indptr.data(), spec.users, 1 << 13);
  const Offset n_chunks = static_cast<Offset>(bounds.size()) - 1;
  const double work = 100.0 * static_cast<double>(spec.n);
  parallel_for(
      n_chunks, work, run, [] { return ItemSampler::Scratch{}; },
      [&](ItemSampler::Scratch& scratch, Offset c) {
        for (Offset u = bounds[c]; u < bounds[c + 1]; ++u) {
          Index* row = out.item_index + indptr[u];
          Index* end = out.item_index + indptr[u + 1];
          sampler.draw(spec.seed, u, end - row, row, scratch);
          for (Index* item = row; item < end; ++item) *item = item_of[*item];
          std::sort(row, end);
          std::fill(out.user_index + indptr[u], out.user_index + indptr[u + 1], static_cast<Index>(u));
        }
      });
  if (spec.n >= spec.items) rate_every_item(spec, indptr, out);
  parallel_for(
      n_chunks, work, run, [] { return NoScratch{}; },
      [&](NoScratch&, Offset c) {
        for (Offset u = bounds[c]; u < bounds[c + 1]; ++u) rate(spec, u, indptr[u], indptr[u + 1], out);
      });
}

}  // namespace eckart
