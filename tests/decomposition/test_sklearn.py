"""scikit-learn's own checks of every decomposition, without an excuse."""

import warnings

import pytest
from sklearn.utils.estimator_checks import estimator_checks_generator

from eckart.decomposition import TruncatedSVD

MODELS = (TruncatedSVD(random_state=0), TruncatedSVD(algorithm="randomized", random_state=0))


def checks_of(*models):
    """Every check of every model."""
    with warnings.catch_warnings():
        # Our models speak the protocol without inheriting from BaseEstimator, whose import costs a second.
        warnings.filterwarnings("ignore", message=".*does not inherit from")
        return [check for model in models for check in estimator_checks_generator(model)]


def name_of(value):
    return value.func.__name__ if hasattr(value, "func") else type(value).__name__


@pytest.mark.parametrize(("estimator", "check"), checks_of(*MODELS), ids=name_of)
def test_scikit_learn_checks(estimator, check):
    """Each check that a model passes is a habit of scikit-learn's that users can rely on."""
    check(estimator)
