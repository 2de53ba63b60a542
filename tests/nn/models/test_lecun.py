"""The nets for digits: sizes of the papers, and the 1989 net against its definition."""

import numpy as np
import pytest

from eckart.nn import models


def test_1989_sizes():
    """9,760 free parameters and 1,256 units are the paper's numbers; 64,660 connections with biases."""
    net = models.LeCun1989(random_state=0)
    sizes = {name: p.size for name, p in net.named_parameters()}
    assert sum(sizes.values()) == 9760
    assert sizes["H1w"] + sizes["H1b"] == 1068
    assert sizes["H2w"] + sizes["H2b"] == 2592
    assert sizes["H3w"] + sizes["H3b"] == 5790
    units = 768 + 192 + 30 + 10
    assert net.summary((1, 16, 16)).multiply_adds + units == 19968 + 38592 + 5790 + 310


def test_1989_by_loops():
    """Which maps see which, the border of -1, biases of each unit: one mistake is still some network."""
    net = models.LeCun1989(random_state=0).to(np.float64)
    rng = np.random.default_rng(0)
    for p in net.parameters():
        p.data[...] = rng.normal(0, 0.2, p.shape)
    x = rng.normal(size=(2, 1, 16, 16))

    def layer(maps, weights, bias, seen):
        wide = np.pad(maps, ((0, 0), (0, 0), (2, 2), (2, 2)), constant_values=-1)
        out = np.zeros((len(maps), *bias.shape))
        for o, i, j in np.ndindex(*bias.shape):
            window = wide[:, seen(o), 2 * i : 2 * i + 5, 2 * j : 2 * j + 5]
            out[:, o, i, j] = (window * weights[o]).sum(axis=(1, 2, 3)) + bias[o, i, j]
        return np.tanh(out)

    groups = [list(range(8)), list(range(4, 12)), [0, 1, 2, 3, 8, 9, 10, 11]]
    p = {name: t.data for name, t in net.named_parameters()}
    h = layer(x, p["H1w"], p["H1b"], lambda o: [0])
    h = layer(h, p["H2w"], p["H2b"], lambda o: groups[o // 4])
    h = np.tanh(h.reshape(2, -1) @ p["H3w"].T + p["H3b"])
    np.testing.assert_allclose(net(x).data, np.tanh(h @ p["outw"].T + p["outb"]), atol=1e-12)


@pytest.mark.parametrize("options", [{}, {"activation": "tanh", "pooling": "average"}])
def test_lenet5(options):
    """61,706 parameters, logits for ten digits, gradients everywhere."""
    net = models.LeNet5(random_state=0, **options)
    assert sum(p.size for p in net.parameters()) == 61_706
    y = net(np.random.default_rng(0).normal(size=(3, 1, 28, 28)).astype(np.float32))
    assert y.shape == (3, 10)
    y.sum().backward()
    assert all(np.abs(p.grad).max() > 0 for p in net.parameters())
    with pytest.raises(ValueError, match="pooling: expected one of 'max', 'average'"):
        models.LeNet5(pooling="sum")


def test_images_of_another_size():
    """Digits of 28 x 28 in the net of 1989, or without their channel, are a common slip."""
    with pytest.raises(ValueError, match=r"x: expected images \(n, 1, 16, 16\), got shape \(2, 1, 28, 28\)"):
        models.LeCun1989()(np.zeros((2, 1, 28, 28), np.float32))
    with pytest.raises(ValueError, match=r"x: expected images \(n, 3, 28, 28\), got shape \(2, 28, 28\)"):
        models.LeNet5(in_channels=3)(np.zeros((2, 28, 28), np.float32))
