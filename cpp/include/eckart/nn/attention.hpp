// Scaled dot-product attention, fused: Y = softmax(Q K' scale + mask) V for every head (Vaswani et al. 2017).
//
// Scores exist only for a block of queries and keys at a time and stay in the second-level cache; a running
// maximum and sum make the softmax of a row whole (Milakov and Gimelshein 2018; Dao et al. 2022). Only the
// logarithm of each row's sum is kept, and the scores are computed again on the way back. Blocks of keys that
// a causal or other mask hides from all queries of a block are left out. float32 goes to the matrix unit
// where there is one (linalg/split_tiles.hpp).
#pragma once

#include "eckart/base/interrupt.hpp"
#include "eckart/base/types.hpp"

namespace eckart {

// Rows of the heads of a batch, of contiguous numbers: row t of head h of example b.
template <class T>
struct Heads {
  T* data = nullptr;
  Offset batch = 0, head = 0, row = 0;  // steps, in numbers

  T* at(Offset b, Offset h) const { return data + b * batch + h * head; }
};

// Numbers that are added to the scores, -infinity for what must not be seen. Steps may be 0.
template <class T>
struct Mask {
  const T* data = nullptr;  // null: none
  Offset batch = 0, head = 0, row = 0, column = 0;
};

template <class T>
struct Attention {
  Offset batch = 0, heads = 0, queries = 0, keys = 0;
  Offset width = 0, value_width = 0;  // of a query and key, of a value
  double scale = 1;
  bool causal = false;  // query t sees keys 0 to t
  Heads<const T> q, k, v;
  Mask<T> mask;
};

// y (queries, value_width) of each head; lse (batch, heads, queries): the logarithm of the sum of
// exponentials, infinity for a query that sees nothing, whose y is 0. Cost: 2 queries keys (width +
// value_width) flop a head.
template <class T>
void attend(const Attention<T>& a, const Heads<T>& y, T* lse, const Execution& run);

// The gradients of q, k and v from that of y. Cost: 2.5 times the above where the widths are equal.
template <class T>
void attend_backward(const Attention<T>& a, const Heads<const T>& y, const T* lse, const Heads<const T>& dy,
                     const Heads<T>& dq, const Heads<T>& dk, const Heads<T>& dv, const Execution& run);

}  // namespace eckart
