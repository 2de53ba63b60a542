"""Descent methods against their formulas on a quadratic, and extragradient where descent fails."""

import numpy as np
import pytest

from eckart.nn import Tensor, optim

CURVATURES = np.array([1.0, 3.0, 10.0])
START = np.array([1.0, -2.0, 0.5])


def descend(make, steps):
    p = Tensor(START.copy(), requires_grad=True)
    optimizer = make([p])
    for _ in range(steps):
        p.grad = CURVATURES * p.data
        optimizer.step()
    return p.data


def test_gradient_descent():
    """On a quadratic each coordinate shrinks by 1 - lr curvature."""
    found = descend(lambda p: optim.GradientDescent(p, lr=0.05), 7)
    np.testing.assert_allclose(found, START * (1 - 0.05 * CURVATURES) ** 7, rtol=1e-12)


def test_heavy_ball():
    """x' = x - lr g + momentum (x - last x), which is not SGD's momentum once lr changes."""
    x, last = START.copy(), START.copy()
    for _ in range(7):
        x, last = x - 0.05 * CURVATURES * x + 0.6 * (x - last), x
    np.testing.assert_allclose(descend(lambda p: optim.HeavyBall(p, 0.05, 0.6), 7), x, rtol=1e-12)


@pytest.mark.parametrize("momentum", [0.6, None])
def test_nesterov(momentum):
    """The parameters are the extrapolated points; None is the k / (k + 3) of convex problems."""
    y, last = START.copy(), START.copy()
    for k in range(7):
        x = y - 0.05 * CURVATURES * y
        y, last = x + (k / (k + 3) if momentum is None else momentum) * (x - last), x
    np.testing.assert_allclose(descend(lambda p: optim.Nesterov(p, 0.05, momentum), 7), y, rtol=1e-12)


def play(make, step, steps=200):
    """min over x, max over y of x y: the saddle is at 0."""
    x, y = (Tensor(np.array(1.0), requires_grad=True) for _ in range(2))
    optimizer = make([{"params": [x]}, {"params": [y], "maximize": True}])

    def closure():
        optimizer.zero_grad()
        loss = x * y
        loss.backward()
        return loss

    for _ in range(steps):
        step(optimizer, closure)
    return float(np.hypot(x.data, y.data))


def test_extragradient_finds_the_saddle():
    """Descent and ascent spiral outwards on x y; a look ahead turns them in: |z| shrinks by 1 - lr^2 +
    lr^4.
    """

    def two_calls(optimizer, closure):
        closure()
        optimizer.extrapolate()
        closure()
        optimizer.step()

    by_closure = play(lambda p: optim.Extragradient(p, lr=0.3), lambda o, c: o.step(c))
    assert by_closure == play(lambda p: optim.Extragradient(p, lr=0.3), two_calls)
    assert by_closure == pytest.approx(np.sqrt(2) * (1 - 0.09 + 0.0081) ** 100, rel=1e-6)
    assert play(lambda p: optim.SGD(p, lr=0.3), lambda o, c: o.step(c)) > 1000


def test_extragradient_in_the_wrong_order():
    """Half a step too many or too few is said."""
    optimizer = optim.Extragradient([Tensor(np.ones(2), requires_grad=True)])
    with pytest.raises(RuntimeError, match=r"expected extrapolate\(\) before"):
        optimizer.step()
    optimizer.extrapolate()
    with pytest.raises(RuntimeError, match=r"expected step\(\) after"):
        optimizer.extrapolate()
