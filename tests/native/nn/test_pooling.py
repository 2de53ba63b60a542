"""Pooling against its definition, the same bits for any number of threads."""

import itertools

import numpy as np
import pytest
from tests.nn import reference

from eckart._native import nn as native

# (h, w), kernel, stride, padding, dilation
CASES = [
    ((8, 8), (2, 2), (2, 2), (0, 0), (1, 1)),
    ((9, 11), (3, 3), (2, 2), (1, 1), (1, 1)),  # overlapping
    ((7, 13), (2, 3), (3, 1), (1, 0), (1, 2)),
    ((1, 17), (1, 5), (1, 4), (0, 2), (1, 1)),
    ((5, 5), (5, 5), (1, 1), (0, 0), (1, 1)),
    ((6, 37), (1, 1), (1, 1), (0, 0), (1, 1)),
    ((28, 75), (2, 2), (2, 2), (0, 0), (1, 1)),  # whole vectors of windows
    ((20, 71), (3, 3), (2, 2), (1, 1), (1, 1)),
    ((19, 50), (3, 3), (1, 1), (1, 0), (1, 1)),
    ((9, 90), (2, 4), (1, 2), (1, 1), (2, 1)),
]


def margins(padding):
    return (*padding, *padding)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("size", "kernel", "stride", "padding", "dilation"), CASES)
def test_max_pool_equals_its_definition(size, kernel, stride, padding, dilation, dtype):
    """The largest entry of each window, and where it stands; its gradient goes there and nowhere else."""
    x = np.random.default_rng(0).standard_normal((3, 2, *size)).astype(dtype)
    y, places = native.max_pool2d(x, kernel, stride, padding, dilation, False, 2)
    seen = reference.windows(x, kernel, stride, margins(padding), dilation, fill=-np.inf)
    np.testing.assert_array_equal(y, seen.max((4, 5)))
    planes = x.reshape(3, 2, -1)
    np.testing.assert_array_equal(
        np.take_along_axis(planes, places.reshape(3, 2, -1).astype(np.intp), 2), y.reshape(3, 2, -1)
    )
    dy = np.random.default_rng(1).standard_normal(y.shape).astype(dtype)
    expected = np.zeros(planes.shape)
    for n, c in itertools.product(range(3), range(2)):
        np.add.at(expected[n, c], places[n, c].ravel(), dy[n, c].ravel())
    dx = native.max_pool2d_backward(dy, places, size, 2)
    np.testing.assert_allclose(dx, expected.reshape(x.shape), atol=1e-6 if dtype == np.float32 else 1e-14)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("size", "kernel", "stride", "padding", "dilation"), CASES)
def test_rectified_pool_is_the_pool_of_rectified_numbers(size, kernel, stride, padding, dilation, dtype):
    """A layer's ReLU may wait until its planes are a fourth as large: the same values and gradients."""
    x = np.random.default_rng(0).standard_normal((3, 2, *size)).astype(dtype) - dtype(1)
    options = kernel, stride, padding, dilation, False, 2
    y, places = native.max_pool2d(x, *options, rectify=True)
    expected, at = native.max_pool2d(np.maximum(x, 0), *options)
    np.testing.assert_array_equal(y, expected)
    dy = np.random.default_rng(1).standard_normal(y.shape).astype(dtype)
    assert ((places >= 0) == (y > 0)).all()
    slope = native.max_pool2d_backward(dy, at, size, 2) * (x > 0)
    np.testing.assert_allclose(native.max_pool2d_backward(dy, places, size, 2), slope, atol=1e-6)


def test_a_rectified_pool_lets_nan_pass():
    """As ReLU does: a NaN must not become a zero."""
    x = np.full((1, 1, 2, 40), -1.0)
    x[0, 0, 1, 3] = np.nan
    y, places = native.max_pool2d(x, (2, 2), (2, 2), (0, 0), (1, 1), False, 1, rectify=True)
    assert np.isnan(y[0, 0, 0, 1])
    assert places[0, 0, 0, 1] == 43
    assert (np.delete(y.ravel(), 1) == 0).all()


@pytest.mark.parametrize("width", [16, 17, 28, 32, 33, 64, 70])
def test_gradients_of_places_anywhere(width):
    """The usual windows take a way of their own back, on which a place from elsewhere must be noticed."""
    rng = np.random.default_rng(width)
    x = rng.standard_normal((2, 5, 6, width)).astype(np.float32)
    y, places = native.max_pool2d(x, (2, 2), (2, 2), (0, 0), (1, 1), False, 1)
    places[1, 2] = rng.integers(-1, 6 * width, places[1, 2].shape)
    dy = rng.standard_normal(y.shape).astype(np.float32)
    expected = np.zeros((2, 5, 6 * width))
    for n, c in itertools.product(range(2), range(5)):
        seen = places[n, c] >= 0
        np.add.at(expected[n, c], places[n, c][seen], dy[n, c][seen])
    for threads in (1, 2):
        dx = native.max_pool2d_backward(dy, places, (6, width), threads)
        np.testing.assert_allclose(dx, expected.reshape(x.shape), atol=1e-6)


