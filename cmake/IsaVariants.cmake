# One extension module per instruction set, all from one source list. The Python package picks one
# at import (python/eckart/_native). Flags are given per module, never per file: Eigen's inline
# templates compiled for different instruction sets would clash at link time.

set(ECKART_FLAGS_v1 -march=x86-64)
set(ECKART_FLAGS_v3 -march=x86-64-v3)
set(ECKART_FLAGS_v4 -march=x86-64-v4 -mprefer-vector-width=512)
set(ECKART_FLAGS_arm64 "")
set(ECKART_FLAGS_generic "")
# The first finding ends the process: a test that goes on after one proves nothing.
# Expensive optimizations fuse multiply-adds as release builds do: one test compares two kernels to the bit.
set(ECKART_FLAGS_SANITIZE -O1 -fexpensive-optimizations -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all)

# The best level that both this machine and this compiler have.
function(eckart_native_variant result)
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(aarch64|arm64)$")
    set(${result} arm64 PARENT_SCOPE)
    return()
  elseif(NOT CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64|amd64)$")
    set(${result} generic PARENT_SCOPE)
    return()
  endif()
  set(source "${CMAKE_CURRENT_BINARY_DIR}/isa_probe.cpp")
  file(WRITE "${source}" "#include <cstdio>\n#include \"${PROJECT_SOURCE_DIR}/cpp/bindings/cpu_levels.hpp\"\n"
                         "int main() { std::printf(\"%s\", eckart::best_level()); }\n")
  try_run(exit_code compiled "${CMAKE_CURRENT_BINARY_DIR}/isa_probe" "${source}"
          CXX_STANDARD 17 RUN_OUTPUT_VARIABLE level)
  if(NOT compiled OR NOT exit_code EQUAL 0)
    set(level v1)
  endif()
  set(${result} ${level} PARENT_SCOPE)
endfunction()

function(eckart_add_variant level)
  set(core eckart_core_${level})
  add_library(${core} OBJECT ${ECKART_CORE_SOURCES})
  target_include_directories(${core} PUBLIC "${PROJECT_SOURCE_DIR}/cpp/include")
  target_compile_options(${core} PUBLIC ${ECKART_FLAGS_${level}} -O3 -fno-math-errno -fno-trapping-math
                                 PRIVATE -Wall -Wextra -Wno-maybe-uninitialized) # GCC 12 sees it in its own intrinsics
  target_compile_definitions(${core} PUBLIC
    EIGEN_DONT_PARALLELIZE EIGEN_MAX_ALIGN_BYTES=64 EIGEN_MAX_STATIC_ALIGN_BYTES=64
    # Small products would be summed in an order that depends on the address of their operands.
    EIGEN_GEMM_TO_COEFFBASED_THRESHOLD=0)
  target_link_libraries(${core} PUBLIC Eigen3::Eigen)
  if(ECKART_OPENMP)
    target_link_libraries(${core} PUBLIC OpenMP::OpenMP_CXX)
  endif()
  set(flags ${ECKART_FLAGS_${level}} -O3)
  if(ECKART_SANITIZE)
    target_compile_options(${core} PUBLIC ${ECKART_FLAGS_SANITIZE})
    target_compile_definitions(${core} PUBLIC _GLIBCXX_ASSERTIONS)
    target_link_options(${core} PUBLIC ${ECKART_FLAGS_SANITIZE})
    list(APPEND flags ${ECKART_FLAGS_SANITIZE})
  endif()
  if(NOT ECKART_PYTHON)
    return()
  endif()

  pybind11_add_module(_${level} MODULE NO_EXTRAS ${ECKART_BINDING_SOURCES})
  target_link_libraries(_${level} PRIVATE ${core})
  # Bindings check shapes and call kernels: more optimization would take longer than all kernels together.
  target_compile_options(_${level} PRIVATE -O1)
  target_precompile_headers(_${level} PRIVATE cpp/bindings/common.hpp <pybind11/stl.h> <functional> <map> <memory>)
  string(JOIN " " flags ${flags})
  target_compile_definitions(_${level} PRIVATE
    ECKART_MODULE=_${level} ECKART_LEVEL="${level}" ECKART_FLAGS="${flags}" ECKART_EIGEN="${Eigen3_VERSION}"
    ECKART_COMPILER="${CMAKE_CXX_COMPILER_ID} ${CMAKE_CXX_COMPILER_VERSION}")
  eckart_hide_symbols(_${level})
  install(TARGETS _${level} DESTINATION eckart/_native COMPONENT python)
endfunction()

function(eckart_hide_symbols target)
  if(UNIX AND NOT APPLE)
    target_link_options(${target} PRIVATE "LINKER:--version-script=${PROJECT_SOURCE_DIR}/cmake/exports.map")
    set_target_properties(${target} PROPERTIES LINK_DEPENDS "${PROJECT_SOURCE_DIR}/cmake/exports.map")
    if(CMAKE_STRIP AND CMAKE_BUILD_TYPE STREQUAL "Release")
      target_link_options(${target} PRIVATE "LINKER:--strip-all")
    endif()
  endif()
endfunction()

function(eckart_add_variants)
  if(ECKART_VARIANTS STREQUAL "native")
    eckart_native_variant(levels)
  elseif(ECKART_VARIANTS STREQUAL "all")
    eckart_native_variant(levels)
    if(levels MATCHES "^v")
      set(levels v1 v3 v4)
    endif()
  else()
    set(levels ${ECKART_VARIANTS})
  endif()
  message(STATUS "Instruction sets: ${levels}")
  foreach(level IN LISTS levels)
    if(NOT DEFINED ECKART_FLAGS_${level})
      message(FATAL_ERROR "ECKART_VARIANTS: '${level}' is not one of native, all, v1, v3, v4, arm64, generic")
    endif()
    eckart_add_variant(${level})
  endforeach()
  list(GET levels -1 best)
  set(ECKART_BEST_LEVEL ${best} PARENT_SCOPE) # what the benchmark harness links

  if(ECKART_PYTHON)
    pybind11_add_module(_cpu MODULE NO_EXTRAS cpp/bindings/cpu.cpp)
    eckart_hide_symbols(_cpu)
    install(TARGETS _cpu DESTINATION eckart/_native COMPONENT python)
  endif()
endfunction()
