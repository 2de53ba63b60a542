"""What a factorisation is worth, computed here in NumPy for every library alike."""

from typing import NamedTuple

import numpy as np

SAMPLE = 1_000_000  # ratings that the error is measured on, the same ones for every library


class Model(NamedTuple):
    """mean + user_biases[u] + item_biases[i] + user_factors[u] · item_factors[i]."""

    user_factors: np.ndarray
    item_factors: np.ndarray
    user_biases: np.ndarray
    item_biases: np.ndarray
    mean: float

    @classmethod
    def load(cls, path: str) -> "Model":
        with np.load(path) as file:
            users, items = file["user_factors"], file["item_factors"]
            biases = (
                file[name].astype(np.float64) if name in file else np.zeros(len(side))
                for name, side in (("user_biases", users), ("item_biases", items))
            )
            return cls(users, items, *biases, float(file["mean"]) if "mean" in file else 0.0)

    def predict(self, users: np.ndarray, items: np.ndarray) -> np.ndarray:
        """Return (n,) predictions in double, computed in blocks of bounded memory."""
        dots = np.empty(len(users))
        for start in range(0, len(users), 200_000):
            block = slice(start, start + 200_000)
            dots[block] = np.einsum(
                "nk,nk->n", self.user_factors[users[block]], self.item_factors[items[block]], dtype=np.float64
            )
        return self.mean + self.user_biases[users] + self.item_biases[items] + dots


def sampled(n: int) -> np.ndarray:
    """Return the positions of the ratings to measure on."""
    return np.arange(n) if n <= SAMPLE else np.random.default_rng(0).choice(n, SAMPLE, replace=False)


def rmse(model: Model, users: np.ndarray, items: np.ndarray, values: np.ndarray) -> float:
    """Return the root mean square error on a sample of the training ratings."""
    at = sampled(len(values))
    return float(np.sqrt(np.mean((model.predict(users[at], items[at]) - values[at]) ** 2)))


def objective(model: Model, users: np.ndarray, items: np.ndarray, values: np.ndarray, reg: float) -> float:
    """Return (squared error + penalties scaled by count) / ratings: what ALS-WR minimises.

    The squared error is that of a sample, the penalties are exact.
    """
    penalty = 0.0
    for index, factors, biases in (
        (users, model.user_factors, model.user_biases),
        (items, model.item_factors, model.item_biases),
    ):
        norms = np.einsum("nk,nk->n", factors, factors, dtype=np.float64) + biases**2
        penalty += reg * float(np.bincount(index, minlength=len(norms)) @ norms)
    return rmse(model, users, items, values) ** 2 + penalty / len(values)


def implicit_objective(
    model: Model,
    users: np.ndarray,
    items: np.ndarray,
    reg: float,
    unobserved_weight: float,
    nu: float,
) -> float:
    """Return what ImplicitALS minimises where every rating is a click, over all pairs, exactly."""
    u, v = (side.astype(np.float64) for side in (model.user_factors, model.item_factors))
    fitted = np.einsum("nk,nk->n", u[users], v[items])
    total = float(np.sum((fitted - 1) ** 2)) + unobserved_weight * float(np.sum((u.T @ u) * (v.T @ v)))
    for index, own, others in ((users, u, v), (items, v, u)):
        weight = np.bincount(index, minlength=len(own)) + unobserved_weight * len(others)
        total += reg * float(weight**nu @ np.einsum("nk,nk->n", own, own))
    return total


def auc(model: Model, users: np.ndarray, items: np.ndarray) -> float:
    """Return how often a training pair scores above the same user with a random item (1/2 is chance)."""
    at = sampled(len(users))
    random_items = np.random.default_rng(1).integers(len(model.item_factors), size=len(at))
    return float(np.mean(model.predict(users[at], items[at]) > model.predict(users[at], random_items)))


def same_lists(first: str, second: str, tolerance: float = 1e-4) -> float:
    """Return the share of places with the same item in two saved answers of top-k.

    Items may trade places only where their scores agree to `tolerance`: raises ValueError otherwise.
    """
    with np.load(first) as a, np.load(second) as b:
        worst = float(np.abs(a["scores"] - b["scores"]).max())
        if not worst <= tolerance:
            raise ValueError(f"the lists differ: scores at the same place are up to {worst:.2g} apart")
        return float(np.mean(a["items"] == b["items"]))
