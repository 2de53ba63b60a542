"""functional convolutions: options as PyTorch has them, gradients by differences."""

import numpy as np
import pytest
from tests.nn import reference

from eckart.nn import functional


def random(*shapes, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.standard_normal(s) for s in shapes]


@pytest.mark.parametrize(
    "options",
    [{}, {"stride": 2, "padding": 1}, {"padding": "same", "dilation": 2}, {"stride": (1, 3), "padding": 1},
     {"activation": "tanh"}],
)  # fmt: skip
def test_conv2d_gradients(options):
    """At the images, the weights and the bias, for every kind of option."""
    x, w, b = random((2, 3, 6, 7), (4, 3, 3, 2), (4,))
    reference.check_gradients(lambda *a: functional.conv2d(*a, **options), [x, w, b])
    reference.check_gradients(lambda *a: functional.conv2d(*a, **options), [x[0], w])


@pytest.mark.parametrize("activation", [None, "tanh"])
def test_a_bias_for_each_position(activation):
    """As in the net of 1989: the sum of a shared kernel's and a position's own term, and its gradient."""
    x, w, b = random((2, 3, 6, 7), (4, 3, 3, 2), (4, 4, 6))
    y = functional.conv2d(x, w, b, activation=activation).data
    plain = functional.conv2d(x, w).data + b
    np.testing.assert_allclose(y, plain if activation is None else np.tanh(plain), atol=1e-12)
    reference.check_gradients(lambda *a: functional.conv2d(*a, activation=activation), [x, w, b])
    with pytest.raises(ValueError, match=r"bias: expected \(4\), or that by 4 by 6 positions"):
        functional.conv2d(x, w, b[:, 1:])


@pytest.mark.parametrize(
    "options", [{}, {"groups": 2}, {"stride": 3, "padding": 1, "dilation": 2, "groups": 2}]
)
def test_conv1d_is_conv2d_of_one_row(options):
    """And so are its gradients."""
    x, w, b = random((2, 4, 11), (6, 4 // options.get("groups", 1), 3), (6,))
    wide = {k: (1 if k != "padding" else 0, v) if k != "groups" else v for k, v in options.items()}
    expected = functional.conv2d(x[:, :, None], w[:, :, None], b, **wide).data[:, :, 0]
    np.testing.assert_array_equal(functional.conv1d(x, w, b, **options), expected)
    reference.check_gradients(lambda *a: functional.conv1d(*a, **options), [x, w, b])
    reference.check_gradients(lambda *a: functional.conv1d(*a, **options), [x[0], w])


def test_same_and_valid():
    """ "same" keeps the size, with the odd zero at the end; "valid" pads nothing."""
    x, w = random((1, 2, 9, 8), (3, 2, 4, 5))
    same = functional.conv2d(x, w, padding="same").data
    np.testing.assert_allclose(
        same, reference.conv2d(x, w, None, (1, 1), (1, 2, 2, 2), (1, 1), 1), atol=1e-12
    )
    valid = functional.conv2d(x, w, padding="valid").data
    np.testing.assert_allclose(valid, reference.conv2d(x, w, None, (1, 1), (0,) * 4, (1, 1), 1), atol=1e-12)
    with pytest.raises(ValueError, match="padding: expected numbers for a stride of 2, got 'same'"):
        functional.conv2d(x, w, stride=2, padding="same")
    with pytest.raises(ValueError, match="padding: expected numbers, 'same' or 'valid', got 'full'"):
        functional.conv2d(x, w, padding="full")


@pytest.mark.parametrize(
    "options",
    [{}, {"stride": 2, "padding": 1, "output_padding": 1}, {"dilation": 2, "output_padding": (1, 0)},
     {"stride": (3, 1), "groups": 2}],
)  # fmt: skip
def test_transposed_convolution_is_the_transposed(options):
    """<conv_transpose(x), y> = <x, conv(y)>, whatever the options; and its gradients."""
    x, w, b = random((2, 4, 3, 5), (4, 6 // options.get("groups", 1), 3, 2), (6,))
    z = functional.conv_transpose2d(x, w, **options).data
    (y,) = random(z.shape, seed=1)
    back = {k: v for k, v in options.items() if k != "output_padding"}
    there = functional.conv2d(y, w, **back).data[:, :, : x.shape[2], : x.shape[3]]
    np.testing.assert_allclose((z * y).sum(), (x * there).sum())
    reference.check_gradients(lambda *a: functional.conv_transpose2d(*a, **options), [x, w, b])
    if all(isinstance(v, int) for v in options.values()):
        flat, kernel = x[:, :, 0], np.ascontiguousarray(w[:, :, 0])
        reference.check_gradients(lambda *a: functional.conv_transpose1d(*a, **options), [flat, kernel, b])
        reference.check_gradients(lambda *a: functional.conv_transpose1d(*a, **options), [flat[0], kernel])


def test_what_does_not_fit_is_refused():
    """Names what was expected and what came."""
    x, w = random((2, 3, 6, 6), (4, 3, 3, 3))
    with pytest.raises(ValueError, match="x: expected 4 dimensions, or 3 of one image, got shape"):
        functional.conv2d(x[0, 0], w)
    with pytest.raises(ValueError, match="weight: expected 4 dimensions, got shape"):
        functional.conv2d(x, w[0])
    with pytest.raises(ValueError, match=r"stride: expected a number or 2 of them, got \(1, 2, 3\)"):
        functional.conv2d(x, w, stride=(1, 2, 3))
    with pytest.raises(ValueError, match="bias: expected float64 as x has, got float32"):
        functional.conv2d(x, w, np.ones(4, np.float32))
    with pytest.raises(ValueError, match="output_padding: expected less than stride or dilation, got"):
        functional.conv_transpose2d(x, np.ones((3, 2, 3, 3)), stride=2, output_padding=2)


@pytest.mark.peers
def test_random_shapes_equal_pytorch():
    """The meaning of every option is PyTorch's."""
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(3)
    for _ in range(60):
        groups, stride, dilation = (int(v) for v in rng.integers(1, 4, 3))
        kernel = rng.integers(1, 4, 2)
        x = rng.standard_normal((2, 2 * groups, *rng.integers(8, 20, 2)))
        w = rng.standard_normal((3 * groups, 2, *kernel))
        options = {
            "stride": stride,
            "padding": int(rng.integers(0, 3)),
            "dilation": dilation,
            "groups": groups,
        }
        ours = functional.conv2d(x, w, **options).data
        theirs = torch.nn.functional.conv2d(*map(torch.from_numpy, (x, w)), **options)
        np.testing.assert_allclose(ours, theirs.numpy(), atol=1e-11)
        options["output_padding"] = int(rng.integers(0, max(stride, dilation)))
        ours = functional.conv_transpose2d(ours, w, **options).data
        theirs = torch.nn.functional.conv_transpose2d(theirs, torch.from_numpy(w), **options)
        np.testing.assert_allclose(ours, theirs.numpy(), atol=1e-10)
