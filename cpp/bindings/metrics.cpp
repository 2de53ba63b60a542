#include "common.hpp"

namespace eckart::bindings {

void bind_metrics(py::module_ m) { m.doc() = "metrics"; }

}  // namespace eckart::bindings
