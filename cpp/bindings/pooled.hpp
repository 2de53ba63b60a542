// Arrays whose memory comes from the pool and goes back to it: what every binding of `nn` returns.
#pragma once

#include <vector>

#include "common.hpp"
#include "eckart/base/buffer_pool.hpp"

namespace eckart::bindings {

namespace detail {

inline void give_back(PyObject* capsule) {
  void* block = PyCapsule_GetPointer(capsule, nullptr);
  BufferPool::shared().give_back(block, reinterpret_cast<std::size_t>(PyCapsule_GetContext(capsule)));
}

}  // namespace detail

// Uninitialised, C-contiguous.
inline py::array pooled_array(const py::dtype& dtype, const std::vector<Offset>& shape) {
  std::size_t bytes = static_cast<std::size_t>(dtype.itemsize());
  for (Offset n : shape) bytes *= static_cast<std::size_t>(n);
  void* block = BufferPool::shared().take(bytes);
  PyObject* capsule = PyCapsule_New(block, nullptr, &detail::give_back);
  if (!capsule) {
    BufferPool::shared().give_back(block, bytes);
    throw py::error_already_set();
  }
  PyCapsule_SetContext(capsule, reinterpret_cast<void*>(bytes));
  return py::array(dtype, shape, block, py::reinterpret_steal<py::object>(capsule));
}

template <class T>
array_t<T> pooled_array(const std::vector<Offset>& shape) {
  return py::reinterpret_steal<array_t<T>>(pooled_array(py::dtype::of<T>(), shape).release());
}

// The caller's array where one is given, which must fit, else a new one.
template <class T>
array_t<T> target_array(const std::optional<array_t<T>>& given, const std::vector<Offset>& shape,
                        const char* name) {
  if (!given) return pooled_array<T>(shape);
  bool fits = given->ndim() == static_cast<py::ssize_t>(shape.size()) && given->writeable();
  for (std::size_t i = 0; fits && i < shape.size(); ++i) fits = given->shape(i) == shape[i];
  if (!fits) shape_error(name, "a writeable array of the result's shape", "another");
  return *given;
}

}  // namespace eckart::bindings
