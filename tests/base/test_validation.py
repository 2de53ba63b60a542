"""Checks of parameters and arrays: what passes, and what the message says of what does not."""

import numpy as np
import pytest

from eckart.base.validation import (
    check_bool,
    check_finite,
    check_float,
    check_int,
    check_option,
    native_array,
)


@pytest.mark.parametrize(("value", "low"), [(1, 1), (0, 0), (np.int64(5), 1), (10**12, 1)])
def test_whole_numbers_pass_as_int(value, low):
    """NumPy's integers come from every shape and argmax; they must work and leave as int (for JSON)."""
    checked = check_int(value, "rank", low=low)
    assert type(checked) is int
    assert checked == value


@pytest.mark.parametrize("value", [0, -3, 1.0, 2.5, "3", True, None, np.nan])
def test_what_is_no_whole_number_is_named(value):
    """The message is all the user sees: parameter, expectation and what came."""
    with pytest.raises(ValueError, match=r"rank: expected an integer >= 1, got ") as error:
        check_int(value, "rank")
    assert repr(value) in str(error.value)


def test_upper_bound_of_integers():
    """The bound itself is allowed."""
    assert check_int(8, "k", high=8) == 8
    with pytest.raises(ValueError, match="k: expected an integer <= 8, got 9"):
        check_int(9, "k", high=8)


@pytest.mark.parametrize("value", [0, 0.5, np.float32(0.25), np.int64(3)])
def test_finite_numbers_pass_as_float(value):
    """Whatever number came, parameters leave as Python floats."""
    checked = check_float(value, "reg")
    assert type(checked) is float
    assert checked == value


@pytest.mark.parametrize("value", [-1e-9, np.nan, np.inf, "0.1", None, True, [0.1], 1j])
def test_what_is_no_finite_number_is_named(value):
    """NaN compares false with every bound: it must not slip through."""
    with pytest.raises(ValueError, match=r"reg: expected a finite number >= 0, got "):
        check_float(value, "reg")


def test_bounds_of_numbers():
    """Open and closed ends differ where zero would divide."""
    with pytest.raises(ValueError, match="tol: expected a finite number > 0, got 0"):
        check_float(0, "tol", open_low=True)
    assert check_float(1, "test_size", high=1.0) == 1.0
    with pytest.raises(ValueError, match=r"test_size: expected a finite number >= 0 and <= 1, got 1\.5"):
        check_float(1.5, "test_size", high=1.0)


def test_options():
    """A misspelt option lists the right ones; None may be one."""
    assert check_option("cg", "solver", ("cholesky", "cg")) == "cg"
    assert check_option(None, "reg_scaling", ("count", None)) is None
    with pytest.raises(ValueError, match="solver: expected one of 'cholesky', 'cg', got 'lu'"):
        check_option("lu", "solver", ("cholesky", "cg"))
    with pytest.raises(ValueError, match="reg_scaling: expected one of 'count', got None"):
        check_option(None, "reg_scaling", ("count",))


@pytest.mark.parametrize("value", [0, 1, "yes", None])
def test_booleans_are_booleans(value):
    """biases="no" is true in Python."""
    assert check_bool(np.True_, "biases") is True
    with pytest.raises(ValueError, match=f"biases: expected True or False, got {value!r}"):
        check_bool(value, "biases")


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_the_first_place_that_is_not_finite_is_named(dtype, bad):
    """In a million ratings, "contains NaN" helps nobody."""
    values = np.zeros((3, 4), dtype=dtype)
    check_finite(values, "X")
    values[1, 2] = values[2, 0] = bad
    with pytest.raises(
        ValueError, match=rf"X: expected finite numbers, got {bad} at position \(1, 2\) \(2 such"
    ):
        check_finite(values, "X")
    with pytest.raises(ValueError, match="at position 2 "):
        check_finite(values[1], "y")


def test_empty_arrays_and_integers_are_finite():
    """Emptiness is somebody else's question."""
    check_finite(np.empty((0, 3)), "X")
    check_finite(np.arange(3), "X")


@pytest.mark.parametrize(
    "values",
    [
        [[1, 2], [3, 4]],
        np.array([[1, 2], [3, 4]], dtype=">f8"),
        np.asfortranarray([[1.0, 2.0], [3.0, 4.0]]),
        np.array([[1.0, 0, 2.0, 0], [3.0, 0, 4.0, 0]])[:, ::2],
        np.frombuffer(b"x" + np.array([1.0, 2, 3, 4]).tobytes(), dtype="u1")[1:].view("f8").reshape(2, 2),
    ],
    ids=["list", "big-endian", "fortran", "strided", "unaligned"],
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_arrays_become_what_kernels_take(values, dtype):
    """The bindings refuse any other layout; here it is made right, once."""
    array = native_array(values, dtype)
    assert array.dtype == dtype
    assert array.dtype.isnative
    assert array.flags.c_contiguous
    assert array.flags.aligned
    np.testing.assert_array_equal(array, [[1, 2], [3, 4]])


def test_a_right_array_is_not_copied():
    """A hundred million ratings fit in memory once."""
    values = np.zeros((2, 3), dtype=np.float32)
    assert np.shares_memory(native_array(values, np.float32), values)
