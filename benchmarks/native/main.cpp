#include "common.hpp"

int main(int argc, char** argv) {
  benchmark::AddCustomContext("instruction set", ECKART_LEVEL);
  benchmark::AddCustomContext("threads", std::to_string(eckart::bench::max_threads()));
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
}
