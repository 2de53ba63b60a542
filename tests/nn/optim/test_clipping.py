"""Clipping: the norm over all parameters together, and entries one by one."""

import math

import numpy as np
import pytest

from eckart.nn import Tensor, optim


def with_gradients():
    tensors = [
        Tensor(np.ones(s, d), requires_grad=True) for s, d in (((3, 4), "f4"), ((5,), "f8"), ((2,), "f8"))
    ]
    for t in tensors[:2]:
        t.grad = np.arange(1, t.size + 1, dtype=t.dtype).reshape(t.shape)
    return tensors


@pytest.mark.parametrize("kind", [2, math.inf])
def test_norm(kind):
    """All gradients shrink by one factor, to the bound; a gradient within it is not touched."""
    tensors = with_gradients()
    before = [t.grad.copy() for t in tensors[:2]]
    norm = np.linalg.norm(np.concatenate([g.ravel() for g in before]), kind)
    assert optim.clip_grad_norm(tensors, 100.0, kind) == pytest.approx(norm, rel=1e-6)
    assert all((t.grad == g).all() for t, g in zip(tensors[:2], before, strict=True))
    assert optim.clip_grad_norm(tensors, 2.0, kind) == pytest.approx(norm, rel=1e-6)
    for t, g in zip(tensors[:2], before, strict=True):
        np.testing.assert_allclose(t.grad, g * (2 / (norm + 1e-6)), rtol=1e-6)
    assert tensors[2].grad is None


def test_value():
    """Each entry is brought into the interval."""
    tensors = with_gradients()
    optim.clip_grad_value(tensors, 3)
    assert tensors[1].grad.tolist() == [1, 2, 3, 3, 3]


def test_errors():
    """A bound below zero, or a norm that is not there."""
    with pytest.raises(ValueError, match="max_norm >= 0 and norm_type 2 or inf"):
        optim.clip_grad_norm([], -1)
    with pytest.raises(ValueError, match="max_norm >= 0 and norm_type 2 or inf"):
        optim.clip_grad_norm([], 1, 3)
    with pytest.raises(ValueError, match="clip_value: expected"):
        optim.clip_grad_value([], -1)
