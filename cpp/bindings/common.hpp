// What every binding shares: the array types of the boundary (named once, here), shape checks and
// the release of the GIL.
//
// A binding does five things: check shapes, allocate the output, release the GIL, run the kernel
// on raw buffers, return. Meaning was checked in Python before; here it is memory that is safe.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include "eckart/base/csr.hpp"
#include "eckart/base/interrupt.hpp"
#include "eckart/base/types.hpp"

namespace eckart::bindings {

namespace py = pybind11;

// C-contiguous, of exactly this dtype: with noconvert() another layout or type is a TypeError.
template <class T>
using array_t = py::array_t<T, py::array::c_style>;

// The arguments of every kernel that are no data.
inline py::arg in(const char* name) { return py::arg(name).noconvert(); }

[[noreturn]] inline void shape_error(const char* name, const std::string& expected, const std::string& came) {
  throw py::value_error(std::string(name) + ": expected " + expected + ", got " + came);
}

template <class T>
void check_vector(const array_t<T>& a, Offset n, const char* name) {
  if (a.ndim() != 1 || a.shape(0) != n) {
    shape_error(name, "a vector of length " + std::to_string(n),
                std::to_string(a.ndim()) + " dimension(s) of " + std::to_string(a.size()) + " entries");
  }
}

template <class T>
const T* vector(const array_t<T>& a, Offset n, const char* name) {
  check_vector(a, n, name);
  return a.data();
}

template <class T>
const T* optional_vector(const std::optional<array_t<T>>& a, Offset n, const char* name) {
  return a ? vector(*a, n, name) : nullptr;
}

template <class T>
T* mutable_vector(array_t<T>& a, Offset n, const char* name) {
  check_vector(a, n, name);
  return a.mutable_data();
}

template <class T>
MatrixView<const T> matrix(const array_t<T>& a, const char* name) {
  if (a.ndim() != 2) shape_error(name, "a matrix", std::to_string(a.ndim()) + " dimension(s)");
  return {a.data(), a.shape(0), a.shape(1)};
}

template <class T>
MatrixView<T> mutable_matrix(array_t<T>& a, const char* name) {
  if (a.ndim() != 2) shape_error(name, "a matrix", std::to_string(a.ndim()) + " dimension(s)");
  return {a.mutable_data(), a.shape(0), a.shape(1)};
}

inline void check_equal(Offset a, Offset b, const char* what) {
  if (a != b) shape_error(what, std::to_string(a), std::to_string(b));
}

// Indices were range-checked once, when the container was built; lengths are checked at each call.
template <class T>
CsrView<T> csr(const array_t<Offset>& indptr, const array_t<Index>& indices,
               const std::optional<array_t<T>>& values, Offset n_cols, const char* name) {
  if (indptr.ndim() != 1 || indptr.shape(0) < 1) shape_error(name, "row pointers", "none");
  const Offset n_rows = indptr.shape(0) - 1;
  const Offset n_stored = indptr.data()[n_rows];
  check_vector(indices, n_stored, name);
  return {n_rows, n_cols, indptr.data(), indices.data(), optional_vector(values, n_stored, name)};
}

// What must not appear in the list of each row; no row pointers: nothing.
template <class T>
std::optional<CsrView<T>> excluded(const std::optional<array_t<Offset>>& indptr,
                                   const std::optional<array_t<Index>>& indices, Offset n_rows,
                                   Offset n_items) {
  if (!indptr) return std::nullopt;
  if (!indices) shape_error("exclude", "indices beside the row pointers", "none");
  const auto view = csr<T>(*indptr, *indices, std::nullopt, n_items, "exclude");
  check_equal(view.n_rows, n_rows, "rows of exclude and rows");
  return view;
}

inline bool python_has_signal() {
  py::gil_scoped_acquire hold;
  return PyErr_CheckSignals() != 0;
}

// Runs kernel(Execution) without the GIL. An interrupt has already set Python's error.
template <class Kernel>
void run_released(int threads, Kernel&& kernel) {
  if (threads < 1) throw py::value_error("threads: expected at least 1, got " + std::to_string(threads));
  StopFlag stop(&python_has_signal);
  bool interrupted = false;
  {
    py::gil_scoped_release release;
    try {
      std::forward<Kernel>(kernel)(Execution{threads, &stop});
    } catch (const Interrupted&) {
      interrupted = true;
    }
  }
  if (interrupted) throw py::error_already_set();
}

}  // namespace eckart::bindings
