#include "common.hpp"

namespace eckart::bindings {

void bind_data(py::module_ m) { m.doc() = "data"; }

}  // namespace eckart::bindings
