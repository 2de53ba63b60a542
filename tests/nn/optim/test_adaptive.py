"""Every optimiser that PyTorch has too takes its very steps; Adam's forms against their formulas."""

import numpy as np
import pytest

from eckart.nn import Tensor, optim

SAME = [
    ("SGD", "SGD", {"lr": 0.1}),
    ("SGD", "SGD", {"lr": 0.1, "momentum": 0.9, "dampening": 0.1, "weight_decay": 0.01}),
    ("SGD", "SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True, "maximize": True}),
    (
        "AdaGrad",
        "Adagrad",
        {"lr": 0.1, "lr_decay": 0.1, "weight_decay": 0.1, "initial_accumulator_value": 0.2},
    ),
    ("RMSProp", "RMSprop", {"momentum": 0.9, "weight_decay": 0.1}),
    ("RMSProp", "RMSprop", {"centered": True}),
    ("RMSProp", "RMSprop", {"centered": True, "momentum": 0.9}),
    ("Adam", "Adam", {"lr": 0.01, "weight_decay": 0.1}),
    ("Adam", "Adam", {"amsgrad": True}),
    ("AdamW", "AdamW", {"lr": 0.01}),
    ("AdamW", "AdamW", {"lr": 0.01, "amsgrad": True, "maximize": True}),
]


@pytest.mark.peers
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("ours", "theirs", "settings"), SAME)
def test_ten_steps_of_pytorch(ours, theirs, settings, dtype):
    """A run moved from PyTorch goes on as it was, gradients missing now and then included; so does its
    state.
    """
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    rng = np.random.default_rng(0)
    start = [rng.standard_normal(s).astype(dtype) for s in [(7, 5), (5,), (), (3, 1, 2)]]
    mine = [Tensor(a.copy(), requires_grad=True) for a in start]
    other = [torch.tensor(a.copy(), requires_grad=True) for a in start]
    optimizer, peer = getattr(optim, ours)(mine, **settings), getattr(torch.optim, theirs)(other, **settings)
    for k in range(10):
        for i, (t, u) in enumerate(zip(mine, other, strict=True)):
            g = rng.standard_normal(t.shape).astype(dtype)
            t.grad, u.grad = (None, None) if (i + k) % 4 == 1 else (g, torch.tensor(g))
        optimizer.step()
        peer.step()
    tolerance = 2e-6 if dtype == np.float32 else 1e-12
    for t, u in zip(mine, other, strict=True):
        np.testing.assert_allclose(t.data, u.detach().numpy(), rtol=tolerance, atol=tolerance)
    optimizer.load_state_dict(peer.state_dict())


@pytest.mark.parametrize("bias_correction", [True, False])
def test_adam(bias_correction):
    """The lecture's Adam has no correction of the start from zero: both forms are here."""
    p = Tensor(np.array([1.0, -2.0]), requires_grad=True)
    optimizer = optim.Adam([p], lr=0.1, betas=(0.8, 0.9), eps=1e-3, bias_correction=bias_correction)
    x, m, s = p.data.copy(), 0, 0
    for k in range(1, 6):
        g = np.array([0.5, 2.0]) * x
        m, s = 0.8 * m + 0.2 * g, 0.9 * s + 0.1 * g**2
        first, second = (1 - 0.8**k, 1 - 0.9**k) if bias_correction else (1, 1)
        x = x - 0.1 * (m / first) / (np.sqrt(s / second) + 1e-3)
        p.grad = np.array([0.5, 2.0]) * p.data
        optimizer.step()
    np.testing.assert_allclose(p.data, x, rtol=1e-12)


def test_adamw_shrinks_the_weights_themselves():
    """Without a slope only the decay is left, not scaled by any root."""
    p = Tensor(np.array([4.0]), requires_grad=True)
    optimizer = optim.AdamW([p], lr=0.1, weight_decay=0.5)
    p.grad = np.zeros(1)
    optimizer.step()
    np.testing.assert_allclose(p.data, [4 * 0.95])
