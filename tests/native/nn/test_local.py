"""Locally connected layers against their formula, the same bits for any number of threads."""

import numpy as np
import pytest
from tests.nn import reference

from eckart._native import nn as native

TOLERANCE = {np.float32: 1e-4, np.float64: 1e-12}
# n, in, out, (h, w), kernel, stride, margins, dilation
CASES = [
    (2, 3, 5, (6, 7), (3, 3), (1, 1), (0, 0, 0, 0), (1, 1)),
    (1, 1, 12, (16, 16), (5, 5), (2, 2), (2, 2, 2, 2), (1, 1)),
    (64, 2, 9, (5, 5), (2, 3), (1, 2), (1, 0, 2, 1), (2, 1)),
    (17, 4, 1, (1, 11), (1, 3), (1, 3), (0, 0, 0, 0), (1, 1)),
    (0, 2, 3, (4, 4), (2, 2), (1, 1), (0, 0, 0, 0), (1, 1)),
]


def arrays(case, dtype):
    n, c, o, size, kernel, stride, margins, dilation = case
    rng = np.random.default_rng(0)
    x = rng.standard_normal((n, c, *size)).astype(dtype)
    seen = reference.windows(x.astype(float), kernel, stride, margins, dilation)  # (n, c, oh, ow, kh, kw)
    w = rng.standard_normal((*seen.shape[2:4], o, c, *kernel)).astype(dtype)
    b = rng.standard_normal((*seen.shape[2:4], o)).astype(dtype)
    return x, w, b, seen, (stride, margins, dilation)


def close(found, expected, dtype):
    assert found.dtype == dtype
    assert found.shape == expected.shape
    scale = max(1.0, np.abs(expected).max(initial=0))
    np.testing.assert_allclose(found, expected, rtol=0, atol=TOLERANCE[dtype] * scale)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("case", CASES)
def test_all_directions_equal_the_formula(case, dtype):
    """Each position has weights of its own, and so has each gradient."""
    x, w, b, seen, sizes = arrays(case, dtype)
    y = native.local2d(x, w, b, *sizes, "none", 2)
    close(y, np.einsum("ncijkl,ijockl->noij", seen, w) + b.transpose(2, 0, 1), dtype)
    dy = np.random.default_rng(1).standard_normal(y.shape).astype(dtype)
    dx, dw, db = native.local2d_backward(x, w, dy, None, *sizes, "none", (True,) * 3, None, None, 2)
    close(dw, np.einsum("ncijkl,noij->ijockl", seen, dy.astype(float)), dtype)
    close(db, dy.astype(float).sum(0).transpose(1, 2, 0), dtype)
    # Linear in x: <dy, layer(e)> for every unit image e is dx, which a random direction checks.
    direction = np.random.default_rng(2).standard_normal(x.shape)
    along = np.einsum("ncijkl,ijockl->noij", reference.windows(direction, case[4], *sizes), w)
    np.testing.assert_allclose(
        (dx * direction).sum(), (along * dy).sum(), rtol=TOLERANCE[dtype] * 10, atol=1e-9
    )


def test_equal_weights_everywhere_are_a_convolution():
    """Local and shared weights are one layer with a sharing pattern."""
    x, w, _, _, sizes = arrays(CASES[0], np.float64)
    w[...] = w[0, 0]
    dy = np.random.default_rng(3).standard_normal((2, 5, *w.shape[:2]))
    y = native.local2d(x, w, None, *sizes, "tanh", 1)
    np.testing.assert_allclose(y, np.tanh(reference.conv2d(x, w[0, 0], None, *sizes, 1)), atol=1e-12)
    dx, dw, _ = native.local2d_backward(x, w, dy, y, *sizes, "tanh", (True, True, False), None, None, 1)
    expected = reference.conv2d_gradients(x, w[0, 0], dy * (1 - y**2), *sizes, 1)
    np.testing.assert_allclose(dx, expected[0], atol=1e-12)
    np.testing.assert_allclose(dw.sum((0, 1)), expected[1], atol=1e-12)


@pytest.mark.parametrize("case", CASES[:3])
def test_threads_change_no_bit(case):
    """A position, or an input channel, is one task."""
    x, w, b, _, sizes = arrays(case, np.float32)
    y = native.local2d(x, w, b, *sizes, "relu", 1)
    one = native.local2d_backward(x, w, y, y, *sizes, "relu", (True,) * 3, None, None, 1)
    for t in (2, 3, 5):
        assert np.array_equal(native.local2d(x, w, b, *sizes, "relu", t), y)
        found = native.local2d_backward(x, w, y, y, *sizes, "relu", (True,) * 3, None, None, t)
        assert all(np.array_equal(p, q) for p, q in zip(one, found, strict=True))


def test_what_does_not_fit_is_refused():
    """Names what was expected and what came."""
    x, w, b, _, sizes = arrays(CASES[0], np.float64)
    with pytest.raises(ValueError, match="weight: expected weights for 4 x 5 positions, got 3 x 5"):
        native.local2d(x, w[:-1], None, *sizes, "none", 1)
    with pytest.raises(ValueError, match="channels of weight and of x"):
        native.local2d(np.ascontiguousarray(x[:, :2]), w, None, *sizes, "none", 1)
    with pytest.raises(ValueError, match="bias: expected 100 entries, got 80"):
        native.local2d(x, w, np.ascontiguousarray(b[..., :4]), *sizes, "none", 1)
    with pytest.raises(ValueError, match="dy: expected"):
        native.local2d_backward(x, w, x, None, *sizes, "none", (True,) * 3, None, None, 1)
