"""Schedules: PyTorch's numbers where it has them, formulas elsewhere, and resuming."""

import math

import numpy as np
import pytest

from eckart.nn import Tensor, optim


def optimizer(kind=optim.SGD, **settings):
    return kind([Tensor(np.ones(2), requires_grad=True)], lr=0.4, **settings)


def rates(schedule, steps):
    found = []
    for _ in range(steps):
        found.append(schedule.get_last_lr()[0])
        schedule.step()
    return found


SAME = [
    ("StepLR", {"step_size": 3, "gamma": 0.5}),
    ("MultiStepLR", {"milestones": [2, 5, 6]}),
    ("ExponentialLR", {"gamma": 0.9}),
    ("LinearLR", {"start_factor": 0.25, "total_iters": 4}),
    ("CosineAnnealingLR", {"T_max": 8, "eta_min": 0.05}),
    ("OneCycleLR", {"max_lr": 2.0, "total_steps": 12}),
    ("OneCycleLR", {"max_lr": 2.0, "total_steps": 12, "anneal_strategy": "linear", "pct_start": 0.5}),
]


@pytest.mark.peers
@pytest.mark.parametrize(("name", "settings"), SAME)
def test_pytorchs_numbers(name, settings):
    """A recipe found elsewhere is the same here, momentum included."""
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    mine = optimizer(momentum=0.9)
    other = torch.optim.SGD([torch.ones(2, requires_grad=True)], lr=0.4, momentum=0.9)
    schedule = getattr(optim, name)(mine, **settings)
    peer = getattr(torch.optim.lr_scheduler, name)(other, **settings)
    for _ in range(11):
        a, b = mine.param_groups[0], other.param_groups[0]
        assert a["lr"] == pytest.approx(b["lr"], rel=1e-9)
        assert a["momentum"] == pytest.approx(b["momentum"], rel=1e-9)
        other.step()
        schedule.step()
        peer.step()


def test_step():
    """Without PyTorch: cut by gamma every three steps."""
    np.testing.assert_allclose(rates(optim.StepLR(optimizer(), 3, 0.5), 7), [0.4] * 3 + [0.2] * 3 + [0.1])


def test_cosine_with_warm_up():
    """A line up, half a cosine down, and then the least rate for good."""
    found = rates(optim.CosineAnnealingLR(optimizer(), 10, 0.1, warmup=4), 13)
    np.testing.assert_allclose(found[:5], [0.08, 0.16, 0.24, 0.32, 0.4])
    np.testing.assert_allclose(found[4:11], [0.1 + 0.15 * (1 + math.cos(math.pi * k / 6)) for k in range(7)])
    np.testing.assert_allclose(found[10:], 0.1)


def test_one_cycle_ends():
    """A cycle has an end: a step beyond it is an error, not a rate from nowhere. The call after the last step
    must not break a training that is done."""
    schedule = optim.OneCycleLR(optimizer(optim.Adam), 1.0, 3)
    schedule.step()
    schedule.step()
    assert schedule.optimizer.param_groups[0]["betas"][0] == pytest.approx(0.95)
    rate = schedule.get_last_lr()
    schedule.step()
    assert schedule.get_last_lr() == rate
    with pytest.raises(ValueError, match="at most 3 steps, got 4"):
        schedule.step()


def test_plateau():
    """After more than `patience` steps without a gain the rate is cut, and never below min_lr."""
    schedule = optim.ReduceLROnPlateau(optimizer(), factor=0.5, patience=1, min_lr=0.15)
    found = []
    for metric in (1.0, 0.9, 0.95, 0.95, 0.95, 0.95, 0.95, 0.95):
        schedule.step(metric)
        found.append(schedule.get_last_lr()[0])
    assert found == [0.4, 0.4, 0.4, 0.2, 0.2, 0.15, 0.15, 0.15]


def test_resume():
    """A schedule goes on from its count."""
    schedule = optim.ExponentialLR(optimizer(), 0.5)
    rates(schedule, 3)
    again = optim.ExponentialLR(optimizer(), 0.9)
    again.load_state_dict(schedule.state_dict())
    assert again.get_last_lr() == schedule.get_last_lr() == [0.05]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda o: optim.StepLR(o, 0), "step_size: expected an integer >= 1"),
        (lambda o: optim.CosineAnnealingLR(o, 5, warmup=5), "warmup: expected an integer <= 4"),
        (lambda o: optim.OneCycleLR(o, 1.0, 5, anneal_strategy="none"), "anneal_strategy: expected one of"),
        (lambda o: optim.ReduceLROnPlateau(o, "least"), "mode: expected one of"),
    ],
)
def test_errors(make, message):
    """Settings are checked at the start."""
    with pytest.raises(ValueError, match=message):
        make(optimizer())


def test_of_something_else():
    """A schedule of no optimiser, or of other groups, would change nothing or half."""
    with pytest.raises(TypeError, match="optimizer: expected an Optimizer, got list"):
        optim.StepLR([], 1)
    state = optim.StepLR(optimizer(), 1).state_dict()
    with pytest.raises(ValueError, match="base_lrs: expected those of 1 groups, got 2"):
        optim.StepLR(optimizer(), 1).load_state_dict(state | {"base_lrs": [1.0, 2.0]})
