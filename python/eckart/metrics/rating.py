"""How far predicted ratings are from the true ones."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eckart.base.validation import check_finite


def rmse(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Return the root of the mean squared error, sqrt(mean((y_true - y_pred)²)), summed in float64.

    Both are (n,). ValueError for no ratings, different shapes, NaN or infinity.
    """
    return float(np.sqrt(np.mean(np.square(errors_of(y_true, y_pred)))))


def mae(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Return the mean absolute error, mean(abs(y_true - y_pred)), summed in float64.

    Both are (n,). ValueError for no ratings, different shapes, NaN or infinity.
    """
    return float(np.mean(np.abs(errors_of(y_true, y_pred))))


def errors_of(y_true: ArrayLike, y_pred: ArrayLike) -> NDArray[np.float64]:
    """Return y_true - y_pred, (n,) float64, of checked arguments."""
    true = _checked(y_true, "y_true")
    predicted = _checked(y_pred, "y_pred")
    if true.shape != predicted.shape:
        raise ValueError(f"y_pred: expected {len(true)} numbers, as in y_true, got {len(predicted)}")
    if len(true) == 0:
        raise ValueError("y_true: expected at least one rating, got none")
    return true - predicted


def _checked(values: ArrayLike, name: str) -> NDArray[np.float64]:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1:
        raise ValueError(f"{name}: expected one dimension, got an array of shape {array.shape}")
    check_finite(array, name)
    return array
