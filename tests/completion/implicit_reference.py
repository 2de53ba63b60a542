"""Implicit ALS in plain NumPy over the dense matrix of all pairs: what kernels and model must agree with.

Nothing is shortened: every pair, observed or not, is a row of a least-squares problem in double.
"""

from typing import Any

import numpy as np


def all_pairs(
    shape: tuple[int, int], users: Any, items: Any, values: Any, confidence: str, scale: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return (weights, preferences), (n_users, n_items) each, of the observed pairs; zeros elsewhere."""
    weights, preferences = np.zeros(shape), np.zeros(shape)
    size = np.abs(np.asarray(values, np.float64))
    weights[users, items] = (
        scale * {"binary": np.ones_like(size), "linear": size, "log": np.log1p(size)}[confidence]
    )
    preferences[users, items] = values > 0
    return weights, preferences


def penalties(observed: np.ndarray, reg: float, alpha: float, nu: float) -> np.ndarray:
    """lambda of every row of a dense pattern of observed pairs."""
    return reg * (observed.sum(axis=1) + alpha * observed.shape[1]) ** nu


def half_solve(
    weights: np.ndarray,
    preferences: np.ndarray,
    alpha: float,
    fixed: np.ndarray,
    bias: np.ndarray | None,
    reg: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """The minimiser of every row, from one least-squares problem with two equations a pair."""
    n, rank = len(weights), fixed.shape[1]
    fixed = np.asarray(fixed, np.float64)
    offset = np.zeros(len(fixed)) if bias is None else np.asarray(bias, np.float64)
    x = fixed if bias is None else np.column_stack([fixed, np.ones(len(fixed))])
    out = np.zeros((n, rank + 1))
    for u in range(n):
        root = np.sqrt(weights[u])
        matrix = np.vstack([root[:, None] * x, np.sqrt(alpha) * x, np.sqrt(reg[u]) * np.eye(x.shape[1])])
        wanted = [root * (preferences[u] - offset), -np.sqrt(alpha) * offset, np.zeros(x.shape[1])]
        out[u, : x.shape[1]] = np.linalg.lstsq(matrix, np.concatenate(wanted), rcond=None)[0]
    return out[:, :rank], out[:, rank]


def loss(
    weights: np.ndarray,
    preferences: np.ndarray,
    alpha: float,
    users: np.ndarray,
    items: np.ndarray,
    user_bias: Any = 0.0,
    item_bias: Any = 0.0,
) -> float:
    """The objective without penalties."""
    y = np.asarray(users, np.float64) @ np.asarray(items, np.float64).T
    y += np.reshape(user_bias, (-1, 1)) + np.reshape(item_bias, (1, -1))
    return float((weights * (y - preferences) ** 2).sum() + alpha * (y**2).sum())
