"""Losses of pairs and their slopes, against their formulas."""

import numpy as np
import pytest

from eckart._native import nn as native

LOSSES = {
    "squared": (lambda x, t: (x - t) ** 2, lambda x, t: 2 * (x - t)),
    "absolute": (lambda x, t: np.abs(x - t), lambda x, t: np.sign(x - t)),
    "huber": (
        lambda x, t: np.where(abs(x - t) < 0.7, (x - t) ** 2 / 2, 0.7 * (abs(x - t) - 0.35)),
        lambda x, t: np.clip(x - t, -0.7, 0.7),
    ),
    "logistic": (lambda x, t: np.logaddexp(0, x) - x * t, lambda x, t: 1 / (1 + np.exp(-x)) - t),
}


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 2e-5), (np.float64, 1e-12)])
@pytest.mark.parametrize("n", [0, 1, 10, 16, 9001])
@pytest.mark.parametrize("loss", LOSSES)
def test_against_the_formula(loss, n, dtype, tolerance):
    """Sum and mean, and the slopes of each, for whole vectors and what is left over."""
    rng = np.random.default_rng(n)
    x, t = (3 * rng.standard_normal(n)).astype(dtype), rng.uniform(0, 1, n).astype(dtype)
    x[: n // 3] = t[: n // 3]
    value, slope = LOSSES[loss]
    for mean in (False, True):
        scale = 1 / n if mean and n else 1
        total, slopes = native.paired_loss(loss, x, t, 0.7, mean, 2)
        if n or not mean:
            np.testing.assert_allclose(total, value(x, t).sum() * scale, rtol=tolerance, atol=1e-30)
        else:
            assert np.isnan(total)
        np.testing.assert_allclose(slopes, slope(x, t) * scale, rtol=tolerance, atol=tolerance * scale)
        for threads in (1, 3, 5):
            again = native.paired_loss(loss, x, t, 0.7, mean, threads)
            assert np.array_equal(again[0], total, equal_nan=True)
            assert np.array_equal(again[1], slopes)


def test_far_from_zero():
    """Logits of any size give no overflow: the loss of a large wrong one is its size."""
    x, t = np.array([1e4, -1e4, 1e4, -1e4]), np.array([0.0, 1.0, 1.0, 0.0])
    total, slopes = native.paired_loss("logistic", x, t, 1.0, False, 1)
    assert total == 2e4
    np.testing.assert_allclose(slopes, [1, -1, 0, 0], atol=1e-300)


def test_refused():
    """Shapes that differ and unknown names are refused."""
    with pytest.raises(ValueError, match="target: expected the shape of x"):
        native.paired_loss("squared", np.zeros(3), np.zeros(4), 1.0, True, 1)
    with pytest.raises(ValueError, match="loss: expected the name of one"):
        native.paired_loss("cubic", np.zeros(3), np.zeros(3), 1.0, True, 1)
