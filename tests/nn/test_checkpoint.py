"""Nested states in a file and back."""

import numpy as np
import pytest

from eckart import EckartError
from eckart.nn.checkpoint import read_checkpoint, write_checkpoint


def test_round_trip_keeps_types(tmp_path):
    """Optimiser states have integer keys, tuples, infinities and arrays of every shape: all come back."""
    state = {
        "state": {0: {"step": 3, "m": np.arange(3.0)}, 1: {"m": np.float32([[1, 2]])}},
        "betas": (0.9, 0.1 + 0.2), "best": float("inf"), "none": None, "flag": True, "text": "ü",
        "list": [1, [2.5, "x"]], "zero": np.array(7, np.int64), "number": np.float32(0.1),
    }  # fmt: skip
    write_checkpoint(tmp_path / "c", state)
    back = read_checkpoint(tmp_path / "c")
    assert list(back) == list(state)
    assert back["betas"] == state["betas"]
    assert isinstance(back["betas"], tuple)
    assert back["best"] == float("inf")
    assert back["list"] == state["list"]
    assert back["state"][0]["step"] == 3
    assert back["flag"] is True
    np.testing.assert_array_equal(back["state"][1]["m"], state["state"][1]["m"])
    assert back["zero"].shape == ()
    assert back["zero"].dtype == np.int64
    back["state"][0]["m"][0] = 5  # a copy, not the file


def test_other_objects_and_files(tmp_path):
    """Nothing is stored that could not be read back, and no other file is taken for a checkpoint."""
    with pytest.raises(TypeError, match="state/a: expected arrays, numbers and text, got set"):
        write_checkpoint(tmp_path / "c", {"a": {1}})
    (tmp_path / "d").write_bytes(b"nonsense")
    with pytest.raises(EckartError):
        read_checkpoint(tmp_path / "d")
    with pytest.raises(EckartError, match="no such file"):
        read_checkpoint(tmp_path / "missing")
