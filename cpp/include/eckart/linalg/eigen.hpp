// Eigen as this core uses it: row-major maps over plain buffers, and aligned scratch.
#pragma once

#include <Eigen/Core>

#include "eckart/base/types.hpp"

namespace eckart {

template <class T>
using RowMatrix = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
template <class T>
using Vector = Eigen::Matrix<T, Eigen::Dynamic, 1>;

template <class T>
Eigen::Map<const RowMatrix<T>> as_eigen(const MatrixView<const T>& m) {
  return {m.data, m.rows, m.cols};
}

}  // namespace eckart
