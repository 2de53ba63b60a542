// One extension module per instruction set; each family registers its functions in a submodule.
#include <pybind11/pybind11.h>

namespace py = pybind11;

namespace eckart::bindings {
void bind_base(py::module_ m);
void bind_linalg(py::module_ m);
void bind_linalg_products(py::module_ m);
void bind_data(py::module_ m);
void bind_metrics(py::module_ m);
void bind_completion(py::module_ m);
void bind_decomposition_nmf(py::module_ m);
void bind_nn(py::module_ m);
void bind_nn_convolution(py::module_ m);
void bind_nn_local(py::module_ m);
void bind_nn_pooling(py::module_ m);
}  // namespace eckart::bindings

PYBIND11_MODULE(ECKART_MODULE, m) {
  using namespace eckart::bindings;
  m.doc() = "Native kernels of eckart for one instruction set.";
  bind_base(m.def_submodule("base"));
  auto linalg = m.def_submodule("linalg");
  bind_linalg(linalg);
  bind_linalg_products(linalg);
  bind_data(m.def_submodule("data"));
  bind_metrics(m.def_submodule("metrics"));
  bind_completion(m.def_submodule("completion"));
  bind_decomposition_nmf(m.def_submodule("decomposition"));
  auto nn = m.def_submodule("nn");
  bind_nn(nn);
  bind_nn_convolution(nn);
  bind_nn_local(nn);
  bind_nn_pooling(nn);
}
