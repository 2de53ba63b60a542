"""RMSE and MAE against scikit-learn, and the inputs they refuse."""

import numpy as np
import pytest
from sklearn.metrics import mean_absolute_error, root_mean_squared_error

from eckart.metrics import mae, rmse


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int32])
@pytest.mark.parametrize("n", [1, 2, 1009])
def test_agrees_with_sklearn(n, dtype):
    """Users compare these numbers with other libraries' tables."""
    rng = np.random.default_rng(n)
    true, predicted = rng.integers(1, 6, n).astype(dtype), rng.normal(3, 1, n).astype(np.float32)
    wide = true.astype(np.float64), predicted.astype(np.float64)
    assert rmse(true, predicted) == pytest.approx(root_mean_squared_error(*wide), rel=1e-14)
    assert mae(true, predicted) == pytest.approx(mean_absolute_error(*wide), rel=1e-14)


def test_known_values_and_types():
    """A hand-computed case; plain floats go into JSON."""
    assert rmse([1, 2, 3], [1, 2, 6]) == pytest.approx(3**0.5)
    assert mae([1, 2, 3], [1, 2, 6]) == 1.0
    assert type(rmse([1], [2])) is float
    assert type(mae([1], [2])) is float


def test_sums_in_double():
    """Ten million float32 errors added in float32 would stop growing."""
    n = 2**24 + 8
    errors = np.full(n, 0.1, dtype=np.float32)
    assert rmse(np.zeros(n, dtype=np.float32), errors) == pytest.approx(float(np.float32(0.1)), rel=1e-9)


@pytest.mark.parametrize("metric", [rmse, mae])
@pytest.mark.parametrize(
    ("true", "predicted", "message"),
    [
        ([1.0, 2.0], [1.0], "y_pred: expected 2 numbers, as in y_true, got 1"),
        ([], [], "y_true: expected at least one rating"),
        ([1.0, np.nan], [1.0, 1.0], "y_true: expected finite numbers, got nan at position 1"),
        ([1.0, 1.0], [np.inf, 1.0], "y_pred: expected finite numbers, got inf at position 0"),
        ([[1.0]], [1.0], r"y_true: expected one dimension, got an array of shape \(1, 1\)"),
    ],
)
def test_refuses_bad_input(metric, true, predicted, message):
    """A NaN from a diverged model must not become a NaN score that wins a comparison."""
    with pytest.raises(ValueError, match=message):
        metric(true, predicted)
