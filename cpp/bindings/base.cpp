#include <pybind11/stl.h>

#include <chrono>
#include <stdexcept>
#include <thread>

#include "common.hpp"
#include "eckart/base/amx.hpp"
#include "eckart/base/checksum.hpp"
#include "eckart/base/fill.hpp"
#include "eckart/base/parallel.hpp"
#include "eckart/base/random.hpp"

namespace eckart::bindings {
namespace {

int max_threads() {
#ifdef _OPENMP
  return omp_get_max_threads();
#else
  return 1;
#endif
}

py::dict build_config() {
  py::dict d;
  d["level"] = ECKART_LEVEL;
  d["compiler"] = ECKART_COMPILER;
  d["flags"] = ECKART_FLAGS;
  d["eigen"] = ECKART_EIGEN;
#ifdef _OPENMP
  d["openmp"] = _OPENMP;
#else
  d["openmp"] = py::none();
#endif
  return d;
}

Philox4 philox(Philox4 counter, std::array<std::uint32_t, 2> key) { return philox4x32(counter, key); }

template <class T>
void bind_fill(py::module_& m) {
  m.def(
      "fill_normal",
      [](array_t<T> out, std::uint64_t seed, Offset first_row, T scale, int threads) {
        auto view = mutable_matrix(out, "out");
        run_released(threads, [&](const Execution& run) { fill_normal(view, seed, first_row, scale, run); });
      },
      in("out"), py::arg("seed"), py::arg("first_row"), py::arg("scale"), py::arg("threads"));
}

// For the tests of a stream: its first n uniforms, or integers in [0, below) where below > 0.
array_t<double> stream_probe(std::uint64_t seed, std::uint64_t stream, std::uint32_t substream, Offset n,
                             std::uint32_t below) {
  RandomStream random(seed, stream, substream);
  array_t<double> out(n);
  double* values = out.mutable_data();
  for (Offset i = 0; i < n; ++i) values[i] = below ? random.below(below) : random.uniform();
  return out;
}

// For the tests of the loop itself: chunk `bad` throws, the others sleep.
void parallel_probe(Offset n_chunks, Offset bad, double milliseconds, int threads) {
  run_released(threads, [&](const Execution& run) {
    parallel_for(
        n_chunks, 1e12, run, [] { return NoScratch{}; },
        [&](NoScratch&, Offset c) {
          if (c == bad) throw std::runtime_error("chunk " + std::to_string(c) + " failed");
          std::this_thread::sleep_for(std::chrono::duration<double, std::milli>(milliseconds));
        });
  });
}

std::uint64_t checksum_of(const array_t<std::uint8_t>& bytes, int threads) {
  const Offset n = bytes.size();
  const std::uint8_t* data = vector(bytes, n, "bytes");
  std::uint64_t result = 0;
  run_released(threads, [&](const Execution& run) { result = checksum(data, n, run); });
  return result;
}

}  // namespace

void bind_base(py::module_ m) {
  m.doc() = "Threads, build facts and random streams.";
  m.def("max_threads", &max_threads);
  m.def("amx_available", &amx_available);
  m.def("build_config", &build_config);
  m.def("philox", &philox, py::arg("counter"), py::arg("key"));
  m.def("stream_probe", &stream_probe, py::arg("seed"), py::arg("stream"), py::arg("substream"), py::arg("n"),
        py::arg("below"));
  m.def("parallel_probe", &parallel_probe, py::arg("n_chunks"), py::arg("bad"), py::arg("milliseconds"),
        py::arg("threads"));
  m.def("checksum", &checksum_of, in("bytes"), py::arg("threads"));
  bind_fill<float>(m);
  bind_fill<double>(m);
}

}  // namespace eckart::bindings
