"""Multi-head attention against the formula."""

import numpy as np
import pytest

from eckart.nn import layers


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
