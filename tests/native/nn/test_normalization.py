"""The kernels of the normalising layers against NumPy: both types, awkward sizes, threads bit for bit."""

import numpy as np
import pytest

from eckart._native import nn as native

DTYPES = [np.float32, np.float64]
ALL = (True, True, True)


def assert_close(found, expected, dtype):
    tolerance = 2e-4 if dtype == np.float32 else 1e-10
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


def normalised(x, axes, eps):
    mean, variance = x.mean(axes, keepdims=True), x.var(axes, keepdims=True)
    return (x - mean) / np.sqrt(variance + eps), 1 / np.sqrt(variance + eps)


def backward(xhat, inverse, g, axes):
    return inverse * (g - g.mean(axes, keepdims=True) - xhat * (g * xhat).mean(axes, keepdims=True))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(1, 1), (3, 2), (17, 31), (101, 128), (1003, 67), (2, 5003)])
def test_layer_norm(shape, dtype):
    """Rows far from zero keep their digits: moments are taken about the mean."""
    rng = np.random.default_rng(0)
    x = (rng.standard_normal(shape) + 30).astype(dtype)
    w, b, dy = (rng.standard_normal(s).astype(dtype) for s in (shape[1], shape[1], shape))
    y, mean, inverse = native.layer_norm(x, w, b, 1e-5, True, 1)
    back = native.layer_norm_backward(x, w, mean, inverse, dy, True, ALL, None, None, 1)
    xhat, scale = normalised(x.astype(np.float64), 1, 1e-5)
    dx = backward(xhat, scale, dy * w.astype(np.float64), 1)
    if shape[1] > 2:  # of one or two numbers the gradient is rounding alone
        assert_close((y, *back), (xhat * w + b, dx, (dy * xhat).sum(0), dy.sum(0)), dtype)
    for threads in (2, 3, 5):
        assert (native.layer_norm(x, w, b, 1e-5, True, threads)[0] == y).all()
        again = native.layer_norm_backward(x, w, mean, inverse, dy, True, ALL, None, None, threads)
        assert all((a == b).all() for a, b in zip(again, back, strict=True))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("rectified", [False, True])
@pytest.mark.parametrize("shape", [(2, 1, 1), (5, 3, 7), (16, 37, 64), (3, 2, 5003)])
def test_batch_norm(shape, rectified, dtype):
    """One pass over memory gives the moments of all images, and ReLU rides along."""
    rng = np.random.default_rng(0)
    x = (rng.standard_normal(shape) + 10).astype(dtype)
    w, b, dy = (rng.standard_normal(s).astype(dtype) for s in (shape[1], shape[1], shape))
    mean, variance = native.channel_moments(x, 1)
    y = native.batch_norm(x, mean, variance, w, b, 1e-5, rectified, 1)
    arguments = (x, y, mean, variance, w, dy, 1e-5, rectified, False, ALL, None, None)
    back = native.batch_norm_backward(*arguments, 1)
    assert_close((mean, variance), (x.mean((0, 2), dtype=float), x.var((0, 2), dtype=float)), dtype)
    if shape[0] * shape[2] > 2:
        xhat, scale = normalised(x.astype(np.float64), (0, 2), 1e-5)
        expected = xhat * w[:, None] + b[:, None]
        g = dy * (y > 0) if rectified else dy.astype(np.float64)
        dx = backward(xhat, scale, g, (0, 2)) * w[:, None]
        assert_close(
            (y, *back),
            (np.maximum(expected, 0) if rectified else expected, dx, (g * xhat).sum((0, 2)), g.sum((0, 2))),
            dtype,
        )
    for threads in (2, 3, 5):
        assert (native.channel_moments(x, threads)[1] == variance).all()
        again = native.batch_norm_backward(*arguments, threads)
        assert all((a == b).all() for a, b in zip(again, back, strict=True))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("shape", "groups"), [((1, 2, 3), 1), ((3, 6, 5), 3), ((7, 35, 97), 5), ((4, 3, 64), 3)]
)
def test_group_norm(shape, groups, dtype):
    """Groups are normalised, channels scaled; a weight of 0 is no division by it."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal(shape).astype(dtype)
    w, b, dy = (rng.standard_normal(s).astype(dtype) for s in (shape[1], shape[1], shape))
    w[0] = 0
    y, mean, inverse = native.group_norm(x, groups, w, b, 1e-5, 1)
    back = native.group_norm_backward(x, groups, mean, inverse, w, dy, ALL, None, None, 1)
    parts = (shape[0], groups, shape[1] // groups, shape[2])
    xhat, scale = normalised(x.astype(np.float64).reshape(parts), (2, 3), 1e-5)
    dx = backward(xhat, scale, (dy * w[:, None]).reshape(parts), (2, 3)).reshape(shape)
    xhat = xhat.reshape(shape)
    assert_close(
        (y, *back), (xhat * w[:, None] + b[:, None], dx, (dy * xhat).sum((0, 2)), dy.sum((0, 2))), dtype
    )
    for threads in (2, 3, 5):
        again = native.group_norm_backward(x, groups, mean, inverse, w, dy, ALL, None, None, threads)
        assert all((a == b).all() for a, b in zip(again, back, strict=True))


def test_shapes_are_checked():
    """Raw memory is read: a wrong length is an error, not a crash."""
    x = np.zeros((3, 4, 5), np.float32)
    with pytest.raises(ValueError, match="weight: expected a vector of length 4"):
        native.batch_norm(
            x, x[0, :, 0].copy(), x[0, :, 0].copy(), np.zeros(5, np.float32), None, 1e-5, False, 1
        )
    with pytest.raises(ValueError, match="groups: expected a divisor of 4"):
        native.group_norm(x, 3, None, None, 1e-5, 1)
