"""The stubs of the native module say what the module says: same functions, same arguments, same defaults."""

import ast
import itertools
import re
from pathlib import Path

import pytest

from eckart import _native

FAMILIES = sorted(name for name in _native.__all__ if name.islower())
SIGNATURE = re.compile(r"^(?:\d+\. )?(\w+)\((.*)\)(?: -> .*)?$")


def signatures_of_module(module) -> dict[str, set[tuple[str, ...]]]:
    """Read the arguments of each function's overloads from pybind11's docstrings; ``=`` marks a default."""
    functions = {name: f for name, f in vars(module).items() if callable(f) and not name.startswith("_")}
    return {name: set(_overloads(f.__doc__)) for name, f in functions.items()}


def _overloads(docstring):
    several = "Overloaded function." in docstring
    for line in docstring.splitlines():
        match = SIGNATURE.match(line.strip())
        if match and (line[:1].isdigit() or not several):
            yield tuple(_argument(part) for part in _split(match[2]) if part != "*")
            if not several:
                return


def _argument(text):
    """Return ``name`` or ``name=`` of one ``name: type = default``."""
    return text.split(":")[0].strip() + ("=" if _depth_zero(text, "=") else "")


def _depth_zero(text, mark):
    """Return the positions of `mark` outside brackets and quotes."""
    depth, places, quoted = 0, [], False
    for i, c in enumerate(text):
        quoted ^= c == '"'
        depth += (c in "[(") - (c in "])")
        if c == mark and depth == 0 and not quoted:
            places.append(i)
    return places


def _split(arguments):
    bounds = [-1, *_depth_zero(arguments, ","), len(arguments)]
    return [part for a, b in itertools.pairwise(bounds) if (part := arguments[a + 1 : b].strip())]


def signatures_of_stub(text) -> dict[str, set[tuple[str, ...]]]:
    """Read the same from the text of a stub file."""
    found: dict[str, set[tuple[str, ...]]] = {}
    for f in (node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)):
        positional = f.args.posonlyargs + f.args.args
        plain = len(positional) - len(f.args.defaults)
        names = [a.arg + ("=" if i >= plain else "") for i, a in enumerate(positional)]
        names += [
            a.arg + ("=" if default is not None else "")
            for a, default in zip(f.args.kwonlyargs, f.args.kw_defaults, strict=True)
        ]
        found.setdefault(f.name, set()).add(tuple(names))
    return found


@pytest.mark.parametrize("family", FAMILIES)
def test_stub_and_module_agree(family):
    """A stub that lies makes the type checker pass what raises a TypeError at run time."""
    stub = Path(_native.__file__).with_name(f"{family}.pyi")
    native = signatures_of_module(getattr(_native, family))
    stubbed = signatures_of_stub(stub.read_text(encoding="utf-8"))
    wrong = [name for name in native.keys() | stubbed.keys() if native.get(name) != stubbed.get(name)]
    report = [
        f"{name}: the module has {native.get(name)}, the stub {stubbed.get(name)}" for name in sorted(wrong)
    ]
    assert not wrong, f"correct {stub.name}:\n" + "\n".join(report)


def test_docstrings_are_read_as_pybind11_writes_them():
    """The comparison is worth what its reader is: overloads, defaults and commas within types."""
    doc = (
        "f(*args, **kwargs)\nOverloaded function.\n\n"
        '1. f(a: Annotated[list[int], "Size(4, 5)"], b: dict[str, int] = {}) -> None\n\n'
        "2. f(a: int) -> tuple[int, int]\n"
    )
    assert set(_overloads(doc)) == {("a", "b="), ("a",)}
    assert set(_overloads("g(x: int | None = None, *, y: float) -> int\n\nSays g(z: int) too.")) == {
        ("x=", "y")
    }
    assert signatures_of_stub("def g(x: int = ..., *, y: float) -> int: ...") == {"g": {("x=", "y")}}
