"""Dense, local and shared weights compute the same when written out."""

import numpy as np
import pytest

from eckart.nn import Tensor, grad, layers

CASES = [
    (layers.Conv2d(2, 3, 3, padding=1, random_state=0), (5, 4)),
    (layers.Conv2d(1, 2, (2, 3), stride=(2, 1), bias=False, random_state=0), (6, 5)),
    (layers.Conv2d(4, 6, 3, padding=2, dilation=2, groups=2, stride=2, random_state=0), (7, 7)),
    (layers.Conv1d(3, 2, 3, padding=1, random_state=0), (7,)),
    (layers.Conv1d(2, 4, 2, dilation=3, groups=2, random_state=0), (9,)),
]


@pytest.mark.parametrize(("convolution", "size"), CASES)
def test_the_three_are_one(convolution, size):
    """The lecture's point: only the pattern of sharing differs, forward and backward."""
    convolution.to(np.float64)
    x = np.random.default_rng(0).normal(size=(3, convolution.in_channels, *size))
    local, dense = layers.as_local(convolution, size), layers.as_dense(convolution, size)
    assert layers.as_dense(local, size).weight.shape == dense.weight.shape
    outputs, slopes = [], []
    for layer in (convolution, local, dense):
        image = Tensor(x, requires_grad=True)
        y = layer(image.flatten(1) if layer is dense else image)
        weights = np.cos(np.arange(y.size)).reshape(y.shape)
        slopes.append(grad((y * weights).sum(), [image])[0])
        outputs.append(y.data.reshape(len(x), -1))
    for y, slope in zip(outputs[1:], slopes[1:], strict=True):
        np.testing.assert_allclose(y, outputs[0], atol=1e-12)
        np.testing.assert_allclose(slope, slopes[0], atol=1e-12)


def test_free_numbers_are_the_lecture_s():
    """n², 3n - 2 and 3: counted as the numbers in W that are not zero, and as the kernel."""
    n = 10
    convolution = layers.Conv1d(1, 1, 3, padding=1, bias=False, random_state=0)
    dense = layers.as_dense(convolution, n)
    assert dense.weight.size == n * n
    assert np.count_nonzero(dense.weight.data) == 3 * n - 2
    assert convolution.weight.size == 3


def test_errors():
    """What cannot be written out says why."""
    convolution = layers.Conv1d(1, 1, 3, padding="same", random_state=0)
    with pytest.raises(ValueError, match="padding: expected numbers"):
        layers.as_local(convolution, 5)
    local = layers.LocallyConnected1d(1, 1, 5, 3, random_state=0)
    with pytest.raises(ValueError, match=r"input_size: expected \(5,\)"):
        layers.as_dense(local, 6)
    with pytest.raises(ValueError, match="kernel_size: expected at most"):
        layers.LocallyConnected2d(1, 1, 4, 5, random_state=0)
