// Recording a training step and running it again: bindings of recording.hpp.
#include <memory>

#include "nn.hpp"

namespace eckart::bindings {
namespace {

constexpr const char* kName = "eckart.nn.recording";

void begin_recording() {
  if (Recording::open()) throw py::value_error("a recording is open already");
  Recording::open() = new Recording;
}

// Ends the recording; the capsule owns it.
py::capsule end_recording() {
  if (!Recording::open()) throw py::value_error("no recording is open");
  std::unique_ptr<Recording> recording(std::exchange(Recording::open(), nullptr));
  return py::capsule(recording.release(), kName, [](PyObject* capsule) {
    delete static_cast<Recording*>(PyCapsule_GetPointer(capsule, kName));
  });
}

const Recording& recording_of(const py::capsule& capsule) {
  const auto* recording = static_cast<const Recording*>(PyCapsule_GetPointer(capsule.ptr(), kName));
  if (!recording) throw py::error_already_set();
  return *recording;
}

void replay(const py::capsule& capsule, int threads) {
  const Recording& recording = recording_of(capsule);
  run_released(threads, [&](const Execution& run) { recording.replay(run); });
}

}  // namespace

void bind_plans(py::module_& m) {
  m.def("begin_recording", &begin_recording);
  m.def("end_recording", &end_recording);
  m.def("replay", &replay, py::arg("recording"), py::arg("threads"));
  m.def(
      "recorded_kernels", [](const py::capsule& c) { return recording_of(c).size(); }, py::arg("recording"));
}

}  // namespace eckart::bindings
