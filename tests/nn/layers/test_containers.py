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
