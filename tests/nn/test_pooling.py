"""functional pooling: gradients by differences, options as PyTorch has them."""

import itertools

import numpy as np
import pytest
from tests.nn import reference

from eckart.nn import Tensor, functional

CALLS = {
    "max_pool2d": lambda x: functional.max_pool2d(x, 3, 2, 1),
    "max_pool2d, dilated": lambda x: functional.max_pool2d(x, (2, 3), dilation=(2, 1), ceil_mode=True),
    "avg_pool2d": lambda x: functional.avg_pool2d(x, 3, 2, 1, count_include_pad=False),
    "avg_pool2d, ceil": lambda x: functional.avg_pool2d(x, 2, ceil_mode=True),
    "adaptive_avg_pool2d": lambda x: functional.adaptive_avg_pool2d(x, (2, 4)),
}
FLAT = {
    "max_pool1d": lambda x: functional.max_pool1d(x, 3, 2, 1),
    "avg_pool1d": lambda x: functional.avg_pool1d(x, 2),
    "adaptive_avg_pool1d": lambda x: functional.adaptive_avg_pool1d(x, 3),
}


@pytest.mark.parametrize("name", [*CALLS, *FLAT])
def test_gradients(name):
    """For a batch, and for one image without its axis."""
    x = np.random.default_rng(0).standard_normal((2, 3, 7, 8))
    x = x if name in CALLS else x[:, :, 0]
    call = {**CALLS, **FLAT}[name]
    reference.check_gradients(call, [x])
    reference.check_gradients(call, [x[0]])


@pytest.mark.parametrize("axes", [1, 2])
def test_relu_commutes_with_the_largest(axes):
    """In one pass or before: the same numbers, and the same gradient where windows overlap."""
    data = np.random.default_rng(0).standard_normal((2, 3, 7, 8)[: axes + 2])
    pool, found = (functional.max_pool1d, functional.max_pool2d)[axes - 1], []
    for within in (True, False):
        x = Tensor(data, requires_grad=True)
        y = pool(x, 3, 1, 1, activation="relu") if within else pool(functional.relu(x), 3, 1, 1)
        (y * y).sum().backward()
        found.append((y.data, x.grad))
    for a, b in zip(*found, strict=True):
        np.testing.assert_array_equal(a, b)
    with pytest.raises(ValueError, match="activation: expected"):
        pool(x, 2, activation="tanh")


def test_what_does_not_fit_is_refused():
    """Names what was expected and what came."""
    with pytest.raises(ValueError, match="x: expected 4 dimensions, or 3 of one image, got shape"):
        functional.max_pool2d(np.ones((4, 4)), 2)
    with pytest.raises(ValueError, match="kernel_size: expected a number or 2 of them"):
        functional.avg_pool2d(np.ones((1, 4, 4)), (1, 2, 3))
    with pytest.raises(ValueError, match="x: expected float32 or float64, got int64"):
        functional.max_pool2d(np.ones((1, 4, 4), np.int64), 2)


@pytest.mark.peers
def test_all_options_equal_pytorch():
    """Rounding up, what padding counts, where windows stop: PyTorch's rules."""
    torch = pytest.importorskip("torch")
    x = np.random.default_rng(1).standard_normal((2, 3, 9, 8))
    theirs = torch.from_numpy(x)
    for kernel, stride, padding, ceil in itertools.product((1, 2, 3), (None, 1, 2, 3), (0, 1), (False, True)):
        if 2 * padding > kernel:
            continue
        for dilation in (1, 2):
            options = kernel, stride, padding, dilation, ceil
            want = torch.nn.functional.max_pool2d(theirs, *options).numpy()
            np.testing.assert_array_equal(functional.max_pool2d(x, *options), want)
        for include in (True, False):
            options = kernel, stride, padding, ceil, include
            want = torch.nn.functional.avg_pool2d(theirs, *options).numpy()
            np.testing.assert_allclose(functional.avg_pool2d(x, *options), want, atol=1e-14)
    for size in (1, 2, (3, 5), 11):
        want = torch.nn.functional.adaptive_avg_pool2d(theirs, size).numpy()
        np.testing.assert_allclose(functional.adaptive_avg_pool2d(x, size), want, atol=1e-14)
