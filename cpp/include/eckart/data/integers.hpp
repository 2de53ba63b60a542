// Integer ids → codes: the distinct ids of a column in rising order, and the place of every row's id
// among them. Both answers are unique, so neither chunks nor threads show in them. Ids that lie densely
// go through a table over their range, others through a hash table.
#pragma once

#include <vector>

#include "eckart/base/interrupt.hpp"
#include "eckart/base/types.hpp"

namespace eckart {

// The distinct ids, rising. Cost: n marks in a table over the range, or n hashes and a sort of those
// that differ.
template <class I>
std::vector<Offset> distinct_integers(const I* ids, Offset n, const Execution& run);

// codes[i] = the place of ids[i] in `sorted` (n_sorted distinct ids, rising), or -1.
// Cost: n + n_sorted look-ups; n log n_sorted where n is much the smaller.
template <class I>
void encode_integers(const I* ids, Offset n, const Offset* sorted, Offset n_sorted, Index* codes,
                     const Execution& run);

}  // namespace eckart
