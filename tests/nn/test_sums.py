"""Sums that networks are made of: the same as NumPy's, in native code or not."""

import numpy as np
import pytest

from eckart._native import nn as native
from eckart.nn import sums


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64])
@pytest.mark.parametrize(
    ("left", "right"),
    [((3, 5), (3, 5)), ((4, 3, 5), (3, 5)), ((70, 131, 3), (3,)), ((3, 5), (3, 1)), ((5,), ())],
)
def test_sums_equal_numpys(left, right, dtype):
    """Native code takes floats whose last axes fit; whatever else broadcasts goes to NumPy."""
    rng = np.random.default_rng(0)
    a, b = (rng.integers(-9, 9, shape).astype(dtype) for shape in (left, right))
    np.testing.assert_array_equal(sums.add(a, b), a + b)
    np.testing.assert_array_equal(sums.add(a[::-1], b), a[::-1] + b)
    np.testing.assert_array_equal(sums.sum_leading(a, 1), a.sum(0))
    expected = a + a
    sums.add_into(a, a.copy())
    np.testing.assert_array_equal(a, expected)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(0, 3), (1, 1), (37, 5), (300, 129), (5, 2000), (64, 64, 33)])
def test_the_same_bits_for_all_thread_counts(shape, dtype):
    """Both loops are cut by size alone."""
    x = np.random.default_rng(0).standard_normal(shape).astype(dtype)
    other = np.ones(shape[1:], dtype)
    for f in (lambda n: native.sum_rows(x, 1, n), lambda n: native.add(x, other, False, n)):
        for threads in (2, 3, 5):
            np.testing.assert_array_equal(f(threads), f(1))
    np.testing.assert_allclose(
        native.sum_rows(x, 1, 2), x.reshape(-1, shape[-1]).sum(0), rtol=1e-4, atol=1e-3
    )


def test_shapes_that_do_not_fit():
    """The binding must not read beyond an array."""
    x = np.zeros((3, 4), np.float32)
    with pytest.raises(ValueError, match="b: expected the last axes of a"):
        native.add(x, np.zeros(3, np.float32), False, 1)
    with pytest.raises(ValueError, match="axes: expected at most those of x"):
        native.sum_rows(x, 3, 1)
