#include "common.hpp"

namespace eckart::bindings {

void bind_completion(py::module_ m) { m.doc() = "completion"; }

}  // namespace eckart::bindings
