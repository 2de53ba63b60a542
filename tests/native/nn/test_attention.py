"""The attention kernels against NumPy, at awkward sizes, with masks, on any number of threads."""

import numpy as np
import pytest

from eckart._native import nn as native

SHAPES = [  # batch, heads, queries, keys, width, value width
    (1, 1, 1, 1, 1, 1),
    (2, 3, 5, 7, 4, 3),
    (1, 2, 37, 300, 17, 16),
    (1, 2, 131, 131, 16, 33),
    (2, 1, 64, 64, 32, 32),
    (1, 2, 100, 200, 32, 48),
    (1, 1, 70, 515, 80, 64),
]


def reference(q, k, v, mask, scale, causal, dy):
    """Attention as it is written, in float64, and its gradients."""
    q, k, v, dy = (a.astype(np.float64) for a in (q, k, v, dy))
    scores = scale * q @ k.swapaxes(-1, -2) + (0 if mask is None else mask)
    if causal:
        scores = np.where(np.tri(*scores.shape[-2:], dtype=bool), scores, -np.inf)
    p = np.exp(scores - scores.max(-1, keepdims=True))
    p /= p.sum(-1, keepdims=True)
    dp = dy @ v.swapaxes(-1, -2)
    ds = p * (dp - (dp * p).sum(-1, keepdims=True)) * scale
    return p @ v, ds @ k, ds.swapaxes(-1, -2) @ q, p.swapaxes(-1, -2) @ dy


def example(shape, dtype, kind, seed=0):
    batch, heads, t, s, d, dv = shape
    rng = np.random.default_rng(seed)
    q, k, v = (rng.standard_normal((batch, heads, *tail)).astype(dtype) for tail in ((t, d), (s, d), (s, dv)))
    mask = None
    if kind == "mask":
        mask = np.where(rng.random((t, s)) < 0.6, rng.standard_normal((t, s)), -np.inf)
        mask[:, 0] = 0
        mask = np.broadcast_to(mask.astype(dtype), (batch, heads, t, s))
    return q, k, v, mask, rng.standard_normal((batch, heads, t, dv)).astype(dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", ["all", "causal", "mask"])
@pytest.mark.parametrize("shape", SHAPES)
def test_against_numpy(shape, kind, dtype):
    """Blocks, padding and a running maximum change nothing but the last digits; threads not even those."""
    q, k, v, mask, dy = example(shape, dtype, kind)
    options = (0.3, kind == "causal")
    y, lse = native.attention(q, k, v, mask, *options, 1)
    gradients = native.attention_backward(q, k, v, mask, y, lse, dy, *options, 1)
    tolerance = 1e-5 if dtype == np.float32 else 1e-12
    for found, expected in zip((y, *gradients), reference(q, k, v, mask, *options, dy), strict=True):
        np.testing.assert_allclose(found, expected, rtol=tolerance, atol=3 * tolerance)
    for threads in (2, 3, 5):
        again, sums = native.attention(q, k, v, mask, *options, threads)
        assert (again == y).all()
        assert (sums == lse).all()
        for a, b in zip(
            native.attention_backward(q, k, v, mask, y, lse, dy, *options, threads), gradients, strict=True
        ):
            assert (a == b).all()


def test_scores_that_would_overflow():
    """The running maximum keeps exponentials finite, whichever block holds the largest score."""
    q, k, v, _, dy = example((1, 1, 40, 600, 8, 8), np.float64, "all")
    k *= np.linspace(1, 200, 600)[:, None]
    y, lse = native.attention(q, k, v, None, 1.0, False, 1)
    gradients = native.attention_backward(q, k, v, None, y, lse, dy, 1.0, False, 1)
    for found, expected in zip((y, *gradients), reference(q, k, v, None, 1.0, False, dy), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)


def test_a_query_that_sees_nothing():
    """It gets zeros, not NaN, and sends no gradient."""
    q, k, v, mask, dy = example((1, 2, 50, 300, 8, 8), np.float32, "mask")
    mask = mask.copy()
    mask[:, :, 3] = -np.inf
    mask[:, :, :, 256:] = -np.inf  # and a block that nobody sees
    y, lse = native.attention(q, k, v, mask, 0.3, False, 1)
    dq, dk, dv = native.attention_backward(q, k, v, mask, y, lse, dy, 0.3, False, 1)
    assert (y[:, :, 3] == 0).all()
    assert (dq[:, :, 3] == 0).all()
    assert (dk[:, :, 256:] == 0).all()
    assert (dv[:, :, 256:] == 0).all()
    assert all(np.isfinite(a).all() for a in (y, dq, dk, dv))


def test_empty():
    """No queries, or no keys to look at, are no reason to fail."""
    for t, s in ((0, 5), (5, 0)):
        q, k, v, _, dy = example((2, 1, t, s, 4, 4), np.float32, "all")
        y, lse = native.attention(q, k, v, None, 1.0, False, 2)
        assert y.shape == (2, 1, t, 4)
        assert (y == 0).all()
        assert native.attention_backward(q, k, v, None, y, lse, dy, 1.0, False, 2)[1].shape == k.shape


def test_heads_seen_through_a_transposition():
    """Projections are cut into heads without a copy, and the result lies as the caller will read it."""
    x = np.random.default_rng(0).standard_normal((2, 9, 3, 4, 5)).astype(np.float32)
    q, k, v = x.transpose(2, 0, 3, 1, 4)
    y, lse = native.attention(q, k, v, None, 0.4, True, 1)
    packed = native.attention(*(np.ascontiguousarray(a) for a in (q, k, v)), None, 0.4, True, 1)
    assert (y == packed[0]).all()
    assert (lse == packed[1]).all()
    assert y.swapaxes(1, 2).flags.c_contiguous


def test_shapes_are_checked():
    """The kernel reads raw memory: the binding lets no wrong shape through."""
    q, k, v, _, _ = example((2, 3, 5, 7, 4, 4), np.float32, "all")
    for bad in ((q[0], k, v), (q, k[:1], v), (q, k[..., :3], v), (q, k, v[:, :, :6]), (q[..., ::2], k, v)):
        with pytest.raises(ValueError, match="expected"):
            native.attention(*bad, None, 1.0, False, 1)
    with pytest.raises(ValueError, match="mask"):
        native.attention(q, k, v, np.zeros((2, 3, 5, 6), np.float32), 1.0, False, 1)
