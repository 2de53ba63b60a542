"""Residual networks: sizes of the paper, shortcuts, shapes."""

import numpy as np
import pytest

from eckart.nn import models
from eckart.nn.models.resnet import Shortcut


def test_sizes():
    """0.27 M parameters and 40.55 M multiply-adds are the paper's; n = 5 gives ResNet-32 of 0.46 M."""
    net = models.ResNet20(random_state=0)
    table = net.summary((3, 32, 32))
    assert table.parameters == 269_722
    assert table.multiply_adds == pytest.approx(40.55e6, rel=2e-3)
    assert sum(p.size for p in models.ResNet20(blocks=5, random_state=0).parameters()) == 464_154
    option_b = models.ResNet20(shortcut="B", random_state=0)
    assert sum(p.size for p in option_b.parameters()) == 272_474
    assert "layer2.0.shortcut.0.weight" in option_b.state_dict()


def test_option_a():
    """Every other pixel, zeros in the new channels: nothing to learn."""
    x = np.random.default_rng(0).normal(size=(2, 4, 6, 6)).astype(np.float32)
    y = Shortcut(4)(x).data
    assert y.shape == (2, 8, 3, 3)
    np.testing.assert_array_equal(y[:, 2:6], x[:, :, ::2, ::2])
    assert (y[:, :2] == 0).all()
    assert (y[:, 6:] == 0).all()


@pytest.mark.parametrize("shortcut", ["A", "B"])
def test_forward_and_gradients(shortcut):
    """Gradients reach the first layer through all blocks."""
    net = models.ResNet20(7, blocks=1, shortcut=shortcut, random_state=0)
    y = net(np.random.default_rng(0).normal(size=(2, 3, 32, 32)).astype(np.float32))
    assert y.shape == (2, 7)
    (y * y).sum().backward()
    assert all(p.grad is not None for p in net.parameters())
    assert np.abs(net.conv1.weight.grad).max() > 0
    with pytest.raises(ValueError, match="shortcut: expected one of 'A', 'B'"):
        models.ResNet20(shortcut="C")
