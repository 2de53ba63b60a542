"""What all optimisers share: flat buffers, groups, parameters without gradients, the state as a
dictionary.
"""

import numpy as np
import pytest

from eckart.nn import Tensor, optim

RNG = np.random.default_rng(0)


def parameters(dtype=np.float64):
    return [
        Tensor(RNG.standard_normal(s).astype(dtype), requires_grad=True)
        for s in [(7, 5), (5,), (), (3, 1, 2)]
    ]


def give_gradients(tensors, seed=0):
    rng = np.random.default_rng(seed)
    for t in tensors:
        t.grad = rng.standard_normal(t.shape).astype(t.dtype)


def test_parameters_become_views_of_one_buffer():
    """The step is one pass over memory, and gradients arrive where it reads them."""
    p = parameters()
    values = [t.data.copy() for t in p]
    optimizer = optim.SGD(p, lr=0.1)
    assert len({id(t.data.base) for t in p}) == 1
    assert all(t.data.ctypes.data % 64 == 0 for t in p)
    for t, value in zip(p, values, strict=True):
        assert (t.data == value).all()
    (p[0] * p[0]).sum().backward()
    assert p[0].grad is p[0].buffer
    optimizer.step()
    np.testing.assert_allclose(p[0].data, 0.8 * values[0])
    optimizer.zero_grad()
    assert all(t.grad is None for t in p)


def test_parameters_without_a_gradient_are_left_alone():
    """Neither moved nor decayed nor counted: a frozen layer stays as it is."""
    p = parameters()
    optimizer = optim.Adam(p, lr=0.1, weight_decay=0.5)
    before = [t.data.copy() for t in p]
    give_gradients(p)
    p[1].grad = None
    optimizer.step()
    moved = [(t.data != b).any() for t, b in zip(p, before, strict=True)]
    assert moved == [True, False, True, True]
    assert sorted(optimizer.state_dict()["state"]) == [0, 2, 3]


def test_frozen_parameters_may_be_given():
    """`SGD(net.parameters())` of a net with frozen layers trains the others, and these when they thaw."""
    p = parameters()
    p[1].requires_grad = False
    before = [t.data.copy() for t in p]
    optimizer = optim.SGD(p, lr=0.1)
    for thawed in (False, True):
        p[1].requires_grad = thawed
        sum((t * t).sum() for t in p).backward()
        optimizer.step()
        assert (p[1].data == before[1]).all() == (not thawed)
        optimizer.zero_grad()
    np.testing.assert_allclose(p[0].data, 0.8**2 * before[0])
    (p[0] * 1).sum().backward()
    optimizer.zero_grad(set_to_none=False)
    assert (p[0].grad == 0).all()


def test_a_fresh_state_forgets_the_moments():
    """Loading the state of an optimiser that took no step must be that optimiser again."""
    p, q = parameters(), parameters()
    fresh = optim.Adam(q, lr=0.1).state_dict()
    optimizer = optim.Adam(p, lr=0.1)
    give_gradients(p)
    optimizer.step()
    before = [t.data.copy() for t in p]
    optimizer.load_state_dict(fresh)
    give_gradients(p, seed=1)
    optimizer.step()
    for t, b in zip(p, before, strict=True):
        np.testing.assert_allclose(t.data, b - 0.1 * np.sign(t.grad), atol=1e-6)  # Adam's first step


def test_replaced_data_is_fetched():
    """Loading weights may replace an array: the step goes on from there."""
    p = parameters()
    optimizer = optim.SGD(p, lr=1.0)
    p[1].data = np.full(5, 2.0)
    give_gradients(p)
    gradient = p[1].grad.copy()
    optimizer.step()
    np.testing.assert_allclose(p[1].data, 2 - gradient)
    p[1].data = np.ones(6)
    with pytest.raises(ValueError, match="make a new optimiser"):
        optimizer.step()


def test_groups_and_types():
    """Groups have settings of their own, and float32 stands beside float64."""
    p = [*parameters(), *parameters(np.float32)]
    before = [t.data.copy() for t in p]
    optimizer = optim.SGD([{"params": p[:3]}, {"params": p[3:], "lr": 0.5}], lr=0.1)
    give_gradients(p)
    gradients = [t.grad.copy() for t in p]
    optimizer.step()
    for i, (t, b, g) in enumerate(zip(p, before, gradients, strict=True)):
        np.testing.assert_allclose(t.data, b - (0.1 if i < 3 else 0.5) * g, rtol=1e-6)
        assert t.data.dtype == b.dtype


@pytest.mark.parametrize("make", [
    lambda p: optim.SGD(p, 0.1, momentum=0.9), lambda p: optim.Adam(p, amsgrad=True), optim.AdaGrad,
    lambda p: optim.RMSProp(p, centered=True, momentum=0.5), lambda p: optim.HeavyBall(p, 0.1),
    lambda p: optim.Nesterov(p, 0.1, momentum=None),
])  # fmt: skip
def test_state_dict_resumes_bit_for_bit(make):
    """Three steps, and three after loading, are six."""
    p = parameters()
    whole = make(p)
    for k in range(6):
        if k == 3:
            q = [Tensor(t.data.copy(), requires_grad=True) for t in p]
            resumed = make(q)
            resumed.load_state_dict(whole.state_dict())
        give_gradients(p, k)
        whole.step()
        if k >= 3:
            give_gradients(q, k)
            resumed.step()
    assert all((a.data == b.data).all() for a, b in zip(p, q, strict=True))


def test_a_state_that_does_not_fit():
    """Nothing is changed by a state of other parameters."""
    p = parameters()
    optimizer = optim.Adam(p)
    other = optim.Adam([Tensor(np.ones(3), requires_grad=True) for _ in p])
    give_gradients([t for g in other.param_groups for t in g["params"]])
    other.step()
    with pytest.raises(ValueError, match=r"exp_avg of parameter 0 to have shape \(7, 5\), got \(3,\)"):
        optimizer.load_state_dict(other.state_dict())
    with pytest.raises(ValueError, match=r"expected groups of \[4\] parameters, got \[1\]"):
        optimizer.load_state_dict(optim.Adam(parameters()[:1]).state_dict())


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda p: optim.SGD([]), "at least one parameter"),
        (lambda p: optim.SGD([p[0], p[0]]), r"each parameter once, got one of shape \(7, 5\)"),
        (lambda p: optim.SGD([p[0].detach()]), "requires_grad=True"),
        (lambda p: optim.SGD([p[0] * 2]), "made by no operation"),
        (lambda p: optim.SGD([{"params": p, "speed": 1}]), "params: expected groups"),
        (lambda p: optim.SGD(p, lr=-1), "lr: expected a finite number >= 0"),
        (lambda p: optim.SGD(p, nesterov=True), "nesterov: expected momentum > 0"),
        (lambda p: optim.Adam(p, betas=(1.0, 0.9)), r"betas: expected two numbers in \[0, 1\)"),
    ],
)
def test_errors(make, message):
    """Settings are checked when the optimiser is made, not a day into training."""
    with pytest.raises(ValueError, match=message):
        make(parameters())
