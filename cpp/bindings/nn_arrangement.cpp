// Bindings of eckart/nn/arrangement.hpp and losses.hpp, sums of elementwise.hpp, and what moves by itself.
#include <pybind11/stl.h>

#include <algorithm>
#include <map>

#include "eckart/nn/arrangement.hpp"
#include "eckart/nn/elementwise.hpp"
#include "eckart/nn/losses.hpp"
#include "nn.hpp"

namespace eckart::bindings {
namespace {

// Of any layout, of exactly this type.
template <class T>
using view_t = py::array_t<T, 0>;

template <class T>
std::vector<Offset> steps(const view_t<T>& a) {
  std::vector<Offset> found(a.strides(), a.strides() + a.ndim());
  for (Offset& s : found) s /= static_cast<Offset>(sizeof(T));
  return found;
}

template <class A>
std::vector<Offset> shape_of(const A& a) {
  return {a.shape(), a.shape() + a.ndim()};
}

// `to` = `from`; a new C-contiguous array where `to` is None.
template <class T>
view_t<T> copied(const view_t<T>& from, const std::optional<view_t<T>>& to, int threads) {
  const auto shape = shape_of(from);
  if (to && (shape_of(*to) != shape || !to->writeable())) {
    shape_error("to", "a writeable array of the shape of the other", "another");
  }
  view_t<T> out = to ? *to : view_t<T>(pooled_array<T>(shape));
  const Views views{shape, steps(from), steps(out)};
  const T* x = from.data();
  T* y = out.mutable_data();
  run_recorded(threads, [=](const Execution& run) { copy(views, x, y, run); });
  return out;
}

// x with (before, after) more entries along each axis, all of them `value`.
template <class T>
array_t<T> padded(const view_t<T>& x, const std::vector<std::pair<Offset, Offset>>& widths, double value,
                  int threads) {
  auto shape = shape_of(x);
  if (widths.size() != shape.size()) {
    shape_error("widths", std::to_string(shape.size()) + " pairs", std::to_string(widths.size()));
  }
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (widths[i].first < 0 || widths[i].second < 0) shape_error("widths", "numbers >= 0", "a negative one");
    shape[i] += widths[i].first + widths[i].second;
  }
  auto out = pooled_array<T>(shape);
  const Offset n = out.size();
  const Views views{shape_of(x), steps(x), steps(view_t<T>(out))};
  T *whole = out.mutable_data(), *inside = whole;
  for (std::size_t i = 0; i < shape.size(); ++i) inside += widths[i].first * views.to[i];
  const T* from = x.data();
  run_recorded(threads, [=](const Execution& run) {
    std::fill_n(whole, n, static_cast<T>(value));
    copy(views, from, inside, run);
  });
  return out;
}

// How often an array of b's shape repeats in one of x's: b's axes are the last of x's.
template <class T>
Offset repetitions(const array_t<T>& x, const std::vector<Offset>& b) {
  const auto whole = shape_of(x);
  if (b.size() > whole.size() || !std::equal(b.rbegin(), b.rend(), whole.rbegin())) {
    shape_error("b", "the last axes of x", "others");
  }
  Offset times = 1;
  for (std::size_t i = 0; i < whole.size() - b.size(); ++i) times *= whole[i];
  return times;
}

template <class T>
array_t<T> sum_of(const array_t<T>& x, const array_t<T>& b, const std::optional<array_t<T>>& sums,
                  int threads) {
  repetitions(x, shape_of(b));
  const Offset n = x.size(), period = b.size();
  auto result = target_array(sums, shape_of(x), "sums");
  T* y = result.mutable_data();
  run_recorded(threads, [=](const Execution& run) {
    if (n > 0) add(n, period, x.data(), b.data(), y, run);
  });
  return result;
}

template <class T>
array_t<T> sum_leading(const array_t<T>& x, const std::vector<Offset>& shape,
                       const std::optional<array_t<T>>& sums, int threads) {
  const Offset outer = repetitions(x, shape);
  auto result = target_array(sums, shape, "sums");
  const Offset inner = result.size();
  T* to = result.mutable_data();
  run_recorded(threads, [=](const Execution& run) { sum_rows(outer, inner, x.data(), to, run); });
  return result;
}

// In kernels, not before: a plan sees other ids each time.
void check_slices(const array_t<Offset>& ids, Offset rows) {
  for (Offset i = 0; i < ids.size(); ++i) {
    const Offset id = ids.data()[i];
    if (id >= -rows && id < rows) continue;
    throw py::index_error("index: expected integers in [" + std::to_string(-rows) + ", " +
                          std::to_string(rows) + "), got " + std::to_string(id));
  }
}

// Slices of an array of this shape along an axis.
Slices slices(const std::vector<Offset>& shape, Offset axis, const array_t<Offset>& ids) {
  if (ids.ndim() != 1) shape_error("ids", "1 dimension", std::to_string(ids.ndim()));
  if (axis < 0 || axis >= static_cast<Offset>(shape.size())) {
    shape_error("axis", "one of " + std::to_string(shape.size()), std::to_string(axis));
  }
  Slices s{1, shape[axis], 1, ids.size()};
  for (Offset i = 0; i < axis; ++i) s.outer *= shape[i];
  for (std::size_t i = axis + 1; i < shape.size(); ++i) s.inner *= shape[i];
  return s;
}

template <class T>
array_t<T> take(const array_t<T>& x, const array_t<Offset>& ids, Offset axis, int threads) {
  auto shape = shape_of(x);
  const Slices s = slices(shape, axis, ids);
  shape[axis] = s.n;
  auto result = pooled_array<T>(shape);
  T* y = result.mutable_data();
  run_recorded(threads, [=](const Execution& run) {
    check_slices(ids, s.rows);
    take_slices(s, ids.data(), x.data(), y, run);
  });
  return result;
}

template <class T>
array_t<T> take_back(const array_t<T>& dy, const array_t<Offset>& ids, Offset axis, Offset rows,
                     int threads) {
  auto shape = shape_of(dy);
  Slices s = slices(shape, axis, ids);
  if (s.rows != s.n) shape_error("dy", "as many slices as ids", std::to_string(s.rows));
  s.rows = shape[axis] = rows;
  auto result = pooled_array<T>(shape);
  T* dx = result.mutable_data();
  run_recorded(threads, [=](const Execution& run) {
    check_slices(ids, rows);
    add_slices(s, ids.data(), dy.data(), dx, run);
  });
  return result;
}

// The counter before this call, which adds one to its last number.
array_t<Offset> count(array_t<Offset> counter, int threads) {
  const Offset n = counter.size();
  if (n < 1 || !counter.writeable()) shape_error("counter", "a writeable array of integers", "another");
  auto before = pooled_array<Offset>(shape_of(counter));
  Offset *from = counter.mutable_data(), *to = before.mutable_data();
  run_recorded(threads, [=](const Execution&) {
    std::copy(from, from + n, to);
    ++from[n - 1];
  });
  return before;
}

// average += share (scale now - average)
template <class T>
void approach(array_t<T> average, const array_t<T>& now, double share, double scale, int threads) {
  const Offset n = now.size();
  T* a = mutable_vector(average, n, "average");
  run_recorded(threads, [=](const Execution&) {
    const T* x = now.data();
    for (Offset i = 0; i < n; ++i) a[i] += static_cast<T>(share) * (static_cast<T>(scale) * x[i] - a[i]);
  });
}

PairedLoss loss_named(const std::string& name) {
  static const std::map<std::string, PairedLoss> names{{"squared", PairedLoss::squared},
                                                       {"absolute", PairedLoss::absolute},
                                                       {"huber", PairedLoss::huber},
                                                       {"logistic", PairedLoss::logistic}};
  const auto found = names.find(name);
  if (found == names.end()) shape_error("loss", "the name of one", "'" + name + "'");
  return found->second;
}

// (sum of the losses, or mean, and its slopes by x)
template <class T>
py::tuple loss_of_pairs(const std::string& name, const array_t<T>& x, const array_t<T>& target, double delta,
                        bool mean, int threads) {
  const PairedLoss loss = loss_named(name);
  if (shape_of(x) != shape_of(target)) shape_error("target", "the shape of x", "another");
  const Offset n = x.size();
  auto slopes = pooled_array<T>(shape_of(x)), reduced = pooled_array<T>({});
  T *to = slopes.mutable_data(), *result = reduced.mutable_data();
  run_recorded(threads, [=](const Execution& run) {
    const double scale = mean ? 1.0 / static_cast<double>(n) : 1.0;
    *result = static_cast<T>(scale * paired_loss(loss, delta, n, x.data(), target.data(), scale, to, run));
  });
  return py::make_tuple(reduced, slopes);
}

template <class T>
void bind(py::module_& m) {
  const auto x = in("x"), ids = in("ids"), axis = py::arg("axis"), threads = py::arg("threads");
  m.def("copy", recorded(&copied<T>), in("source"), in("to"), threads);
  m.def("pad", recorded(&padded<T>), x, py::arg("widths"), py::arg("value"), threads);
  m.def("add", recorded(&sum_of<T>), x, in("b"), in("sums"), threads);
  m.def("sum_leading", recorded(&sum_leading<T>), x, py::arg("shape"), in("sums"), threads);
  m.def("take", recorded(&take<T>), x, ids, axis, threads);
  m.def("take_backward", recorded(&take_back<T>), in("dy"), ids, axis, py::arg("rows"), threads);
  m.def("paired_loss", recorded(&loss_of_pairs<T>), py::arg("loss"), x, in("target"), py::arg("delta"),
        py::arg("mean"), threads);
  m.def("approach", recorded(&approach<T>), in("average"), in("now"), py::arg("share"), py::arg("scale"),
        threads);
}

}  // namespace

void bind_nn_arrangement(py::module_& m) {
  bind<float>(m);
  bind<double>(m);
  m.def("count", recorded(&count), in("counter"), py::arg("threads"));
}

}  // namespace eckart::bindings
