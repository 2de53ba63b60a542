"""Named arrays and a little JSON: each access is a check."""

import numpy as np
import pytest
from eckart import EckartError
from eckart.base.state import State, finite


def test_parts_go_under_a_prefix():
    """A model stores its ratings, they their vocabularies: names never collide."""
    inner = State({"ids": np.arange(3)}, {"kind": "integer"})
    outer = State({"ids": np.zeros(2)}, {"size": 2})
    middle = State()
    middle.put("users", inner)
    outer.put("interactions", middle)
    assert set(outer.arrays) == {"ids", "interactions.users.ids"}
    assert outer.has("interactions")
    assert not outer.has("users")
    back = outer.sub("interactions").sub("users")
    np.testing.assert_array_equal(back.arrays["ids"], np.arange(3))
    assert back.meta == {"kind": "integer"}
    for missing in ("users", "size"):
        with pytest.raises(EckartError, match=f"part '{missing}' is missing"):
            outer.sub(missing)


def test_arrays_are_checked():
    """Presence, dimensions, lengths, types, and that floats are numbers."""
    state = State({"x": np.zeros((2, 3), np.float32), "n": np.arange(4), "bad": np.array([1.0, np.nan])})
    assert state.array("x", shape=(2, None), dtype=(np.float32, np.float64)).shape == (2, 3)
    assert state.array("n", shape=(4,)).dtype.kind == "i"
    for name, shape, dtype, message in (
        ("y", (2,), None, "'y' is missing"),
        ("x", (3, None), None, r"shape \(2, 3\), expected \(3, None\)"),
        ("x", (None,), None, "shape"),
        ("x", (2, 3), np.float64, "is float32, expected"),
        ("n", (4,), (np.int32, np.float32), "is int64, expected"),
        ("bad", (2,), None, "'bad' holds NaN"),
    ):
        with pytest.raises(EckartError, match=message):
            state.array(name, shape=shape, dtype=dtype)


def test_numbers_are_finite():
    """A NaN mean would make every prediction NaN, a text would fail much later."""
    assert State(meta={"mean": 3}).number("mean") == 3.0
    for bad in (float("nan"), float("inf"), "3", None, True, [3]):
        with pytest.raises(EckartError, match=r"'mean' is .*, expected a finite number"):
            State(meta={"mean": bad}).number("mean")
    with pytest.raises(EckartError, match="'mean' is None"):
        State().number("mean")
    assert finite(0.5, "x") == 0.5
