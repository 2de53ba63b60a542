"""Lists and sequences of modules."""

import numpy as np
import pytest

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
