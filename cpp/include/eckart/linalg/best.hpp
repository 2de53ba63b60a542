// The k best of a stream of scored ids. Ties: the lower id is better.
#pragma once

#include <algorithm>
#include <limits>
#include <vector>

#include "eckart/base/types.hpp"

namespace eckart {

template <class T>
struct Entry {
  T score;
  Index id;
  bool better_than(const Entry& o) const { return score > o.score || (score == o.score && id < o.id); }
};

// A heap with the worst of the best at its front.
template <class T>
class Best {
 public:
  void reset(Offset k) {
    k_ = k;
    entries_.clear();
    entries_.reserve(static_cast<std::size_t>(k));
    threshold_ = -std::numeric_limits<T>::infinity();
  }
  // A score below this cannot enter; one equal to it only where its id is the lower one.
  T threshold() const { return threshold_; }
  Offset size() const { return static_cast<Offset>(entries_.size()); }

  // For ids that come in any order.
  void offer(Entry<T> entry) {
    if (size() < k_ || entry.better_than(entries_.front())) push(entry);
  }
  // For an entry that is known to enter: ids that rise need only a score above the threshold.
  void push(Entry<T> entry) {
    if (size() == k_) {
      replace_front(entry);
    } else {
      entries_.push_back(entry);
      std::push_heap(entries_.begin(), entries_.end(), compare);
    }
    if (size() == k_) threshold_ = entries_.front().score;
  }
  // Best first; where fewer than k came, the id is -1 and the score -infinity.
  void write(Index* ids, T* scores) {
    std::sort_heap(entries_.begin(), entries_.end(), compare);
    for (Offset j = 0; j < k_; ++j) {
      ids[j] = j < size() ? entries_[j].id : -1;
      scores[j] = j < size() ? entries_[j].score : -std::numeric_limits<T>::infinity();
    }
  }

 private:
  // One way down instead of the two of pop_heap and push_heap.
  void replace_front(Entry<T> entry) {
    Offset hole = 0;
    for (Offset child = 1; child < k_; child = 2 * hole + 1) {
      if (child + 1 < k_ && entries_[child].better_than(entries_[child + 1])) ++child;  // the worse one
      if (!entry.better_than(entries_[child])) break;
      entries_[hole] = entries_[child];
      hole = child;
    }
    entries_[hole] = entry;
  }

  static bool compare(const Entry<T>& a, const Entry<T>& b) { return a.better_than(b); }
  Offset k_ = 0;
  T threshold_ = 0;
  std::vector<Entry<T>> entries_;
};

}  // namespace eckart
