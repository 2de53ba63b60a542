"""The checker of the C++ rules: each rule must catch a breach and leave good code alone."""

import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "tools" / "check_cpp.py"
if not SCRIPT.exists():
    pytest.skip("tools/ is not part of this tree", allow_module_level=True)

_spec = importlib.util.spec_from_file_location("check_cpp", SCRIPT)
check_cpp = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(check_cpp)

BAD = [
    ("cpp/src/completion/als.cpp", "#include <pybind11/numpy.h>", "pybind11/numpy.h in a kernel"),
    ("cpp/include/eckart/base/types.hpp", "#include <Python.h>", "Python.h in a kernel"),
    ("cpp/include/eckart/base/math.hpp", '#include "eckart/linalg/gram.hpp"', "base includes"),
    ("cpp/include/eckart/linalg/gram.hpp", '#include "eckart/completion/als.hpp"', "linalg includes"),
    ("cpp/src/completion/als.cpp", '#include "eckart/metrics/topk.hpp"', "completion includes"),
    ("cpp/src/completion/als.cpp", "#include <Eigen/Dense>", "Eigen/Dense"),
    ("cpp/src/completion/als.cpp", "#pragma omp parallel num_threads(n)", "outside"),
    ("cpp/include/eckart/base/parallel.hpp", "#pragma omp parallel", "num_threads"),
    ("cpp/include/eckart/base/parallel.hpp", "#pragma omp parallel for\\\n  schedule(static)", "num_threads"),
    ("cmake/IsaVariants.cmake", "set(FLAGS -march=native)", "-march=native"),
    ("CMakeLists.txt", "add_compile_options(-ffast-math)", "-ffast-math"),
    ("benchmarks/native/CMakeLists.txt", "add_compile_options(-ffast-math)", "-ffast-math"),
]
GOOD = [
    ("cpp/bindings/completion.cpp", '#include <pybind11/numpy.h>\n#include "eckart/metrics/topk.hpp"'),
    ("cpp/include/eckart/linalg/gram.hpp", '#include <Eigen/Core>\n#include "eckart/base/types.hpp"'),
    ("cpp/src/completion/als.cpp", '#include "eckart/linalg/gram.hpp"\n#include "eckart/completion/als.hpp"'),
    ("cpp/include/eckart/base/parallel.hpp", "#pragma omp parallel for\\\n  num_threads(n)"),
    ("cpp/include/eckart/base/math.hpp", "// vectorises without -ffast-math"),
    ("CMakeLists.txt", "# never -march=native"),
]


def _check(root, name, text):
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"\n{text}\n")
    return check_cpp.breaches(root)


@pytest.mark.parametrize(("name", "text", "problem"), BAD)
def test_a_breach_is_named_with_its_place(tmp_path, name, text, problem):
    """A rule that no longer bites would let the layers rot unseen; the place is what one clicks on."""
    (found,) = _check(tmp_path, name, text)
    assert found.startswith(f"{name}:2: ")
    assert problem in found


@pytest.mark.parametrize(("name", "text"), GOOD)
def test_good_code_passes(tmp_path, name, text):
    """A checker that cries wolf is switched off by its users."""
    assert _check(tmp_path, name, text) == []


def test_this_tree_keeps_the_rules():
    """The rules hold here, also for whoever runs only pytest."""
    assert check_cpp.breaches(ROOT) == []
