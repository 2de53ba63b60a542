"""Attention as a function: gradients, masks of every kind, the packed form, errors."""

import numpy as np
import pytest
from scipy import special

from eckart.nn import Tensor, gradcheck
from eckart.nn import functional as F

RNG = np.random.default_rng(0)


def heads(*shapes):
    return [Tensor(RNG.standard_normal(shape), requires_grad=True) for shape in shapes]


def test_gradients():
    """Cross-attention of other lengths and widths, with every option."""
    inputs = heads((2, 2, 3, 4), (2, 2, 5, 4), (2, 2, 5, 3))
    mask = RNG.random((3, 5)) < 0.7
    mask[:, 0] = True
    for options in ({}, {"causal": True}, {"mask": mask, "scale": 0.3}, {"mask": RNG.random((2, 1, 1, 5))}):
        f = lambda q, k, v, o=options: F.scaled_dot_product_attention(q, k, v, **o)  # noqa: E731
        assert gradcheck(f, inputs) < 1e-6


@pytest.mark.parametrize("lead", [(), (3,), (2, 3), (2, 1, 3)])
def test_any_leading_axes(lead):
    """One head, a batch, a batch of heads: the last two axes are the matrix."""
    q, k, v = (t.data for t in heads((*lead, 4, 6), (*lead, 5, 6), (*lead, 5, 2)))
    expected = special.softmax(q @ k.swapaxes(-1, -2) / np.sqrt(6), -1) @ v
    np.testing.assert_allclose(F.scaled_dot_product_attention(q, k, v).data, expected, rtol=1e-10, atol=1e-12)


def test_a_mask_that_learns():
    """An additive mask with a gradient (relative positions) takes the composed way, with equal numbers."""
    q, k, v = heads((1, 2, 4, 3), (1, 2, 4, 3), (1, 2, 4, 3))
    mask = Tensor(RNG.standard_normal((2, 4, 4)), requires_grad=True)
    fused = F.scaled_dot_product_attention(q, k, v, mask=mask.detach(), causal=True)
    np.testing.assert_allclose(
        F.scaled_dot_product_attention(q, k, v, mask=mask, causal=True).data, fused.data, rtol=1e-12
    )
    f = lambda m: F.scaled_dot_product_attention(q, k, v, mask=m, causal=True)  # noqa: E731
    assert gradcheck(f, [mask]) < 1e-6


def test_self_attention_is_attention_of_the_parts():
    """One array in, one gradient out: the same numbers without cutting and joining."""
    (x,) = heads((2, 7, 3 * 2 * 4))
    q, k, v = x.data.reshape(2, 7, 3, 2, 4).transpose(2, 0, 3, 1, 4)
    expected = F.scaled_dot_product_attention(q, k, v, causal=True).data.swapaxes(1, 2).reshape(2, 7, 8)
    np.testing.assert_allclose(F.self_attention(x, 2, causal=True).data, expected, rtol=1e-12)
    assert gradcheck(lambda a: F.self_attention(a, 2, causal=True), [x]) < 1e-6


def test_leading_axes_broadcast():
    """Keys and values that several queries share need not be repeated; their gradients add up."""
    rng = np.random.default_rng(0)
    q, k, v = (Tensor(rng.standard_normal(s), requires_grad=True) for s in ((3, 2, 4, 6), (5, 6), (2, 5, 6)))
    y = F.scaled_dot_product_attention(q, k, v)
    whole = [np.broadcast_to(x.data, (3, 2, *x.shape[-2:])) for x in (q, k, v)]
    np.testing.assert_array_equal(y.data, F.scaled_dot_product_attention(*whole).data)
    gradcheck(F.scaled_dot_product_attention, [q.data, k.data, v.data])


@pytest.mark.parametrize(
    ("f", "message"),
    [
        (lambda q: F.scaled_dot_product_attention(q, *[np.ones((3, 2, 4, 6))] * 2), "query: expected"),
        (lambda q: F.scaled_dot_product_attention(q, q[..., :3], q), r"expected query \(\.\.\., T, d\)"),
        (lambda q: F.scaled_dot_product_attention(q, q, q.astype(np.float32)), "expected one type"),
        (
            lambda q: F.scaled_dot_product_attention(q, q, q, mask=np.ones((3, 3), bool)),
            "mask: expected what",
        ),
        (lambda q: F.scaled_dot_product_attention(q[0, 0, 0], q, q), "query: expected"),
        (
            lambda q: F.scaled_dot_product_attention(q, q, q, mask=np.tri(4, dtype=int)),
            "mask: expected booleans, or floats that are added, got int64",
        ),
        (
            lambda q: F.scaled_dot_product_attention(*[q.astype(np.float16)] * 3),
            "expected float32 or float64",
        ),
        (lambda q: F.self_attention(q[0], 5), r"projections: expected \(batch, T, 3 \* 5 \* d\)"),
    ],
)
def test_errors(f, message):
    """Shapes are read by name: what does not fit is said."""
    with pytest.raises(ValueError, match=message):
        f(np.ones((2, 2, 4, 6)))
