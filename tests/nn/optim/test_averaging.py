"""Averages of weights: the mean, the exponential mean, and weights that come back."""

import numpy as np
import pytest

from eckart.nn import Tensor, optim


def run(average, p, steps=4):
    seen = []
    for k in range(steps):
        p.data[...] = np.array([k, k * k], float)
        average.update()
        seen.append(p.data.copy())
    return np.array(seen)


def test_mean():
    """Stochastic weight averaging is the plain mean of what was shown."""
    p = Tensor(np.ones(2), requires_grad=True)
    average = optim.StochasticWeightAverage([p])
    np.testing.assert_allclose(average.averages[0], 1)
    np.testing.assert_allclose(run(average, p).mean(0), average.averages[0])


def test_exponential():
    """The first weights count fully, later ones by 1 - decay."""
    p = Tensor(np.ones(2), requires_grad=True)
    average = optim.ExponentialMovingAverage([p], decay=0.7)
    seen = run(average, p)
    expected = seen[0]
    for weights in seen[1:]:
        expected = 0.7 * expected + 0.3 * weights
    np.testing.assert_allclose(average.averages[0], expected)


def test_applied():
    """Within, the model is the average; afterwards, also after an error, what it was."""
    p = Tensor(np.ones(2), requires_grad=True)
    average = optim.StochasticWeightAverage([p])
    last = run(average, p)[-1]
    with average.applied():
        np.testing.assert_allclose(p.data, average.averages[0])
    assert (p.data == last).all()
    with pytest.raises(KeyError), average.applied():
        raise KeyError
    assert (p.data == last).all()


def test_state():
    """A resumed run averages on; a state of other shapes is refused."""
    p = Tensor(np.ones(2), requires_grad=True)
    average = optim.StochasticWeightAverage([p])
    run(average, p)
    again = optim.StochasticWeightAverage([p])
    again.load_state_dict(average.state_dict())
    assert again.n_averaged == 4
    assert (again.averages[0] == average.averages[0]).all()
    with pytest.raises(ValueError, match=r"expected shapes \[\(3,\)\]"):
        optim.StochasticWeightAverage([Tensor(np.ones(3))]).load_state_dict(average.state_dict())
