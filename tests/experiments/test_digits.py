"""What the experiments on digits share (experiments/_digits.py)."""

import numpy as np
import pytest
from scipy.ndimage import map_coordinates

from eckart.datasets import Digits
from eckart.experiments import _digits


@pytest.mark.parametrize(("old", "new"), [(28, 16), (8, 16), (8, 28), (5, 5), (7, 3), (2, 9)])
def test_resizing(old, new):
    """Between the centres of the four nearest pixels, and not beyond the outermost: against SciPy."""
    images = np.random.default_rng(0).integers(0, 256, (3, old, old), np.uint8)
    found = _digits.resized(images, new)
    places = np.clip((np.arange(new) + 0.5) * old / new - 0.5, 0, old - 1)
    grid = np.array(np.meshgrid(places, places, indexing="ij"))
    expected = [map_coordinates(image.astype(float), grid, order=1) for image in images]
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=1e-3)


def test_samples_are_random_and_do_not_mix():
    """Training digits come from the training set alone; each keeps its label."""
    labels = np.arange(20)
    digits = Digits(labels[:, None], labels, 100 + labels[:, None], 100 + labels)
    cut = _digits.sampled(digits, 7, 5, seed=0)
    assert (len(cut.y_train), len(cut.y_test)) == (7, 5)
    assert np.array_equal(cut.x_train[:, 0], cut.y_train)
    assert np.array_equal(cut.x_test[:, 0], cut.y_test)
    assert cut.y_train.max() < 100 <= cut.y_test.min()
    assert len(set(cut.y_train)) == 7
    assert not np.array_equal(_digits.sampled(digits, 7, 5, seed=1).y_train, cut.y_train)


@pytest.mark.parametrize("wrong", [0, 1, 9, 48])
def test_the_figure_takes_any_number_of_misread_digits(wrong):
    """None at all must not be a crash at the end of a long run."""
    pytest.importorskip("matplotlib", reason="extra `plot`")
    images = np.zeros((wrong, 16, 16))
    training = _digits.Training(0, [5.0, 2.0], [4.0, 0.0], 1.0, images, [(1, 7)] * wrong)
    figure = _digits.draw_digits([training, training], 4.5, "title")
    assert len(figure.axes[1].images) == wrong
    figure.canvas.draw()
