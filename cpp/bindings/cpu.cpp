// The module _cpu: says what this processor can run, before any variant is loaded.
#include <pybind11/pybind11.h>

#include "cpu_levels.hpp"

namespace py = pybind11;

PYBIND11_MODULE(_cpu, m) {
  m.doc() = "What this processor can run.";
  m.def("supported_levels", [] {
    py::list result;
    for (const char* const* level = eckart::supported_levels(); *level; ++level) result.append(*level);
    return py::tuple(result);
  });
}
