"""Activations as layers."""

import pickle

import numpy as np
import pytest

from eckart.nn import functional as F
from eckart.nn import layers

KINDS = [
    kind for kind in vars(layers).values() if isinstance(kind, type) and issubclass(kind, layers.Activation)
]
KINDS.remove(layers.Activation)


@pytest.mark.parametrize("kind", KINDS)
def test_each_is_its_function(kind):
    """A slip in the table would give a layer of another name's function."""
    x = np.linspace(-4, 4, 24).reshape(2, 12)
    y = kind()(x)
    name = {"SiLU": "silu"}.get(kind.__name__, kind.__name__).lower()
    names = {n.replace("_", ""): n for n in vars(F)}
    np.testing.assert_array_equal(y.data, getattr(F, names[name])(x).data)
    again = pickle.loads(pickle.dumps(kind()))
    np.testing.assert_array_equal(again(x).data, y.data)


def test_all_are_there():
    """The issue promises every activation as a layer."""
    assert len(KINDS) == 19


def test_options():
    """Options by name or in order, and nothing else."""
    x = np.array([-2.0, 3.0])
    np.testing.assert_allclose(layers.LeakyReLU(0.5)(x).data, [-1, 3])
    np.testing.assert_allclose(layers.Softmax(axis=0)(x).data, np.exp(x) / np.exp(x).sum())
    assert repr(layers.GELU("tanh")) == "GELU(approximate='tanh')"  # what is printed is what was built
    assert layers.Hardtanh(max_val=2.0).max_val == 2.0
    with pytest.raises(TypeError, match="ReLU: expected options among none"):
        layers.ReLU(0.1)
    with pytest.raises(TypeError, match="LeakyReLU: expected options among negative_slope"):
        layers.LeakyReLU(slope=0.1)
