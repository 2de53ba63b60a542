#include <pybind11/stl.h>

#include <limits>

#include "common.hpp"
#include "eckart/data/checks.hpp"
#include "eckart/data/compress.hpp"
#include "eckart/data/integers.hpp"
#include "eckart/data/synthetic.hpp"

namespace eckart::bindings {
namespace {

Offset check_indices(const array_t<Index>& indices, Offset bound, int threads) {
  const Offset n = indices.size();
  const Index* data = vector(indices, n, "indices");
  Offset place = -1;
  run_released(threads, [&](const Execution& run) { place = first_out_of_range(data, n, bound, run); });
  return place;
}

// Kernels trust the indices of a compressed matrix, so here is where they are looked at.
void require_in_range(const array_t<Index>& indices, Offset bound, int threads, const char* name) {
  const Offset place = check_indices(indices, bound, threads);
  if (place >= 0) {
    shape_error(name, "indices in [0, " + std::to_string(bound) + ")",
                std::to_string(indices.data()[place]) + " at position " + std::to_string(place));
  }
}

Offset bad_row(const array_t<Offset>& indptr, const array_t<Index>& indices, Offset n_cols, int threads) {
  if (indptr.ndim() != 1 || indptr.shape(0) < 1) shape_error("indptr", "row pointers", "none");
  check_vector(indices, indices.size(), "indices");
  Offset place = -1;
  run_released(threads, [&](const Execution& run) {
    place = first_bad_row(indptr.data(), indices.data(), indptr.shape(0) - 1, n_cols, indices.shape(0), run);
  });
  return place;
}

Offset strings_not_rising(const array_t<std::uint8_t>& bytes, const array_t<Offset>& offsets, int threads) {
  if (offsets.ndim() != 1 || offsets.shape(0) < 1) shape_error("offsets", "a vector", "none");
  const Offset n = offsets.shape(0) - 1, n_bytes = bytes.size();
  const Offset* at = offsets.data();
  bool good = at[0] == 0 && at[n] == n_bytes;
  for (Offset i = 0; i < n && good; ++i) good = at[i] <= at[i + 1];
  if (!good) shape_error("offsets", "a rise from 0 to " + std::to_string(n_bytes), "something else");
  const std::uint8_t* text = vector(bytes, n_bytes, "bytes");
  Offset place = -1;
  run_released(threads, [&](const Execution& run) { place = first_not_rising(text, at, n, run); });
  return place;
}

py::object sorted_row_pointers(const array_t<Index>& rows, const array_t<Index>& cols, Offset n_rows,
                               int threads) {
  const Offset n = rows.size();
  const Index *row_data = vector(rows, n, "rows"), *col_data = vector(cols, n, "cols");
  if (n_rows < 0) shape_error("n_rows", "a size", "a negative number");
  require_in_range(rows, n_rows, threads, "rows");
  array_t<Offset> indptr(n_rows + 1);
  Offset* out = indptr.mutable_data();
  bool in_order = false;
  run_released(threads, [&](const Execution& run) {
    in_order = row_pointers(row_data, col_data, n, n_rows, out, run);
  });
  return in_order ? py::object(indptr) : py::none();
}

Offset repeated_entries(const array_t<Offset>& indptr, const array_t<Index>& indices, int threads) {
  const auto rows = csr<float>(indptr, indices, std::nullopt, 0, "indices");
  Offset repeated = 0;
  run_released(threads, [&](const Execution& run) {
    repeated = count_repeated(rows.indptr, rows.indices, rows.n_rows, run);
  });
  return repeated;
}

// (indptr, indices, values) of n_rows rows with room for n entries, and where a kernel puts them.
template <class T>
struct NewRows {
  array_t<Offset> indptr;
  array_t<Index> indices;
  std::optional<array_t<T>> values;

