// Predictions of a factor model for single (user, item) pairs.
#pragma once

#include "eckart/base/interrupt.hpp"
#include "eckart/base/types.hpp"

namespace eckart {

template <class T>
struct FactorModel {
  MatrixView<const T> users;     // (n_users, rank)
  MatrixView<const T> items;     // (n_items, rank)
  const T* user_bias = nullptr;  // (n_users) or null
  const T* item_bias = nullptr;  // (n_items) or null
  T mean = 0;
};

// out[p] = mean + b_u + b_i + <u, v> of pair p; an id of -1 is unknown and adds nothing.
template <class T>
void predict_pairs(const FactorModel<T>& model, const Index* users, const Index* items, Offset n_pairs,
                   T* out, const Execution& run);

}  // namespace eckart
