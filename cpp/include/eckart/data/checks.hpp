// What is asked of arrays from outside before any kernel trusts them. Each check answers with the
// first place that breaks the rule, or -1: the same place on any number of threads.
#pragma once

#include "eckart/base/csr.hpp"
#include "eckart/base/interrupt.hpp"
#include "eckart/base/types.hpp"

namespace eckart {

// First i with indices[i] outside [0, bound).   Cost: n reads.
Offset first_out_of_range(const Index* indices, Offset n, Offset bound, const Execution& run);

// First i with values[i] NaN or infinite.   Cost: n reads.
template <class T>
Offset first_not_finite(const T* values, Offset n, const Execution& run);

// First row whose pointers fall, or whose indices fall or leave [0, n_cols). Row pointers must begin
// at 0 and end at n_stored, otherwise the answer is row 0. `n_stored` is the length of `indices`.
Offset first_bad_row(const Offset* indptr, const Index* indices, Offset n_rows, Offset n_cols,
                     Offset n_stored, const Execution& run);

// First i whose string is not greater, byte by byte, than that of i - 1. String i is
// bytes[offsets[i], offsets[i + 1]); the offsets must be valid.
Offset first_not_rising(const std::uint8_t* bytes, const Offset* offsets, Offset n, const Execution& run);

// Do the n places hold every number of [0, n) once?   Cost: n random writes of a byte.
template <class I>
bool is_permutation(const I* places, Offset n, const Execution& run);

}  // namespace eckart