  NewRows(Offset n_rows, Offset n, bool with_values) : indptr(n_rows + 1), indices(n) {
    if (with_values) values.emplace(n);
  }
  Compressed<T> view() {
    return {indptr.mutable_data(), indices.mutable_data(), values ? values->mutable_data() : nullptr};
  }
  py::tuple tuple() const { return py::make_tuple(indptr, indices, values); }
};

template <class T>
py::tuple compress_triples(const array_t<Index>& rows, const array_t<Index>& cols,
                           const std::optional<array_t<T>>& values, Offset n_rows, Offset n_cols,
                           int threads) {
  const Offset n = rows.size();
  const Triples<T> triples{vector(rows, n, "rows"), vector(cols, n, "cols"),
                           optional_vector(values, n, "values"), n};
  if (n_rows < 0 || n_cols < 0) shape_error("n_rows, n_cols", "sizes", "a negative number");
  require_in_range(rows, n_rows, threads, "rows");
  require_in_range(cols, n_cols, threads, "cols");
  NewRows<T> scratch(n_cols, n, values.has_value()), out(n_rows, n, values.has_value());
  const Compressed<T> by_col = scratch.view(), by_row = out.view();
  run_released(threads,
               [&](const Execution& run) { compress(triples, by_col, n_cols, by_row, n_rows, run); });
  return out.tuple();
}

template <class T>
py::tuple transpose_rows(const array_t<Offset>& indptr, const array_t<Index>& indices,
                         const std::optional<array_t<T>>& values, Offset n_cols, int threads) {
  const CsrView<T> in = csr(indptr, indices, values, n_cols, "indices");
  if (n_cols < 0) shape_error("n_cols", "a size", "a negative number");
  require_in_range(indices, n_cols, threads, "indices");
  NewRows<T> out(n_cols, indices.size(), values.has_value());
  const Compressed<T> view = out.view();
  run_released(threads, [&](const Execution& run) { transpose(in, view, run); });
  return out.tuple();
}

template <class I>
bool permutation(const array_t<I>& places, int threads) {
  const Offset n = places.size();
  const I* data = vector(places, n, "places");
  bool good = false;
  run_released(threads, [&](const Execution& run) { good = is_permutation(data, n, run); });
  return good;
}

template <class I>
array_t<Offset> distinct_ids(const array_t<I>& ids, int threads) {
  const Offset n = ids.size();
  const I* data = vector(ids, n, "ids");
  std::vector<Offset> found;
  run_released(threads, [&](const Execution& run) { found = distinct_integers(data, n, run); });
  return array_t<Offset>(static_cast<Offset>(found.size()), found.data());
}

template <class I>
array_t<Index> encode_ids(const array_t<I>& ids, const array_t<Offset>& sorted, int threads) {
  const Offset n = ids.size(), n_sorted = sorted.size();
  const I* data = vector(ids, n, "ids");
  const Offset* known = vector(sorted, n_sorted, "sorted");
  if (n_sorted > std::numeric_limits<Index>::max()) shape_error("sorted", "at most 2**31 - 1 ids", "more");
  array_t<Index> codes(n);
  Index* out = codes.mutable_data();
  run_released(threads, [&](const Execution& run) { encode_integers(data, n, known, n_sorted, out, run); });
  return codes;
}

template <class I>
void bind_integers(py::module_& m) {
  m.def("is_permutation", &permutation<I>, in("places"), py::arg("threads"));
  m.def("distinct_integers", &distinct_ids<I>, in("ids"), py::arg("threads"));
  m.def("encode_integers", &encode_ids<I>, in("ids"), in("sorted"), py::arg("threads"));
}

template <class T>
void bind_compressed(py::module_& m) {
  m.def("compress", &compress_triples<T>, in("rows"), in("cols"), in("values"), py::arg("n_rows"),
        py::arg("n_cols"), py::arg("threads"));
  m.def("transpose", &transpose_rows<T>, in("indptr"), in("indices"), in("values"), py::arg("n_cols"),
        py::arg("threads"));
}

template <class T>
void bind_typed(py::module_& m) {
  m.def(
      "first_not_finite",
      [](const array_t<T>& values, int threads) {
        const Offset n = values.size();
        const T* data = vector(values, n, "values");
        Offset place = -1;
        run_released(threads, [&](const Execution& run) { place = first_not_finite(data, n, run); });
        return place;
      },
      in("values"), py::arg("threads"));
}

py::tuple synthetic(Offset users, Offset items, Offset n, Offset rank, double mean, double noise, double step,
                    double highest, std::uint64_t seed, int threads) {
  const Offset largest = std::numeric_limits<Index>::max();
  if (users < 1 || items < 1 || users > largest || items > largest || n < 0 || n > users * items ||
      rank < 1) {
    shape_error("users, items, n, rank", "positive sizes and n <= users * items", "others");
  }
  const SyntheticSpec spec{users, items, n, rank, mean, noise, step, highest, seed};
  array_t<Index> user_index(n), item_index(n);
  array_t<float> values(n);
  array_t<double> user_factors({users, rank}), item_factors({items, rank}), user_biases(users),
      item_biases(items);
  const SyntheticRatings out{user_index.mutable_data(),   item_index.mutable_data(),
                             values.mutable_data(),       user_factors.mutable_data(),
                             item_factors.mutable_data(), user_biases.mutable_data(),
                             item_biases.mutable_data()};
  run_released(threads, [&](const Execution& run) { make_ratings(spec, out, run); });
  return py::make_tuple(user_index, item_index, values, user_factors, item_factors, user_biases, item_biases);
}

}  // namespace

void bind_data(py::module_ m) {
  m.doc() = "Checks of arrays from outside, triples to compressed rows, synthetic ratings.";
  m.def("first_out_of_range", &check_indices, in("indices"), py::arg("bound"), py::arg("threads"));
  m.def("first_bad_row", &bad_row, in("indptr"), in("indices"), py::arg("n_cols"), py::arg("threads"));
  m.def("first_not_rising", &strings_not_rising, in("bytes"), in("offsets"), py::arg("threads"));
  bind_typed<float>(m);
  bind_typed<double>(m);
  m.def("row_pointers", &sorted_row_pointers, in("rows"), in("cols"), py::arg("n_rows"), py::arg("threads"));
  m.def("count_repeated", &repeated_entries, in("indptr"), in("indices"), py::arg("threads"));
  bind_integers<Index>(m);
  bind_integers<Offset>(m);
  bind_compressed<float>(m);
  bind_compressed<double>(m);
  bind_compressed<Index>(m);
  bind_compressed<Offset>(m);
  m.def("make_ratings", &synthetic, py::arg("users"), py::arg("items"), py::arg("n"), py::arg("rank"),
        py::arg("mean"), py::arg("noise"), py::arg("step"), py::arg("highest"), py::arg("seed"),
        py::arg("threads"));
}

}  // namespace eckart::bindings
