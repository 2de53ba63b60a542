#include "eckart/data/integers.hpp"

#include <algorithm>
#include <atomic>
#include <limits>

#include "eckart/base/parallel.hpp"

namespace eckart {
namespace {

constexpr Offset kChunk = 1 << 18;

// Of ids from low to high: is a table over the range cheaper than hashing n of them?
bool is_dense(Offset low, Offset high, Offset n) {
  return static_cast<std::uint64_t>(high) - static_cast<std::uint64_t>(low) <
         4 * static_cast<std::uint64_t>(n) + (1 << 16);
}

// Integers → codes by open addressing with linear probing. A code of -1 marks an empty slot.
class CodeTable {
 public:
  explicit CodeTable(Offset expected) { resize(expected); }

  Index find(Offset key) const { return codes_[slot_of(key)]; }

  // Returns false if the key was there.
  bool insert(Offset key, Index code) {
    std::size_t slot = slot_of(key);
    if (codes_[slot] >= 0) return false;
    keys_[slot] = key;
    codes_[slot] = code;
    if (2 * ++size_ > static_cast<Offset>(keys_.size())) grow();
    return true;
  }

 private:
  std::size_t slot_of(Offset key) const {
    auto slot = static_cast<std::size_t>(static_cast<std::uint64_t>(key) * 0x9E3779B97F4A7C15u >> shift_);
    while (codes_[slot] >= 0 && keys_[slot] != key) slot = (slot + 1) & (keys_.size() - 1);
    return slot;
  }

  void resize(Offset expected) {
    int bits = 8;
    while ((Offset{1} << bits) < 2 * expected + 2) ++bits;
    shift_ = 64 - bits;
    keys_.assign(std::size_t{1} << bits, 0);
    codes_.assign(std::size_t{1} << bits, -1);
  }

  void grow() {
    const auto keys = std::move(keys_);
    const auto codes = std::move(codes_);
    resize(2 * size_);
    for (std::size_t i = 0; i < keys.size(); ++i) {
      if (codes[i] < 0) continue;
      const std::size_t slot = slot_of(keys[i]);
      keys_[slot] = keys[i];
      codes_[slot] = codes[i];
    }
  }

  std::vector<Offset> keys_;
  std::vector<Index> codes_;
  Offset size_ = 0;
  int shift_ = 56;
};

template <class I>
std::pair<Offset, Offset> range_of(const I* ids, Offset n, const Execution& run) {
  std::vector<std::pair<I, I>> ranges((n + kChunk - 1) / kChunk);
  parallel_ranges(n, kChunk, static_cast<double>(n), run, [&](Offset begin, Offset end) {
    I low = ids[begin], high = ids[begin];
    for (Offset i = begin; i < end; ++i) {
      low = std::min(low, ids[i]);
      high = std::max(high, ids[i]);
    }
    ranges[begin / kChunk] = {low, high};
  });
  std::pair<Offset, Offset> all{ranges[0].first, ranges[0].second};
  for (const auto& r : ranges) {
    all = {std::min<Offset>(all.first, r.first), std::max<Offset>(all.second, r.second)};
  }
  return all;
}

template <class I>
std::vector<Offset> distinct_dense(const I* ids, Offset n, Offset low, Offset high, const Execution& run) {
  // Marks are plain stores as far as the processor is concerned; two threads may mark the same id.
  std::vector<std::atomic<std::uint8_t>> seen(static_cast<std::size_t>(high - low + 1));
  parallel_ranges(n, kChunk, 2.0 * static_cast<double>(n), run, [&](Offset begin, Offset end) {
    for (Offset i = begin; i < end; ++i) seen[ids[i] - low].store(1, std::memory_order_relaxed);
  });
  std::vector<Offset> distinct;
  for (std::size_t i = 0; i < seen.size(); ++i) {  // by place, as high may be the last integer there is
    if (seen[i].load(std::memory_order_relaxed)) distinct.push_back(low + static_cast<Offset>(i));
  }
  return distinct;
}

// Each chunk collects what is new to it; what differs between chunks is sorted once.
template <class I>
std::vector<Offset> distinct_sparse(const I* ids, Offset n, const Execution& run) {
  std::vector<std::vector<Offset>> found((n + kChunk - 1) / kChunk);
  parallel_ranges(n, kChunk, 10.0 * static_cast<double>(n), run, [&](Offset begin, Offset end) {
    CodeTable table(0);
    auto& mine = found[begin / kChunk];
    for (Offset i = begin; i < end; ++i) {
      if (table.insert(ids[i], 0)) mine.push_back(ids[i]);
    }
  });
  std::vector<Offset> distinct;
  for (auto& part : found) {
    distinct.insert(distinct.end(), part.begin(), part.end());
    std::vector<Offset>().swap(part);
  }
  std::sort(distinct.begin(), distinct.end());
  distinct.erase(std::unique(distinct.begin(), distinct.end()), distinct.end());
  return distinct;
}

// code_of(id) for every row.
template <class I, class CodeOf>
void encode_each(const I* ids, Offset n, Index* codes, const Execution& run, CodeOf code_of) {
  parallel_ranges(n, kChunk, 4.0 * static_cast<double>(n), run, [&](Offset begin, Offset end) {
    for (Offset i = begin; i < end; ++i) codes[i] = code_of(static_cast<Offset>(ids[i]));
  });
}

}  // namespace

template <class I>
std::vector<Offset> distinct_integers(const I* ids, Offset n, const Execution& run) {
  if (n == 0) return {};
  const auto [low, high] = range_of(ids, n, run);
  return is_dense(low, high, n) ? distinct_dense(ids, n, low, high, run) : distinct_sparse(ids, n, run);
}

template <class I>
void encode_integers(const I* ids, Offset n, const Offset* sorted, Offset n_sorted, Index* codes,
                     const Execution& run) {
  if (n_sorted == 0) {
    std::fill(codes, codes + n, -1);
  } else if (n < n_sorted / 16) {
    encode_each(ids, n, codes, run, [=](Offset id) {
      const Offset* place = std::lower_bound(sorted, sorted + n_sorted, id);
      return place != sorted + n_sorted && *place == id ? static_cast<Index>(place - sorted) : -1;
    });
  } else if (const Offset low = sorted[0], high = sorted[n_sorted - 1];
             is_dense(low, high, std::max(n, n_sorted))) {
    std::vector<Index> table(static_cast<std::size_t>(high - low + 1), -1);
    for (Offset code = 0; code < n_sorted; ++code) table[sorted[code] - low] = static_cast<Index>(code);
    encode_each(ids, n, codes, run, [&](Offset id) { return id < low || id > high ? -1 : table[id - low]; });
  } else {
    CodeTable table(n_sorted);
    for (Offset code = 0; code < n_sorted; ++code) table.insert(sorted[code], static_cast<Index>(code));
    encode_each(ids, n, codes, run, [&](Offset id) { return table.find(id); });
  }
}

#define ECKART_INSTANTIATE(I)                                                         \
  template std::vector<Offset> distinct_integers(const I*, Offset, const Execution&); \
  template void encode_integers(const I*, Offset, const Offset*, Offset, Index*, const Execution&);
ECKART_INSTANTIATE(Index)
ECKART_INSTANTIATE(Offset)

}  // namespace eckart
