"""Image filters against SciPy's, and what the lecture says of them."""

import numpy as np
import pytest
from scipy import ndimage

from eckart.nn.functional import FILTERS, filter2d, gaussian_kernel

RNG = np.random.default_rng(0)
MODES = {"zero": "constant", "edge": "nearest", "reflect": "mirror", "wrap": "wrap"}


@pytest.mark.parametrize("border", MODES)
@pytest.mark.parametrize("shape", [(3, 3), (1, 1), (2, 3), (4, 2), (5, 1), (1, 4)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_against_scipy(border, shape, dtype):
    """Correlation and convolution, odd and even kernels, every border, channels for themselves."""
    image, kernel = RNG.random((7, 11, 3)).astype(dtype), RNG.standard_normal(shape)
    for mode, reference in (("correlate", ndimage.correlate), ("convolve", ndimage.convolve)):
        found = filter2d(image, kernel, mode, border)
        assert found.dtype == dtype
        for channel in range(3):
            expected = reference(image[..., channel].astype(float), kernel, mode=MODES[border])
            np.testing.assert_allclose(
                found[..., channel], expected, rtol=0, atol=1e-5 if dtype == np.float32 else 1e-12
            )
            np.testing.assert_array_equal(
                filter2d(image[..., channel], kernel, mode, border), found[..., channel]
            )


def test_named_filters():
    """Blurs keep a grey image, edges find nothing in it, sharpening is its own image; a ramp has slope."""
    grey = np.full((6, 6), 0.7)
    for name in FILTERS:
        level = 1 if name in ("identity", "box", "gaussian", "sharpen") else 0
        np.testing.assert_allclose(filter2d(grey, name), 0.7 * level, atol=1e-12)
    ramp = np.outer(np.arange(6.0), np.ones(6))
    np.testing.assert_array_equal(filter2d(ramp, "sobel_y")[1:-1, 1:-1], 8)
    np.testing.assert_array_equal(filter2d(ramp, "prewitt_y")[1:-1, 1:-1], 6)
    np.testing.assert_array_equal(filter2d(ramp, "sobel_x"), 0)
    np.testing.assert_array_equal(filter2d(ramp, "sobel_y", mode="convolve")[1:-1, 1:-1], -8)


def test_an_impulse_draws_the_kernel():
    """Convolution draws the kernel at a bright pixel, correlation draws it turned: the lecture's picture."""
    image, kernel = np.zeros((5, 5)), np.arange(9.0).reshape(3, 3)
    image[2, 2] = 1
    np.testing.assert_array_equal(filter2d(image, kernel, "convolve")[1:4, 1:4], kernel)
    np.testing.assert_array_equal(filter2d(image, kernel, "correlate")[1:4, 1:4], kernel[::-1, ::-1])


def test_integers_become_float():
    """An 8-bit image does not wrap around."""
    image = np.full((4, 4), 200, np.uint8)
    np.testing.assert_allclose(filter2d(image, "box"), 200)
    assert filter2d(image, "sobel_x").dtype == np.float64


@pytest.mark.parametrize("sigma", [0.5, 2.0])
def test_gaussian(sigma):
    """The blur is symmetric, sums to one and falls off as the density does."""
    kernel = gaussian_kernel(sigma)
    assert abs(kernel.sum() - 1) < 1e-12
    np.testing.assert_array_equal(kernel, kernel.T)
    centre = len(kernel) // 2
    np.testing.assert_allclose(kernel[centre, centre + 1] / kernel[centre, centre], np.exp(-0.5 / sigma**2))


@pytest.mark.parametrize(
    ("options", "kind", "message"),
    [
        ({"kernel": "blur"}, KeyError, "expected one of identity, box"),
        ({"kernel": np.ones(3)}, ValueError, r"got \(4, 4\) and \(3,\)"),
        ({"kernel": np.ones((0, 3))}, ValueError, "expected an image"),
        (
            {"kernel": "box", "mode": "same"},
            ValueError,
            "mode: expected one of 'correlate', 'convolve', got 'same'",
        ),
        ({"kernel": "box", "border": "black"}, ValueError, "border: expected one of 'zero'"),
    ],
)
def test_errors(options, kind, message):
    """A kernel that does not exist or does not fit is said."""
    with pytest.raises(kind, match=message):
        filter2d(np.ones((4, 4)), **options)
    with pytest.raises(ValueError, match="sigma: expected a number > 0"):
        gaussian_kernel(0)
