"""gradcheck finds wrong derivatives, and graphs are drawn as they are."""

import numpy as np
import pytest

from eckart.nn import Tensor, gradcheck, layers, ops, to_dot


def test_gradcheck_names_the_worst_element():
    """A wrong derivative is found, with its place and both numbers."""

    def backward(step, g):
        found = 2 * g * step.arrays[0]
        found[1, 2] += 0.5 * g[1, 2]
        return [found]

    wrong = ops.function(np.square, backward)
    x = np.arange(6.0).reshape(2, 3)
    with pytest.raises(AssertionError, match=r"input 1 at \(1, 2\): analytic .*, numeric "):
        gradcheck(lambda a, b: a + wrong(b), [x, x])
    assert gradcheck(lambda a: ops.square(a), [x]) < 1e-6


def test_gradcheck_sees_nan():
    """A NaN is not smaller than the tolerance."""
    nothing = ops.function(np.square, lambda step, g: [g * np.nan])
    with pytest.raises(AssertionError, match="analytic nan"):
        gradcheck(nothing, [np.ones(2)])


def test_gradcheck_leaves_integers_alone():
    """Indices are passed on, and not moved."""
    assert gradcheck(lambda x, i: ops.take(x, i.data), [np.arange(3.0), np.array([0, 2, 2])]) < 1e-6


def test_dot():
    """Every step is one box, every tensor without a history one oval, every use one arrow."""
    x, w = Tensor(np.ones((2, 3), np.float32), requires_grad=True), Tensor(np.ones(3, np.float32))
    hidden = x * w
    text = to_dot((hidden + hidden).sum())
    assert text.startswith("digraph {")
    assert text.count("shape=box") == 3
    assert text.count("shape=oval") == 2
    assert text.count("->") == 5
    assert "multiply\\n(2, 3) float32" in text
    assert "leaf\\n(2, 3)" in text
    assert "constant\\n(3,)" in text


def test_dot_with_names():
    """In a network's graph it must be said which weights are which."""
    net = layers.Sequential(layers.Linear(3, 2, random_state=0), layers.ReLU())
    text = to_dot(net(np.ones((4, 3), np.float32)), dict(net.named_parameters()))
    assert "0.weight\\n(2, 3)" in text
    assert "0.bias\\n(2,)" in text
    assert "linear, relu\\n(4, 2)" in text  # what is computed in the same pass is not hidden
    assert "leaf" not in text
    assert "constant\\n(4, 3)" in text
