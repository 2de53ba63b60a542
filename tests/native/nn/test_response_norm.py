"""Local response normalisation against its formula: both types, windows of any size, threads bit for bit."""

import numpy as np
import pytest

from eckart._native import nn as native


def windows(x, window, behind):
    """Return the sums over the channels c - behind, ..., c - behind + window - 1 that there are."""
    padded = np.pad(x, ((0, 0), (behind, window - 1 - behind), (0, 0)))
    return np.stack([padded[:, c : c + window].sum(axis=1) for c in range(x.shape[1])], axis=1)


def expected(x, dy, window, alpha, beta, k):
    x, dy = x.astype(np.float64), dy.astype(np.float64)
    d = k + alpha / window * windows(x * x, window, window // 2)
    y = x * d**-beta
    crowd = windows(dy * y / d, window, window - 1 - window // 2)
    return y, d, dy * d**-beta - 2 * alpha * beta / window * x * crowd


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("beta", [0.75, 1.3])  # by roots, and by any power
@pytest.mark.parametrize(
    ("shape", "window"),
    [((1, 1, 1), 1), ((2, 7, 13), 5), ((3, 4, 1), 4), ((2, 3, 1031), 9), ((5, 31, 300), 2)],
)
def test_response_norm(shape, window, beta, dtype):
    """Windows wider than the channels are cut, even ones look further back: as in the paper's formula."""
    rng = np.random.default_rng(0)
    x, dy = (rng.standard_normal(shape).astype(dtype) for _ in range(2))
    options = (window, 0.7, beta, 1.5)
    y, d = native.response_norm(x, *options, 1)
    dx = native.response_norm_backward(x, y, d, dy, *options, 1)
    tolerance = 2e-6 if dtype == np.float32 else 1e-13
    for found, right in zip((y, d, dx), expected(x, dy, *options), strict=True):
        np.testing.assert_allclose(found, right, rtol=10 * tolerance, atol=tolerance)
    for threads in (2, 3, 5):
        again = native.response_norm(x, *options, threads)
        assert all((a == b).all() for a, b in zip(again, (y, d), strict=True))
        assert (native.response_norm_backward(x, y, d, dy, *options, threads) == dx).all()


def test_nothing_in_nothing_out():
    """No image, no channel and no place are no error."""
    for shape in ((0, 3, 4), (2, 0, 4), (2, 3, 0)):
        x = np.zeros(shape, np.float32)
        y, d = native.response_norm(x, 5, 1.0, 0.75, 1.0, 2)
        assert y.shape == d.shape == native.response_norm_backward(x, y, d, x, 5, 1.0, 0.75, 1.0, 2).shape


def test_memory_is_not_overrun():
    """Arrays of other shapes, or a window of nothing, are refused before the kernel runs."""
    x, other = np.zeros((2, 3, 4), np.float32), np.zeros((2, 3, 5), np.float32)
    with pytest.raises(ValueError, match="dy: expected the shape of x"):
        native.response_norm_backward(x, x, x, other, 5, 1.0, 0.75, 1.0, 1)
    with pytest.raises(ValueError, match="window: expected at least 1, got 0"):
        native.response_norm(x, 0, 1.0, 0.75, 1.0, 1)
    with pytest.raises(ValueError, match="x: expected 3 dimensions, got 2"):
        native.response_norm(x[0], 1, 1.0, 0.75, 1.0, 1)
