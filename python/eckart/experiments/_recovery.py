"""Matrices of low rank, their observed entries, and the methods that are to complete them."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eckart.completion import ALS, GaussNewton
from eckart.data.ratings import Ratings
from eckart.data.vocabulary import Vocabulary

Matrix = NDArray[np.float64]
RECOVERED = 1e-3  # relative error that counts as success, as in the published phase transitions
_MET = 1e-8  # relative residual at which ALS has nothing left to do


def _gauss_newton(data: Ratings, rank: int, seed: int) -> Any:
    return GaussNewton(rank, max_iter=100, random_state=seed).fit(data)


def _als(data: Ratings, rank: int, seed: int) -> Any:
    """Alternating minimisation: ALS with a penalty that is only there to pick among equals."""
    goal = _MET**2 * float(np.square(data.values).sum())
    model = ALS(rank, reg=1e-10, reg_scaling="none", biases=False, max_iter=200, tol=0, random_state=seed)
    return model.fit(data, callback=lambda record: record["objective"] <= goal)


# What the experiments compare; each fits a model with user_factors_ and item_factors_. One line a method.
METHODS: dict[str, Callable[[Ratings, int, int], Any]] = {
    "GaussNewton": _gauss_newton,
    "ALS": _als,
}


def random_factors(n: int, rank: int, rng: np.random.Generator) -> tuple[Matrix, Matrix]:
    """Return the factors (n, rank) of a random square matrix of this rank, entries of unit variance."""
    u, v = rng.standard_normal((2, n, rank))
    return u / np.sqrt(rank), v


def random_places(n: int, size: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Return so many distinct places of a flattened n x n matrix, rising."""
    return np.sort(rng.choice(n * n, size, replace=False))


def observed(u: Matrix, v: Matrix, places: NDArray[np.int64]) -> Ratings:
    """Return the entries of UV' at places of the flattened matrix."""
    i, j = np.divmod(places, len(v))
    values = np.einsum("er,er->e", u[i], v[j])
    vocabularies = Vocabulary.from_range(len(u)), Vocabulary.from_range(len(v))
    return Ratings(i.astype(np.int32), j.astype(np.int32), values, *vocabularies)


def relative_error(model: Any, truth: Matrix) -> float:
    """Return the Frobenius norm of the error over that of the truth."""
    estimate = model.user_factors_ @ model.item_factors_.T
    return float(np.linalg.norm(estimate - truth) / np.linalg.norm(truth))
