"""Copies between views, sums of repeated arrays, chosen slices: against NumPy, on any number of threads."""

import numpy as np
import pytest

from eckart._native import nn as native

DTYPES = [np.float32, np.float64]
RNG = np.random.default_rng(0)
VIEWS = [
    lambda a: a,
    lambda a: a.T,
    lambda a: a[::2, 1:, ::-1],
    lambda a: a[:, 3],
    lambda a: a[1, 2, 3:4].reshape(()),
    lambda a: a[:0],
    lambda a: np.broadcast_to(a[:1], (4, *a.shape[1:])),
    lambda a: a.transpose(1, 0, 2)[:, :, None],
]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("view", VIEWS)
def test_a_copy_of_any_view(view, dtype):
    """Whatever the steps of a view are, the copy has its entries, in a new array and in a view of another."""
    source = view(RNG.standard_normal((5, 7, 130)).astype(dtype))
    assert np.array_equal(native.copy(source, None, 2), source)
    frame = np.full([n + 3 for n in source.shape], 7, dtype)
    inside = tuple(slice(1, n + 1) for n in source.shape)
    native.copy(source, frame[(*inside, ...)], 2)
    expected = np.full_like(frame, 7)
    expected[inside] = source
    assert np.array_equal(frame, expected)


def test_a_copy_refuses_what_does_not_fit():
    """Memory is safe: another shape or an array that may not be written is refused."""
    a, closed = np.zeros((2, 3)), np.zeros((2, 3))
    closed.flags.writeable = False
    for to in (np.zeros((3, 2)), closed):
        with pytest.raises(ValueError, match="to: expected a writeable array"):
            native.copy(a, to, 1)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(), (1,), (9,), (64, 130), (3, 64, 130)])
def test_repeated_arrays(shape, dtype):
    """Addition repeats the second array, in place too; its gradient is the sum over the repetitions."""
    x = RNG.standard_normal((3, 64, 130) if shape != (9,) else (40, 9)).astype(dtype)
    x = x[..., :1].copy() if shape == (1,) else x
    b = RNG.standard_normal(shape).astype(dtype)
    expected = x + b
    for threads in (1, 2, 3, 5):
        assert np.array_equal(native.add(x, b, None, threads), expected)
        total = native.sum_leading(x, shape, None, threads)
        np.testing.assert_allclose(
            total, x.reshape(-1, *shape).sum(0), rtol=1e-3 if dtype == np.float32 else 1e-9
        )
        assert np.array_equal(total, native.sum_leading(x, shape, None, 1))
    given = x.copy()
    assert native.add(given, b, given, 2) is given
    assert np.array_equal(given, expected)


def test_repeated_arrays_have_the_last_axes():
    """What does not repeat is refused before memory is touched."""
    with pytest.raises(ValueError, match="b: expected the last axes of x"):
        native.add(np.zeros((4, 3)), np.zeros(4), None, 1)
    with pytest.raises(ValueError, match="b: expected the last axes of x"):
        native.sum_leading(np.zeros((4, 3)), (2, 4, 3), None, 1)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_slices(axis, dtype):
    """Slices are chosen along any axis, twice or never; gradients of a slice add up in order."""
    x = RNG.standard_normal((3, 5, 7)).astype(dtype)
    ids = np.array([2, 0, 2, 1, 2])
    y = native.take(x, ids, axis, 2)
    assert np.array_equal(y, np.take(x, ids, axis))
    expected = np.zeros_like(x)
    np.add.at(np.moveaxis(expected, axis, 0), ids, np.moveaxis(y, axis, 0))
    np.testing.assert_allclose(native.take_backward(y, ids, axis, x.shape[axis], 3), expected, rtol=1e-6)
    assert np.array_equal(native.take(x, ids - x.shape[axis], axis, 2), y)
    with pytest.raises(IndexError, match=r"index: expected integers in \[-"):
        native.take(x, np.array([x.shape[axis]]), axis, 1)
    with pytest.raises(ValueError, match="axis"):
        native.take(x, ids, 3, 1)
