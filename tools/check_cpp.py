"""The rules of the C++ house that no compiler checks; prints one line a breach and exits with 1.

- cpp/include and cpp/src know nothing of Python;
- base <- linalg <- family: a family includes base, linalg and itself, never another family;
- parallel regions stand in base/parallel.hpp alone, and each names its number of threads;
- no flag that ties a build to its machine or lets the compiler reorder sums (results must not
  depend on where they were built), and no header that drags all of Eigen into a unit.

Usage: python tools/check_cpp.py [ROOT]
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

FORBIDDEN_FLAGS = ("-march=native", "-ffast-math")
PARALLEL_HOME = "cpp/include/eckart/base/parallel.hpp"
INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]')
PARALLEL = re.compile(r"^\s*#\s*pragma\s+omp\s+.*\bparallel\b")
COMMENT = {".cpp": "//", ".hpp": "//", ".txt": "#", ".cmake": "#", ".toml": "#"}


def breaches(root: Path) -> list[str]:
    """Return every breach below `root` as ``file:line: what is wrong``."""
    found = []
    for path in _files(root):
        name = path.relative_to(root).as_posix()
        for number, line in _code_lines(path):
            found += [f"{name}:{number}: {problem}" for problem in _problems(name, line)]
    return found


def _files(root: Path) -> Iterator[Path]:
    for folder in ("cpp", "cmake", "benchmarks/native"):
        yield from (p for p in sorted((root / folder).rglob("*")) if p.suffix in COMMENT)
    yield from (root / name for name in ("CMakeLists.txt", "pyproject.toml") if (root / name).exists())


def _code_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yield numbered lines without their comments; a continued line is joined with the next."""
    text = path.read_text(encoding="utf-8").replace("\\\n", " \f")  # \f keeps the count of lines
    number = 1
    for line in text.split("\n"):
        yield number, line.split(COMMENT[path.suffix])[0].replace("\f", "")
        number += 1 + line.count("\f")


def _problems(name: str, line: str) -> Iterator[str]:
    for flag in FORBIDDEN_FLAGS:
        if flag in line:
            yield f"{flag} is forbidden"
    include = INCLUDE.match(line)
    if include:
        yield from _include_problems(name, include[1])
    if PARALLEL.match(line):
        if name != PARALLEL_HOME:
            yield f"an OpenMP region outside {PARALLEL_HOME}: use parallel_for"
        if "num_threads" not in line:
            yield "an OpenMP region that does not name num_threads"


def _include_problems(name: str, included: str) -> Iterator[str]:
    if included == "Eigen/Dense":
        yield "Eigen/Dense is slow to compile: include Eigen/Core and what else is used"
    family = _family(name)
    if family is None:
        return
    if included.startswith("pybind11/") or included == "Python.h":
        yield f"{included} in a kernel: Python stays in cpp/bindings"
    other = included.split("/")[1] if included.startswith("eckart/") else family
    if other not in {"base", family} | ({"linalg"} if family != "base" else set()):
        yield f"{family} includes {included}: only base, linalg below a family, and itself"


def _family(name: str) -> str | None:
    """Return the family of a kernel's header or source; None for bindings, CMake and benchmarks."""
    match = re.match(r"cpp/(?:include/eckart|src)/([^/]+)/", name)
    return match[1] if match else None


if __name__ == "__main__":
    found = breaches(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[1])
    print("\n".join(found) or "C++ rules: kept")
    sys.exit(bool(found))
