#include "eckart/completion/predict.hpp"

#include "eckart/base/math.hpp"
#include "eckart/base/parallel.hpp"

namespace eckart {

template <class T>
void predict_pairs(const FactorModel<T>& model, const Index* users, const Index* items, Offset n_pairs,
                   T* out, const Execution& run) {
  const Offset rank = model.users.cols;
  parallel_ranges(n_pairs, 4096, 4.0 * n_pairs * (rank + 4), run, [&](Offset begin, Offset end) {
    for (Offset p = begin; p < end; ++p) {
      const Index u = users[p];
      const Index i = items[p];
      T value = model.mean;
      if (u >= 0 && model.user_bias) value += model.user_bias[u];
      if (i >= 0 && model.item_bias) value += model.item_bias[i];
      if (u >= 0 && i >= 0) value += dot(model.users.row(u), model.items.row(i), rank);
      out[p] = value;
    }
  });
}

template void predict_pairs(const FactorModel<float>&, const Index*, const Index*, Offset, float*,
                            const Execution&);
template void predict_pairs(const FactorModel<double>&, const Index*, const Index*, Offset, double*,
                            const Execution&);

}  // namespace eckart
