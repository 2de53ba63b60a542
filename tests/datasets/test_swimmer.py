"""The swimmer is what the paper says."""

import numpy as np

from eckart.datasets import make_swimmer


def test_images_are_sums_of_five_disjoint_parts():
    """Four limbs and the torso in each, all 256 combinations, and no pixel shared."""
    swimmer = make_swimmer()
    assert swimmer.images.shape == (256, 1024)
    assert set(np.unique(swimmer.images)) == {0.0, 1.0}  # parts that overlapped would give a 2
    assert len(np.unique(swimmer.images, axis=0)) == 256
    weights = np.linalg.lstsq(swimmer.parts.T, swimmer.images.T, rcond=None)[0].T
    np.testing.assert_allclose(weights @ swimmer.parts, swimmer.images, atol=1e-10)
    assert (swimmer.parts[:16].sum(axis=1) == 6).all()
    assert swimmer.parts[16].sum() == 12


def test_rank_is_one_less_than_the_parts():
    """Each limb has one position at a time: 4 * 3 + 1 dimensions, though 17 parts are needed."""
    assert np.linalg.matrix_rank(make_swimmer().images) == 13
