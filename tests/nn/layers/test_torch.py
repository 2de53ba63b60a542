"""Every layer beside PyTorch's: its state dict loads as it is, outputs and gradients are the same."""

import numpy as np
import pytest

from eckart.nn import Tensor, layers

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
pytestmark = pytest.mark.peers
torch.set_num_threads(1)  # two OpenMP runtimes in one process spin against each other
T = torch.nn

CASES = {
    "linear": (layers.Linear(5, 3, random_state=0), T.Linear(5, 3), (4, 5)),
    "conv2d": (
        layers.Conv2d(4, 6, 3, (2, 1), 1, 2, 2, random_state=0), T.Conv2d(4, 6, 3, (2, 1), 1, 2, 2),
        (2, 4, 9, 8),
    ),
    "conv1d": (
        layers.Conv1d(3, 5, 3, padding="same", random_state=0), T.Conv1d(3, 5, 3, padding="same"), (2, 3, 9),
    ),
    "conv_transpose2d": (
        layers.ConvTranspose2d(4, 6, 3, 2, 1, 1, 2, random_state=0), T.ConvTranspose2d(4, 6, 3, 2, 1, 1, 2),
        (2, 4, 5, 6),
    ),
    "conv_transpose1d": (
        layers.ConvTranspose1d(3, 5, 4, 2, random_state=0), T.ConvTranspose1d(3, 5, 4, 2), (2, 3, 7),
    ),
    "batch_norm1d": (layers.BatchNorm1d(5), T.BatchNorm1d(5), (7, 5)),
    "batch_norm2d": (layers.BatchNorm2d(3), T.BatchNorm2d(3), (4, 3, 5, 6)),
    "layer_norm": (layers.LayerNorm((3, 4)), T.LayerNorm((3, 4)), (5, 3, 4)),
    "layer_norm, no affine": (layers.LayerNorm(4, 1e-3, False), T.LayerNorm(4, 1e-3, False), (5, 4)),
    "rms_norm": (layers.RMSNorm(4), T.RMSNorm(4), (5, 3, 4)),
    "rms_norm, two axes": (layers.RMSNorm((3, 4), 1e-3), T.RMSNorm((3, 4), 1e-3), (5, 3, 4)),
    "group_norm": (layers.GroupNorm(2, 6), T.GroupNorm(2, 6), (3, 6, 4)),
    "group_norm, no affine": (layers.GroupNorm(3, 6, 1e-3, False), T.GroupNorm(3, 6, 1e-3, False), (3, 6, 4)),
    "local_response_norm": (layers.LocalResponseNorm(3), T.LocalResponseNorm(3), (2, 7, 4, 4)),
    "max_pool2d": (layers.MaxPool2d(3, 2, 1), T.MaxPool2d(3, 2, 1), (2, 3, 9, 8)),
    "avg_pool2d": (layers.AvgPool2d(3, 2, 1), T.AvgPool2d(3, 2, 1), (2, 3, 9, 8)),
    "adaptive_avg_pool2d": (layers.AdaptiveAvgPool2d(2), T.AdaptiveAvgPool2d(2), (2, 3, 5, 4)),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_state_dict_outputs_and_gradients(name):
    """Weights trained elsewhere must mean the same here, and training must go on the same way."""
    ours, theirs, shape = CASES[name]
    theirs = theirs.double()
    with torch.no_grad():
        for p in theirs.parameters():
            p.normal_()
    ours.to(np.float64).load_state_dict(theirs.state_dict())
    x = np.random.default_rng(0).normal(size=shape)
    a, b = Tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
    y, z = ours(a), theirs(b)
    np.testing.assert_allclose(y.data, z.detach().numpy(), atol=1e-10)
    weights = np.cos(np.arange(y.size)).reshape(y.shape)
    (y * weights).sum().backward()
    (z * torch.tensor(weights)).sum().backward()
    np.testing.assert_allclose(a.grad, b.grad.numpy(), atol=1e-9)
    for (key, p), q in zip(ours.named_parameters(), theirs.parameters(), strict=True):
        np.testing.assert_allclose(p.grad, q.grad.numpy(), atol=1e-9, err_msg=key)
    for key, value in theirs.state_dict().items():  # running averages moved alike
        np.testing.assert_allclose(ours.state_dict()[key], value.numpy(), atol=1e-10, err_msg=key)


def test_attention():
    """torch.nn.MultiheadAttention: the same parameters; there, True in a mask hides."""
    theirs = T.MultiheadAttention(8, 2, batch_first=True).double()
    ours = layers.MultiHeadAttention(8, 2, random_state=0).to(np.float64).load_state_dict(theirs.state_dict())
    rng = np.random.default_rng(0)
    x, other = rng.normal(size=(2, 5, 8)), rng.normal(size=(2, 3, 8))
    hidden = ~np.tri(5, dtype=bool)
    expected = theirs(*[torch.tensor(x)] * 3, attn_mask=torch.tensor(hidden), need_weights=False)[0]
    np.testing.assert_allclose(ours(x, causal=True).data, expected.detach().numpy(), atol=1e-10)
    np.testing.assert_allclose(ours(x, mask=~hidden).data, expected.detach().numpy(), atol=1e-10)
    expected = theirs(torch.tensor(x), *[torch.tensor(other)] * 2)[0]
    np.testing.assert_allclose(ours(x, other).data, expected.detach().numpy(), atol=1e-10)


@pytest.mark.parametrize("name", [n for n in CASES if "conv" in n or n == "linear"])
def test_initial_scale(name):
    """PyTorch's defaults: uniform within 1 / sqrt(fan in), of the fan in that it computes."""
    ours, theirs, _ = CASES[name]
    fresh = [type(layer).__module__ for layer in (ours, theirs)]
    assert fresh[0] != fresh[1]
    theirs.reset_parameters()
    bound = 1 / np.sqrt(T.init._calculate_fan_in_and_fan_out(theirs.weight)[0])
    again = type(ours).__new__(type(ours))
    settings = {k: v for k, v in vars(ours).items() if k not in ("weight", "bias", "training")}
    again.__init__(**settings, random_state=1)
    for tensor in (again.weight, again.bias):
        assert np.abs(tensor.data).max() <= bound
    assert np.abs(again.weight.data).max() > 0.85 * bound
