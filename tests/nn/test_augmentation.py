"""Augmentations against the plain loop, and that they leave the original alone."""

import numpy as np
import pytest

from eckart.nn.augmentation import crop, flip, noise, shift


@pytest.fixture
def images():
    return np.random.default_rng(0).normal(size=(40, 3, 5, 7)).astype(np.float32)


@pytest.mark.parametrize("change", [crop, shift])
def test_crop_is_a_window_of_the_padded_image(images, change):
    """Each image must be cut at its own place, all channels alike, and every place must come."""
    before = images.copy()
    out = change(images, np.random.default_rng(1), 2, fill=-1.0)
    np.testing.assert_array_equal(images, before)
    places = set()
    for image, got in zip(images, out, strict=True):
        wide = np.pad(image, ((0, 0), (2, 2), (2, 2)), constant_values=-1)
        found = [
            (i, j) for i in range(5) for j in range(5) if np.array_equal(wide[:, i : i + 5, j : j + 7], got)
        ]
        assert len(found) == 1
        places.add(found[0])
    assert len(places) > 10
    assert out.dtype == np.float32


def test_flip(images):
    """Half of the images are mirrored, whole."""
    out = flip(images, np.random.default_rng(1))
    mirrored = [np.array_equal(a, b[..., ::-1]) for a, b in zip(out, images, strict=True)]
    kept = [np.array_equal(a, b) for a, b in zip(out, images, strict=True)]
    assert all(m != k for m, k in zip(mirrored, kept, strict=True))
    assert 10 < sum(mirrored) < 30


def test_noise(images):
    """Noise keeps the type and has the scale asked for."""
    out = noise(images, np.random.default_rng(1), 0.5)
    assert out.dtype == np.float32
    np.testing.assert_allclose((out - images).std(), 0.5, rtol=0.05)


def test_images_of_other_kinds():
    """Grey images without a channel axis work; vectors are no images, bytes have no room for noise."""
    out = crop(np.ones((4, 5, 5)), np.random.default_rng(0), 0)
    np.testing.assert_array_equal(out, np.ones((4, 5, 5)))
    with pytest.raises(ValueError, match="crop: expected images"):
        crop(np.ones((4, 5)), np.random.default_rng(0))
    with pytest.raises(ValueError, match="noise: expected images of floating point, got uint8"):
        noise(np.zeros((4, 5, 5), np.uint8), np.random.default_rng(0))
