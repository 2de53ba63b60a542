"""The progress bar: on stderr, when asked for, and never in the way."""

import os
import subprocess
import sys

import pytest
from eckart.base.progress import Progress

CODE = """
import sys
from eckart.base.progress import Progress
with Progress("fitting", 3, {verbose}) as bar:
    for i in range(3):
        bar.advance("objective 1.5")
print("rich" in sys.modules)
"""


@pytest.mark.parametrize("verbose", [True, False])
def test_stderr_only(verbose):
    """stdout belongs to the caller; where nothing is shown, rich is not even imported."""
    environment = {"FORCE_COLOR": "1", "TERM": "xterm", "COLUMNS": "120"} if verbose else {}
    done = subprocess.run(
        [sys.executable, "-c", CODE.format(verbose=verbose)],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | environment,
    )
    assert done.stdout.splitlines()[-1] == str(verbose)
    assert ("fitting" in done.stderr) == verbose
    assert ("objective 1.5" in done.stderr) == verbose


@pytest.mark.parametrize("verbose", [True, False])
def test_errors_pass_through(verbose):
    """A bar must not swallow what it surrounds, and can be opened again after."""

    def interrupted():
        with Progress("x", 2, verbose) as bar:
            bar.advance()
            raise KeyboardInterrupt

    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            interrupted()
