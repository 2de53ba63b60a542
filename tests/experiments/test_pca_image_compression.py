"""The experiment `pca-image-compression` holds what it predicts, at any seed."""

import pytest

from eckart import experiments
from eckart.experiments import pca_image_compression


@pytest.mark.parametrize("seed", [0, 1])
def test_predictions_hold(seed):
    """The checks pass at the small size; what they compare is said in words."""
    outcome = experiments.reproduce("pca-image-compression", quick=True, seed=seed)
    assert outcome.passed, [vars(check) for check in outcome.checks if not check.passed]
    assert outcome.tables


def test_figure():
    """It can be drawn from an outcome, with labelled axes."""
    figure = pca_image_compression.draw(pca_image_compression.run(quick=True))
    assert len(figure.axes) == 2
    assert all(axes.get_title() for axes in figure.axes)
    assert figure.axes[1].get_xlabel()
