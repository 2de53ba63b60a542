"""ALS in plain NumPy, a loop and `np.linalg.solve` a row: what the kernels must agree with.

Everything is in double and independent of eckart but for the compressed rows it reads.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass
class Point:
    """Factors and biases of both sides (zeros where a model has no biases) and the constants."""

    users: np.ndarray
    items: np.ndarray
    user_bias: np.ndarray
    item_bias: np.ndarray
    mean: float
    biased: bool

    @classmethod
    def of(cls, model: Any) -> "Point":
        biased = model.user_biases_ is not None
        users, items = (np.asarray(a, np.float64) for a in (model.user_factors_, model.item_factors_))
        biases = (
            (model.user_biases_, model.item_biases_)
            if biased
            else (np.zeros(len(users)), np.zeros(len(items)))
        )
        user_bias, item_bias = (np.asarray(b, np.float64) for b in biases)
        return cls(users, items, user_bias, item_bias, float(model.mean_), biased)


def penalties(rows: Any, reg: float, scaling: str) -> np.ndarray:
    """lambda of every row of a compressed matrix."""
    return reg * (np.diff(rows.indptr) if scaling == "count" else np.ones(len(rows.indptr) - 1))


def half_solve(
    rows: Any, fixed: np.ndarray, fixed_bias: np.ndarray | None, mean: float, reg: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The minimiser of every row with the other side fixed: (factors, biases); rows without ratings zero."""
    n, rank = len(rows.indptr) - 1, fixed.shape[1]
    factors, biases = np.zeros((n, rank)), np.zeros(n)
    for i in range(n):
        part = slice(rows.indptr[i], rows.indptr[i + 1])
        columns, values = rows.indices[part], np.asarray(rows.values[part], np.float64)
        if len(columns) == 0:
            continue
        x, target = np.asarray(fixed, np.float64)[columns], values - mean
        if fixed_bias is not None:
            x = np.column_stack([x, np.ones(len(columns))])
            target = target - fixed_bias[columns]
        w = np.linalg.solve(x.T @ x + reg[i] * np.eye(x.shape[1]), x.T @ target)
        factors[i] = w[:rank]
        if fixed_bias is not None:
            biases[i] = w[rank]
    return factors, biases


def iterate(point: Point, ratings: Any, reg_users: np.ndarray, reg_items: np.ndarray) -> Point:
    """One iteration: the items, then the users."""
    bias = (lambda b: b) if point.biased else (lambda b: None)
    items, item_bias = half_solve(ratings.by_item, point.users, bias(point.user_bias), point.mean, reg_items)
    users, user_bias = half_solve(ratings.by_user, items, bias(item_bias), point.mean, reg_users)
    return Point(users, items, user_bias, item_bias, point.mean, point.biased)


def predict(point: Point, users: np.ndarray, items: np.ndarray) -> np.ndarray:
    inner = np.sum(point.users[users] * point.items[items], axis=1)
    return point.mean + point.user_bias[users] + point.item_bias[items] + inner


def objective(point: Point, ratings: Any, reg_users: np.ndarray, reg_items: np.ndarray) -> float:
    residual = ratings.values.astype(np.float64) - predict(point, ratings.user_index, ratings.item_index)
    user_norms = np.sum(point.users**2, axis=1) + point.user_bias**2
    item_norms = np.sum(point.items**2, axis=1) + point.item_bias**2
    return float(np.sum(residual**2) + reg_users @ user_norms + reg_items @ item_norms)


def gradient(point: Point, ratings: Any, reg_users: np.ndarray, reg_items: np.ndarray) -> np.ndarray:
    """The gradient of the objective in all factors (and biases), as one vector."""
    u, i = ratings.user_index, ratings.item_index
    residual = ratings.values.astype(np.float64) - predict(point, u, i)
    parts = []
    sides = (
        (point.users, point.user_bias, reg_users, u, point.items[i]),
        (point.items, point.item_bias, reg_items, i, point.users[u]),
    )
    for factors, bias, reg, rows, others in sides:
        slope = np.zeros_like(factors)
        np.add.at(slope, rows, residual[:, None] * others)
        parts.append((2 * reg[:, None] * factors - 2 * slope).ravel())
        if point.biased:
            parts.append(2 * reg * bias - 2 * np.bincount(rows, residual, len(bias)))
    return np.concatenate(parts)
