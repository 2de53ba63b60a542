"""Dropout as a function: the gradient passes where the number did, and evaluation changes nothing."""

import numpy as np
import pytest

from eckart.nn import Tensor
from eckart.nn import functional as F


def test_gradient_has_the_same_holes():
    """The mask is drawn again on the way back, and is the same."""
    x = Tensor(np.full((50, 7), 3.0), requires_grad=True)
    y = F.dropout(x, 0.4, stream=np.array([3, 5]))
    y.backward(np.ones((50, 7)))
    np.testing.assert_allclose(x.grad * 3, y.data)
    assert 0 < (y.data == 0).sum() < y.size


def test_evaluation():
    """Nothing is dropped, and nothing recorded."""
    x = Tensor(np.ones(5), requires_grad=True)
    assert F.dropout(x, 0.5, training=False) is x
    assert F.dropout(x, 0.0) is x


def test_bad_probability():
    """A share is between 0 and 1."""
    with pytest.raises(ValueError, match="p: expected"):
        F.dropout(np.ones(3), 1.5)
