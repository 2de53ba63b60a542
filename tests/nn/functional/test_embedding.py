"""Embedding and one-hot: values, gradients of repeated rows, indices out of range."""

import numpy as np
import pytest

from eckart.nn import Tensor, gradcheck
from eckart.nn import functional as F


@pytest.mark.parametrize("kind", [np.int32, np.int64, np.uint8])
def test_embedding(kind):
    """Rows that occur twice get both gradients; tokens may be of any integer type."""
    weight = Tensor(np.random.default_rng(0).standard_normal((5, 3)), requires_grad=True)
    ids = np.array([[0, 1, 1], [4, 1, 0]], kind)
    assert (F.embedding(ids, weight).data == weight.data[ids]).all()
    assert gradcheck(lambda w: F.embedding(ids, w), [weight]) < 1e-6


def test_gradient_goes_into_the_optimisers_buffer():
    """A large table's gradient is written where the step reads it, and not copied."""
    weight = Tensor(np.ones((4, 2), np.float32), requires_grad=True)
    weight.buffer = np.full((4, 2), 9, np.float32)
    F.embedding(np.array([1, 1]), weight).sum().backward()
    assert weight.grad is weight.buffer
    assert weight.grad.tolist() == [[0, 0], [2, 2], [0, 0], [0, 0]]


def test_one_hot():
    """The number of classes is found, or given."""
    assert F.one_hot([2, 0]).tolist() == [[0, 0, 1], [1, 0, 0]]
    assert F.one_hot(np.zeros((2, 3), int), 5).shape == (2, 3, 5)


@pytest.mark.parametrize(
    ("f", "message"),
    [
        (lambda: F.embedding(np.array([3]), np.ones((3, 2))), r"integers in \[0, 3\), got 3"),
        (lambda: F.embedding(np.array([-1]), np.ones((3, 2))), r"integers in \[0, 3\), got -1"),
        (lambda: F.embedding(np.array([0.0]), np.ones((3, 2))), "expected integers, got float64"),
        (lambda: F.embedding(np.array([0]), np.ones(3)), r"weight: expected floats \(n, d\)"),
        (lambda: F.one_hot([3], 3), r"integers in \[0, 3\)"),
    ],
)
def test_errors(f, message):
    """A token outside the vocabulary is named, not wrapped around."""
    with pytest.raises(ValueError, match=message):
        f()
