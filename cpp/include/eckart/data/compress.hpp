// Triples (row, column, value) in any order → compressed rows: a stable counting sort by row, then
// a sort of each row by column. A stable sort has one answer, so neither chunks nor threads show in it.
#pragma once

#include "eckart/base/interrupt.hpp"
#include "eckart/base/types.hpp"

namespace eckart {

template <class T>
struct Triples {  // n entries; values may be null (a mere pattern)
  const Index* rows;
  const Index* cols;
  const T* values;
  Offset n;
};

template <class T>
struct Compressed {
  Offset* indptr;  // (n_rows + 1)
  Index* indices;  // (n), never falling within a row
  T* values;       // (n), or null as in the triples
  Offset* order;   // (n): stored entry p is triple order[p]; equal pairs keep the order of the triples
};

// Returns how many entries repeat the pair before them (0: all pairs are distinct). The rows must lie
// in [0, n_rows). Cost: n + n_rows, and s log s for a row of s entries whose columns come unsorted.
template <class T>
Offset compress(const Triples<T>& triples, Offset n_rows, const Compressed<T>& out, const Execution& run);

}  // namespace eckart
