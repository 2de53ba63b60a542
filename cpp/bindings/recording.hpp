// What bindings have run, kept so that it can be run again without Python: the steps of a plan.
#pragma once

#include <functional>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include "common.hpp"

namespace eckart::bindings {

// Kernels in the order in which they ran, and the arrays that they read and write.
class Recording {
 public:
  // The one that this thread is recording into, if any.
  static Recording*& open() {
    static thread_local Recording* recording = nullptr;
    return recording;
  }

  void add(std::function<void(const Execution&)> kernel) { kernels_.push_back(std::move(kernel)); }

  template <class A>
  void hold(const A& argument) {
    if constexpr (std::is_base_of_v<py::object, A>) held_.push_back(argument);
  }
  template <class A>
  void hold(const std::optional<A>& argument) {
    if (argument) hold(*argument);
  }

  std::size_t size() const { return kernels_.size(); }
  void replay(const Execution& run) const {
    for (const auto& kernel : kernels_) kernel(run);
  }

 private:
  std::vector<std::function<void(const Execution&)>> kernels_;
  std::vector<py::object> held_;
};

// As run_released; `kernel` must own what it captures ([=]), for it may run again later.
template <class Kernel>
void run_recorded(int threads, Kernel kernel) {
  run_released(threads, kernel);
  if (Recording* recording = Recording::open()) recording->add(std::move(kernel));
}

// A binding whose arrays, in and out, live as long as a recording that it runs in.
template <class Result, class... Arguments>
auto recorded(Result (*binding)(Arguments...)) {
  return [binding](Arguments... arguments) -> Result {
    Recording* recording = Recording::open();
    if (!recording) return binding(std::forward<Arguments>(arguments)...);
    (recording->hold(arguments), ...);
    if constexpr (std::is_void_v<Result>) {
      binding(std::forward<Arguments>(arguments)...);
    } else {
      Result result = binding(std::forward<Arguments>(arguments)...);
      recording->hold(result);
      return result;
    }
  };
}

}  // namespace eckart::bindings
