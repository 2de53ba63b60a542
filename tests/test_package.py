"""`import eckart` is cheap and complete: what it costs, what it loads, what it offers."""

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import eckart

IMPORT = """
import sys, time
for finder in sys.meta_path:  # an editable build would compile first, which is no part of the import
    if hasattr(finder, "rebuilt"):
        finder.rebuilt = True
before = set(sys.modules)
start = time.process_time()  # not the clock: others may be running
import {module}
print(time.process_time() - start, *sorted(set(sys.modules) - before))
"""
HEAVY = ("scipy", "sklearn", "pandas", "polars", "pyarrow", "narwhals", "matplotlib", "typer", "rich")


def fresh_import(module="eckart"):
    """Return the processor's seconds and the loaded modules of an import in a new interpreter."""
    code = IMPORT.format(module=module)
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    seconds, *modules = run.stdout.splitlines()[-1].split()
    return float(seconds), modules


def test_import_takes_less_than_150_ms():
    """Every script, worker and command line pays for it. The best of five: the machine may be busy."""
    assert min(fresh_import()[0] for _ in range(5)) < 0.150


def test_import_loads_no_family_and_no_heavy_package():
    """A family, and what it needs, is loaded when it is first used."""
    _, modules = fresh_import()
    assert not {name.split(".")[0] for name in modules} & set(HEAVY)
    assert [name for name in modules if name.startswith("eckart.")] == ["eckart._version"]


def test_networks_are_imported_in_200_ms():
    """A script that loads and runs a network pays for the network alone."""
    assert min(fresh_import("eckart.nn")[0] for _ in range(5)) < 0.200
    _, modules = fresh_import("eckart.nn.models, eckart.nn.trainer")
    assert not {name.split(".")[0] for name in modules} & set(HEAVY)


@pytest.mark.parametrize("name", eckart.nn.__all__)
def test_every_name_of_networks_is_there(name):
    """As of the package: for `from eckart.nn import *`, and for those who press the tabulator."""
    assert getattr(eckart.nn, name) is not None
    assert name in dir(eckart.nn)


@pytest.mark.parametrize("name", eckart.__all__)
def test_every_public_name_is_there(name):
    """A lazy name that is misspelt fails only when somebody uses it."""
    assert getattr(eckart, name) is not None
    assert name == "__version__" or name in dir(eckart)


def test_the_stub_lists_the_public_names():
    """What an editor completes is what the package has."""
    tree = ast.parse(Path(eckart.__file__).with_suffix(".pyi").read_text(encoding="utf-8"))
    imported = {alias.name for node in tree.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert imported == set(eckart.__all__) - {"__version__"}


def test_an_unknown_name_is_an_attribute_error():
    """hasattr and getattr with a default rely on it."""
    with pytest.raises(AttributeError, match="module 'eckart' has no attribute 'ALS'"):
        _ = eckart.ALS


def test_public_names_of_the_families_exist():
    """`from eckart.completion import *` must not raise."""
    for family in (name for name in eckart.__all__ if name in eckart._FAMILIES):
        module = importlib.import_module(f"eckart.{family}")
        missing = [name for name in getattr(module, "__all__", ()) if not hasattr(module, name)]
        assert not missing, f"eckart.{family}: {missing}"


def test_the_package_is_typed():
    """Without the marker, type checkers take every name for Any."""
    assert Path(eckart.__file__).with_name("py.typed").exists()
