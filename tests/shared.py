"""Real data that are no part of the project, where the machine has them."""

import os
from pathlib import Path

import pytest


def shared_file(name):
    """A file of the shared data: in $ECKART_SHARED_DATA, or shared/data beside the checkout or its parent."""
    beside = [folder / "shared" / "data" for folder in Path(__file__).resolve().parents[2:4]]
    chosen = os.environ.get("ECKART_SHARED_DATA")
    for folder in [Path(chosen)] if chosen else beside:
        if (folder / name).exists():
            return folder / name
    return pytest.skip(f"shared data not found: {name} (set ECKART_SHARED_DATA)")
