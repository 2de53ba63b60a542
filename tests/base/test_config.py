"""What was built and what is in use: the first thing a bug report needs."""

import json

import eckart
from eckart import _native
from eckart.base.config import build_info


def test_the_facts_are_there_and_plain():
    """`eckart info --json` prints them as they are."""
    info = build_info()
    assert json.loads(json.dumps(info)) == info
    assert info["version"] == eckart.__version__
    assert info["instruction_set"] == _native.LEVEL
    assert info["instruction_set"] in info["instruction_sets_built"]
    assert info["instruction_set"] in info["instruction_sets_supported"]
    assert info["threads"] == eckart.get_num_threads()
    assert "-O3" in info["flags"]


def test_show_config_prints_every_fact(capsys):
    """One fact a line, aligned, so that it can be pasted into an issue."""
    eckart.show_config()
    lines = capsys.readouterr().out.splitlines()
    info = build_info()
    assert [line[:28].strip() for line in lines] == [name.replace("_", " ") for name in info]
    assert lines[0] == f"{'version':<28}{eckart.__version__}"
    assert all(line[28:].strip() for line in lines)


def test_a_build_without_openmp_says_no(monkeypatch, capsys):
    """None would read like a fault of the report."""
    built = {**_native.base.build_config(), "openmp": None}
    monkeypatch.setattr(_native.base, "build_config", lambda: built)
    eckart.show_config()
    assert f"{'openmp':<28}no" in capsys.readouterr().out.splitlines()
