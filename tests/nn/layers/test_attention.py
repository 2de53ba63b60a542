"""Multi-head attention against the formula."""

import numpy as np
import pytest

from eckart.nn import Tensor, functional, grad, layers, ops
from eckart.nn.layers.attention import attend


def reference(layer, q, k, v, allowed=None):
    """The formula, one example and one head at a time."""
    w, b = np.split(layer.in_proj_weight.data, 3), np.split(layer.in_proj_bias.data, 3)
    q, k, v = (x @ w[i].T + b[i] for i, x in enumerate((q, k, v)))
    width = q.shape[-1] // layer.num_heads
    out = np.zeros_like(q)
    for n in range(len(q)):
        for h in range(layer.num_heads):
            part = slice(h * width, (h + 1) * width)
            scores = q[n, :, part] @ k[n, :, part].T / np.sqrt(width)
            if allowed is not None:
                scores = np.where(allowed, scores, -np.inf)
            odds = np.exp(scores - scores.max(axis=1, keepdims=True))
            out[n, :, part] = odds / odds.sum(axis=1, keepdims=True) @ v[n, :, part]
    return out @ layer.out_proj.weight.data.T + layer.out_proj.bias.data


@pytest.fixture
def layer():
    layer = layers.MultiHeadAttention(6, 2, random_state=0).to(np.float64)
    layer.in_proj_bias.data[...] = np.linspace(-1, 1, 18)
    return layer


def test_self_causal_masked_cross(layer):
    """The four ways in which models use it."""
    rng = np.random.default_rng(0)
    x, other = rng.normal(size=(2, 5, 6)), rng.normal(size=(2, 3, 6))
    np.testing.assert_allclose(layer(x).data, reference(layer, x, x, x), atol=1e-12)
    causal = np.tri(5, dtype=bool)
    np.testing.assert_allclose(layer(x, causal=True).data, reference(layer, x, x, x, causal), atol=1e-12)
    mask = rng.random((5, 5)) < 0.5
    mask[:, 0] = True
    np.testing.assert_allclose(layer(x, mask=mask).data, reference(layer, x, x, x, mask), atol=1e-12)
    np.testing.assert_allclose(layer(x, other).data, reference(layer, x, other, other), atol=1e-12)
    np.testing.assert_allclose(layer(x, other, -other).data, reference(layer, x, other, -other), atol=1e-12)


def test_heads_must_divide():
    """Otherwise heads would have different widths."""
    with pytest.raises(ValueError, match="num_heads: expected a divisor of embed_dim = 6, got 4"):
        layers.MultiHeadAttention(6, 4)
    with pytest.raises(ValueError, match=r"query: expected \(n, length, 6\), got shape \(5, 6\)"):
        layers.MultiHeadAttention(6, 2)(np.zeros((5, 6), np.float32))
    with pytest.raises(ValueError, match=r"key: expected \(n, length, 6\), got shape \(2, 5, 4\)"):
        layers.MultiHeadAttention(6, 2)(np.zeros((2, 5, 6), np.float32), np.zeros((2, 5, 4), np.float32))


@pytest.mark.parametrize("causal", [False, True])
def test_weights_drop_out_in_training(causal):
    """Dropped are weights, not values: the formula with the same weights set to zero, and its slopes."""
    rng, dropout = np.random.default_rng(0), layers.Dropout(0.4, random_state=1)
    q, k, v = (Tensor(rng.normal(size=(2, 3, 5, 4)), requires_grad=True) for _ in range(3))
    mask = rng.random((5, 5)) < 0.7
    mask[2] = False  # looks nowhere
    mask[:, 0] |= np.arange(5) != 2
    kept = functional.dropout(np.ones((2, 3, 5, 5)), 0.4, stream=dropout.stream.copy()).data
    assert 0 < (kept == 0).mean() < 1
    found = attend(q, k, v, dropout, mask=mask, causal=causal)
    allowed = mask & np.tri(5, dtype=bool) if causal else mask
    scores = ops.matmul(q, ops.swapaxes(k, -1, -2)) / 2 + np.where(allowed, 0, -1e9)
    expected = ops.matmul(functional.softmax(scores) * (kept * allowed), v)
    np.testing.assert_allclose(found.data, expected.data, atol=1e-12)
    g = rng.normal(size=found.shape)
    for a, b in zip(grad(found, [q, k, v], g), grad(expected, [q, k, v], g), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-12)


def test_nothing_drops_out_in_use():
    """An evaluation must not depend on chance; in training it does, and every call differs."""
    layer, x = layers.MultiHeadAttention(6, 2, 0.5, random_state=0), np.ones((2, 5, 6), np.float32)
    x += np.random.default_rng(0).normal(size=x.shape).astype(np.float32)
    plain = layers.MultiHeadAttention(6, 2, random_state=0)
    plain.load_state_dict(layer.state_dict())
    assert not np.array_equal(layer(x).data, layer(x).data)
    np.testing.assert_array_equal(layer.eval()(x).data, plain(x).data)
