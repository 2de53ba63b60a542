"""The choice of the instruction set, and that the sets agree. Full strength where several are built."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from eckart import _native

USABLE = [level for level in _native.SUPPORTED if level in _native.BUILT]
RUN = """
import json
import numpy as np
from eckart import _native
out = np.empty((40, 33), dtype=np.float32)
_native.base.fill_normal(out, 5, 0, 1.0, 2)
config = _native.base.build_config()
print(json.dumps({"level": _native.LEVEL, "config": config["level"], "values": out.tolist()}))
"""
HIDE = """
import sys, types
sys.modules["eckart._native._cpu"] = types.SimpleNamespace(supported_levels=lambda: ("of-tomorrow",))
import eckart._native
"""


def run(code, isa=None):
    """Run `code` in a fresh interpreter under ECKART_ISA=`isa`."""
    environment = {name: value for name, value in os.environ.items() if name != "ECKART_ISA"}
    if isa is not None:
        environment["ECKART_ISA"] = isa
    return subprocess.run(
        [sys.executable, "-c", code],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def answer(done):
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_the_best_is_chosen():
    """Without being told, a machine runs the fastest code that it can."""
    assert answer(run(RUN))["level"] == USABLE[-1]


@pytest.mark.parametrize("level", USABLE)
def test_each_built_level_can_be_chosen_and_agrees(level):
    """ECKART_ISA loads the module it names, and a wrong vector path would show as another answer."""
    chosen, reference = answer(run(RUN, level)), answer(run(RUN, USABLE[0]))
    assert chosen["level"] == chosen["config"] == level
    np.testing.assert_allclose(chosen["values"], reference["values"], rtol=1e-6, atol=1e-6)


@pytest.mark.skipif(not USABLE[0].startswith("v"), reason="x86-64 only")
def test_the_long_names_are_understood():
    """`x86-64-v3` is how compilers and distributions call it."""
    level = USABLE[-1]
    name = {"v1": "x86-64", "v3": "x86-64-v3", "v4": "X86-64-v4"}[level]
    assert answer(run(RUN, name))["level"] == level


@pytest.mark.parametrize("isa", ["v9", "arm64" if USABLE[0].startswith("v") else "v3"])
def test_a_level_that_is_not_there_is_an_error(isa):
    """Falling back in silence would make a measurement or a bug report speak of another code path."""
    done = run(RUN, isa)
    assert done.returncode == 1
    message = done.stderr.splitlines()[-1]
    assert message.startswith(
        f"ImportError: ECKART_ISA='{isa}' cannot be used: built are {', '.join(_native.BUILT)}"
    )
    assert f"choose one of {', '.join(USABLE)}" in message


def test_a_machine_without_a_variant_is_told_how_to_rebuild():
    """A wheel built elsewhere must end in a sentence, not in an illegal instruction."""
    done = run(HIDE)
    message = done.stderr.splitlines()[-1]
    assert message.startswith("ImportError: no native module of eckart for this processor: built are")
    assert "supported are of-tomorrow" in message
    assert "ECKART_VARIANTS=all" in message
