#include <pybind11/stl.h>

#include "common.hpp"
#include "eckart/metrics/bootstrap.hpp"
#include "eckart/metrics/ranking.hpp"

namespace eckart::bindings {
namespace {

const char* fault_name(ListFault fault) {
  switch (fault) {
    case ListFault::kOutOfRange:
      return "out of range";
    case ListFault::kAfterPadding:
      return "after padding";
    case ListFault::kDuplicate:
      return "duplicate";
    case ListFault::kNone:
      break;
  }
  return "none";
}

py::tuple metric_names() {
  py::tuple names(static_cast<std::size_t>(kRankingMetrics));
  for (std::size_t i = 0; i < kRankingMetrics; ++i) names[i] = py::str(kRankingMetricNames[i]);
  return names;
}

// None, or (what, row, column) of the first fault.
py::object ranking_fault(const array_t<Index>& lists, Offset n_items, int threads) {
  const auto view = matrix(lists, "lists");
  if (n_items < 0) throw py::value_error("n_items: expected at least 0, got " + std::to_string(n_items));
  RankingFault found;
  run_released(threads, [&](const Execution& run) { found = first_ranking_fault(view, n_items, run); });
  if (found.fault == ListFault::kNone) return py::none();
  return py::make_tuple(fault_name(found.fault), found.row, found.column);
}

template <class T>
array_t<double> ranking(const array_t<Index>& lists, const array_t<Offset>& indptr,
                        const array_t<Index>& indices, const std::optional<array_t<T>>& gains, Offset n_items,
                        Offset k, bool recall_over_min_k, int threads) {
  const auto view = matrix(lists, "lists");
  const auto relevant = csr(indptr, indices, gains, n_items, "relevant");
  check_equal(relevant.n_rows, view.rows, "rows of relevant");
  if (k < 1 || k > view.cols) {
    shape_error("k", "1 to " + std::to_string(view.cols), std::to_string(k));
  }
  array_t<double> out({static_cast<py::ssize_t>(kRankingMetrics), static_cast<py::ssize_t>(view.rows)});
  const auto out_view = mutable_matrix(out, "out");
  run_released(threads, [&](const Execution& run) {
    ranking_metrics(view, relevant, k, recall_over_min_k, out_view, run);
  });
  return out;
}

array_t<double> bootstrap(const array_t<double>& values, const std::optional<array_t<double>>& weights,
                          std::uint64_t seed, Offset n_resamples, int threads) {
  const auto x = matrix(values, "values");
  if (x.rows < 1 || x.rows > INT32_MAX) shape_error("values", "1 to 2**31 - 1 rows", std::to_string(x.rows));
  if (n_resamples < 0) shape_error("n_resamples", "at least 0", std::to_string(n_resamples));
  const double* w = optional_vector(weights, x.rows, "weights");
  array_t<double> means({static_cast<py::ssize_t>(n_resamples), static_cast<py::ssize_t>(x.cols)});
  const auto out = mutable_matrix(means, "means");
  run_released(threads, [&](const Execution& run) { bootstrap_means(x, w, seed, out, run); });
  return means;
}

template <class T>
void bind_ranking(py::module_& m) {
  m.def("ranking_metrics", &ranking<T>, in("lists"), in("indptr"), in("indices"), in("gains"),
        py::arg("n_items"), py::arg("k"), py::arg("recall_over_min_k"), py::arg("threads"));
}

}  // namespace

void bind_metrics(py::module_ m) {
  m.doc() = "Ranking metrics and the bootstrap of their means.";
  m.attr("RANKING_METRICS") = metric_names();
  m.def("ranking_fault", &ranking_fault, in("lists"), py::arg("n_items"), py::arg("threads"));
  bind_ranking<float>(m);
  bind_ranking<double>(m);
  m.def("bootstrap_means", &bootstrap, in("values"), in("weights"), py::arg("seed"), py::arg("n_resamples"),
        py::arg("threads"));
}

}  // namespace eckart::bindings
