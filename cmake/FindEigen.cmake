# Eigen from the user's own prefix (conda, Debian, CMAKE_PREFIX_PATH) first, else from the
# cmeel-eigen wheel that pyproject.toml asks for at build time.
find_package(Eigen3 3.4...<6 CONFIG QUIET)
if(NOT Eigen3_FOUND)
  find_package(Eigen3 3.4 CONFIG QUIET) # Eigen 3.4.0's own version file refuses ranges
endif()
if(NOT Eigen3_FOUND AND Python_Interpreter_FOUND)
  execute_process(
    COMMAND "${Python_EXECUTABLE}" -c
            "import importlib.metadata as m; print(m.distribution('cmeel-eigen').locate_file('cmeel.prefix'))"
    OUTPUT_VARIABLE _eckart_cmeel OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  if(_eckart_cmeel)
    find_package(Eigen3 3.4...<6 CONFIG QUIET PATHS "${_eckart_cmeel}" NO_DEFAULT_PATH)
  endif()
endif()
if(NOT Eigen3_FOUND)
  message(FATAL_ERROR "Eigen 3.4 or newer was not found. Install it (pip install cmeel-eigen, apt-get install libeigen3-dev, "
                      "conda install eigen) or set CMAKE_PREFIX_PATH to where it is.")
endif()
message(STATUS "Eigen ${Eigen3_VERSION} from ${Eigen3_DIR}")
