"""Dropout as a function: the gradient passes where the number did, and evaluation changes nothing."""

import numpy as np
import pytest

from eckart import nn
from eckart.nn import Tensor, optim
from eckart.nn import functional as F


def test_gradient_has_the_same_holes():
    """The mask is drawn again on the way back, and is the same."""
    x = Tensor(np.full((50, 7), 3.0), requires_grad=True)
    y = F.dropout(x, 0.4, stream=np.array([3, 5]))
    y.backward(np.ones((50, 7)))
    np.testing.assert_allclose(x.grad * 3, y.data)
    assert 0 < (y.data == 0).sum() < y.size


def test_without_a_stream_each_call_drops_others():
    """As PyTorch's function in a forward of one's own; `manual_seed` repeats them, and a plan goes on."""
    x, found = np.ones((4, 50), np.float32), []
    for _ in range(2):
        nn.manual_seed(3)
        found.append([F.dropout(x, 0.5).data for _ in range(3)])
    np.testing.assert_array_equal(*found)
    assert not np.array_equal(found[0][0], found[0][1])
    weight = Tensor(np.ones((3, 50), np.float32), requires_grad=True)
    optim.SGD([weight], lr=0.1)

    def loss(x):
        return F.mse_loss(F.linear(F.dropout(x, 0.5), weight), np.zeros((4, 3), np.float32))

    nn.manual_seed(3)
    expected = [loss(x).item() for _ in range(3)]
    nn.manual_seed(3)
    plan = nn.Plan(loss, x)
    assert [plan(x) for _ in range(3)] == expected


def test_evaluation():
    """Nothing is dropped, and nothing recorded."""
    x = Tensor(np.ones(5), requires_grad=True)
    assert F.dropout(x, 0.5, training=False) is x
    assert F.dropout(x, 0.0) is x


def test_bad_probability():
    """A share is between 0 and 1."""
    with pytest.raises(ValueError, match="p: expected"):
        F.dropout(np.ones(3), 1.5)
