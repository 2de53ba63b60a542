"""functional locally connected layers: gradients by differences."""

import numpy as np
import pytest
from tests.nn import reference

from eckart.nn import functional


@pytest.mark.parametrize("activation", [None, "sigmoid"])
def test_gradients(activation):
    """At the images, the weights of every position, and the bias."""
    rng = np.random.default_rng(0)
    options = {"stride": (1, 2), "padding": (1, 0), "activation": activation}
    x, w, b = (rng.standard_normal(s) for s in ((2, 3, 4, 5), (4, 2, 2, 3, 3, 2), (4, 2, 2)))
    reference.check_gradients(lambda *a: functional.local2d(*a, **options), [x, w, b])
    reference.check_gradients(lambda *a: functional.local2d(*a, **options), [x[0], w])


def test_sequences_are_images_of_one_row():
    """And so are their gradients."""
    rng = np.random.default_rng(1)
    x, w, b = (rng.standard_normal(s) for s in ((2, 3, 9), (4, 5, 3, 3), (4, 5)))
    wide = functional.local2d(x[:, :, None], w[None, :, :, :, None], b[None], stride=(1, 2)).data
    np.testing.assert_array_equal(functional.local1d(x, w, b, stride=2), wide[:, :, 0])
    reference.check_gradients(lambda *a: functional.local1d(*a, stride=2), [x, w, b])
    reference.check_gradients(lambda *a: functional.local1d(*a, stride=2), [x[0], w])


def test_what_does_not_fit_is_refused():
    """Names what was expected and what came."""
    x, w = np.ones((2, 3, 4, 5)), np.ones((4, 2, 2, 3, 3, 2))
    with pytest.raises(ValueError, match="weight: expected 6 dimensions"):
        functional.local2d(x, w[0])
    with pytest.raises(ValueError, match=r"bias: expected shape \(4, 2, 2\), got \(2,\)"):
        functional.local2d(x, w, np.ones(2), stride=(1, 2), padding=(1, 0))
    with pytest.raises(ValueError, match="weight: expected weights for 2 x 4 positions, got 4 x 2"):
        functional.local2d(x, w)
