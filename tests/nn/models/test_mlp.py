"""Dense networks."""

import numpy as np
import pytest

from eckart.nn import layers, models


def test_layers_and_names():
    """State dicts of torch.nn.Sequential(Linear, ReLU, Linear) load."""
    net = models.MLP([4, 8, 8, 3], "tanh", dropout=0.1, random_state=0)
    assert [type(layer).__name__ for layer in net] == [
        "Linear",
        "Tanh",
        "Dropout",
        "Linear",
        "Tanh",
        "Dropout",
        "Linear",
    ]
    plain = models.MLP([4, 8, 3], random_state=0)
    assert list(plain.state_dict()) == ["0.weight", "0.bias", "2.weight", "2.bias"]
    assert net(np.zeros((5, 4), np.float32)).shape == (5, 3)


def test_logistic_regression_is_one_layer():
    """The convex baseline of every table."""
    net = models.LogisticRegression(4, 3, random_state=0)
    assert isinstance(net, layers.Linear)
    assert net.weight.shape == (3, 4)


def test_errors():
    """Sizes and activations that cannot be meant."""
    with pytest.raises(ValueError, match="sizes: expected at least two"):
        models.MLP([3])
    with pytest.raises(ValueError, match="activation: expected one of"):
        models.MLP([3, 2], "swish")
