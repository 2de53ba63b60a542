#include "common.hpp"

namespace eckart::bindings {

void bind_linalg(py::module_ m) { m.doc() = "linalg"; }

}  // namespace eckart::bindings