@pytest.mark.parametrize("include_padding", [True, False])
@pytest.mark.parametrize(("size", "kernel", "stride", "padding"), [case[:4] for case in CASES])
def test_avg_pool_equals_its_definition(size, kernel, stride, padding, include_padding):
    """The mean of each window, of what the padding leaves of it, and back."""
    x = np.random.default_rng(0).standard_normal((3, 2, *size))
    sizes = kernel, stride, padding, False, include_padding
    y = native.avg_pool2d(x, *sizes, 2)
    seen = reference.windows(x, kernel, stride, margins(padding), (1, 1))
    inside = reference.windows(np.ones_like(x), kernel, stride, margins(padding), (1, 1)).sum((4, 5))
    counts = np.full_like(inside, np.prod(kernel)) if include_padding else inside
    np.testing.assert_allclose(y, seen.sum((4, 5)) / counts, atol=1e-14)
    dy = np.random.default_rng(1).standard_normal(y.shape)
    direction = np.random.default_rng(2).standard_normal(x.shape)
    dx = native.avg_pool2d_backward(dy, size, *sizes, 2)
    np.testing.assert_allclose((dx * direction).sum(), (native.avg_pool2d(direction, *sizes, 1) * dy).sum())


def test_adaptive_windows_cover_the_plane():
    """Windows of as even a size as the numbers allow; one window is the mean of the plane."""
    x = np.random.default_rng(0).standard_normal((2, 3, 7, 10))
    np.testing.assert_allclose(native.adaptive_avg_pool2d(x, (1, 1), 2)[..., 0, 0], x.mean((2, 3)))
    y = native.adaptive_avg_pool2d(x, (3, 4), 2)
    for i, j in itertools.product(range(3), range(4)):
        window = x[:, :, i * 7 // 3 : -(-(i + 1) * 7 // 3), j * 10 // 4 : -(-(j + 1) * 10 // 4)]
        np.testing.assert_allclose(y[..., i, j], window.mean((2, 3)))
    dy = np.random.default_rng(1).standard_normal(y.shape)
    dx = native.adaptive_avg_pool2d_backward(dy, (7, 10), 2)
    np.testing.assert_allclose((dx * x).sum(), (dy * y).sum())


def test_nan_is_the_largest_and_the_first_of_equal_ones_wins():
    """A NaN must not vanish in a pool, and minus infinity is a value."""
    x = np.array([[[[1.0, 1.0, np.nan, 5.0], [1.0, 0.0, 2.0, np.nan]]]])
    y, places = native.max_pool2d(x, (2, 2), (2, 2), (0, 0), (1, 1), False, 1)
    assert y[0, 0, 0, 0] == 1
    assert places[0, 0, 0, 0] == 0
    assert np.isnan(y[0, 0, 0, 1])
    y, places = native.max_pool2d(np.full((1, 1, 2, 2), -np.inf), (2, 2), (1, 1), (1, 1), (1, 1), False, 1)
    assert (y == -np.inf).all()
    assert (places >= 0).all()


def test_threads_change_no_bit():
    """A plane is one task."""
    x = np.random.default_rng(0).standard_normal((5, 7, 33, 31)).astype(np.float32)

    def results(t):
        y, places = native.max_pool2d(x, (3, 3), (2, 2), (1, 1), (1, 1), True, t)
        yield from (y, places, native.max_pool2d_backward(y, places, (33, 31), t))
        y = native.avg_pool2d(x, (3, 3), (2, 2), (1, 1), False, True, t)
        yield from (y, native.avg_pool2d_backward(y, (33, 31), (3, 3), (2, 2), (1, 1), False, True, t))
        yield native.adaptive_avg_pool2d(x, (2, 5), t)

    one = list(results(1))
    for t in (2, 3, 5):
        assert all(np.array_equal(p, q) for p, q in zip(one, results(t), strict=True))


def test_what_does_not_fit_is_refused():
    """Names what was expected and what came; places from elsewhere cannot write beyond a plane."""
    x = np.ones((1, 1, 4, 4))
    with pytest.raises(ValueError, match="padding: expected from 0 to half of the kernel, 1, got 2"):
        native.max_pool2d(x, (2, 2), (1, 1), (2, 2), (1, 1), False, 1)
    with pytest.raises(ValueError, match="x: expected at least 5 positions with the padding, got 4"):
        native.max_pool2d(x, (5, 5), (1, 1), (0, 0), (1, 1), False, 1)
    with pytest.raises(ValueError, match="kernel_size: expected at least 1, got 0"):
        native.avg_pool2d(x, (0, 1), (1, 1), (0, 0), False, True, 1)
    with pytest.raises(ValueError, match="x: expected 4 dimensions, got 3"):
        native.adaptive_avg_pool2d(x[0], (1, 1), 1)
    with pytest.raises(ValueError, match="output_size: expected at least 1, got 0"):
        native.adaptive_avg_pool2d(x, (0, 1), 1)
    with pytest.raises(ValueError, match="places: expected less than 4, got 4"):
        native.max_pool2d_backward(np.ones((1, 1, 1, 1)), np.full((1, 1, 1, 1), 4, np.int32), (2, 2), 1)
