"""Lists and sequences of modules."""

import numpy as np
import pytest

from eckart import nn
from eckart.nn import layers


def test_sequence_and_slices_share_parameters():
    """A part of a network (its features, say) must be the network's own layers."""
    net = layers.Sequential(
        layers.Linear(3, 4, random_state=0), layers.ReLU(), layers.Linear(4, 2, random_state=1)
    )
    x = np.ones((2, 3), np.float32)
    np.testing.assert_array_equal(net(x).data, net[2](net[:2](x)).data)
    assert net[:1][0] is net[0] is next(iter(net))
    assert isinstance(net[:2], layers.Sequential)
    assert net[-1] is net[2]
    assert len(net) == 3


def test_list_of_more_than_ten():
    """Names are numbers: "10" must not come before "2"."""
    modules = layers.ModuleList(layers.Linear(1, i + 1, random_state=0) for i in range(12))
    assert [m.out_features for m in modules] == list(range(1, 13))
    assert [n for n, _ in modules.named_children()] == [str(i) for i in range(12)]
    assert len(modules.append(layers.ReLU())) == 13


def test_only_modules():
    """A function in a Sequential would have no place in its state."""
    with pytest.raises(TypeError, match="module: expected a Module, got builtin_function"):
        layers.Sequential(abs)


def test_a_module_in_place_of_another():
    """Training on other classes begins with another head."""
    net = layers.Sequential(layers.Linear(3, 4), layers.ReLU(), layers.Linear(4, 2))
    net[-1] = layers.Linear(4, 7)
    assert net(np.ones((2, 3), np.float32)).shape == (2, 7)
    assert list(net.state_dict()) == ["0.weight", "0.bias", "2.weight", "2.bias"]
    with pytest.raises(IndexError, match=r"index: expected a place in \[-3, 3\), got 3"):
        net[3] = layers.ReLU()
    with pytest.raises(TypeError, match="module: expected a Module, got int"):
        net[0] = 3


def test_errors_name_the_module():
    """In a deep network a wrong shape says little without its place."""
    block = layers.Sequential(layers.Linear(3, 4), layers.ReLU(), layers.Linear(5, 2))
    with pytest.raises(ValueError, match=r"^module 1, Sequential: module 2, Linear: linear: weight"):
        layers.Sequential(layers.Flatten(), block)(np.ones((2, 3), np.float32))


def convolutions():
    return [
        layers.Conv2d(2, 4, 3, random_state=0), layers.BatchNorm2d(4), layers.ReLU(), layers.MaxPool2d(2),
        layers.Conv2d(4, 3, 2, random_state=1), layers.Tanh(), layers.Sigmoid(), layers.MaxPool2d(2),
        layers.ReLU(), layers.Flatten(), layers.ReLU(), layers.Linear(12, 4, random_state=2), layers.ReLU(),
    ]  # fmt: skip


def test_activations_within_other_modules_change_nothing():
    """One pass instead of two or three: the numbers and gradients are those of the modules one by one."""
    x = np.random.default_rng(0).standard_normal((2, 2, 12, 12)).astype(np.float32)
    found = []
    for fused in (True, False):
        net, y = layers.Sequential(*convolutions()), nn.Tensor(x)
        for part in [net] if fused else net:
            y = part(y)
        found.append((y.data, [], nn.to_dot(y)))
        (y * y).sum().backward()
        found[-1][1].extend(p.grad for p in net.parameters())
    assert [dot.count("shape=box") for *_, dot in found] == [9, 13]
    np.testing.assert_array_equal(found[0][0], found[1][0])
    for a, b in zip(found[0][1], found[1][1], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_activations_that_stay_modules():
    """One of one's own, one before another module, and one that somebody watches, are called."""

    class Mine(layers.ReLU):
        def forward(self, x):
            called.append(self)
            return super().forward(x)

    class Plain(layers.Linear):
        def forward(self, x):  # takes no activation
            return super().forward(x)

    called = []
    net = layers.Sequential(layers.Linear(3, 4), Mine(), layers.ReLU(), Plain(4, 4), layers.ReLU())
    net(np.ones((2, 3), np.float32))
    assert called == [net[1]]
    rows = layers.Sequential(layers.Linear(3, 4), layers.ReLU()).summary((3,)).rows
    assert [row.kind for row in rows] == ["Sequential", "Linear", "ReLU"]
