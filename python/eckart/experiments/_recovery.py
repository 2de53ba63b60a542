"""Matrices of low rank, their observed entries, and the methods that are to complete them."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eckart.completion import ALS, SVP, SVT, GaussNewton, SoftImpute, SpectralGD
from eckart.data.ratings import Ratings
from eckart.data.vocabulary import Vocabulary
from eckart.evaluation.figure import COLORS

Matrix = NDArray[np.float64]
RECOVERED = 1e-3  # relative error that counts as success, as in the published phase transitions
_SETTLED = 20  # iterations of SVT, whose first ones overshoot
_MET = 1e-8  # relative residual at which ALS has nothing left to do


def _gauss_newton(data: Ratings, rank: int, seed: int) -> Any:
    return GaussNewton(rank, max_iter=100, random_state=seed).fit(data)


def _als(data: Ratings, rank: int, seed: int) -> Any:
    """Alternating minimisation: ALS with a penalty that is only there to pick among equals."""
    goal = _MET**2 * float(np.square(data.values).sum())
    model = ALS(rank, reg=1e-10, reg_scaling="none", biases=False, max_iter=200, tol=0, random_state=seed)
    return model.fit(data, callback=lambda record: record["objective"] <= goal)


def _spectral_gd(data: Ratings, rank: int, seed: int) -> Any:
    return SpectralGD(rank, max_iter=500, random_state=seed).fit(data)


def _svp(data: Ratings, rank: int, seed: int) -> Any:
    return SVP(rank, max_iter=300, random_state=seed).fit(data)


def _svt(data: Ratings, rank: int, seed: int) -> Any:
    """It is not told the rank: it gives up at one that the entries could never determine."""
    n, m = data.n_users, data.n_items

    def hopeless(record: dict[str, Any]) -> bool:
        rank = record["rank"]
        return bool(record["iteration"] > _SETTLED and rank * (n + m - rank) > len(data))

    return SVT(max_iter=300, random_state=seed).fit(data, callback=hopeless)


def _soft_impute(data: Ratings, rank: int, seed: int) -> Any:
    """The least nuclear norm: a penalty that falls to next to none, with room for more than the true rank."""
    size = float(np.sqrt(np.square(data.values).sum())) or 1.0
    room = min(4 * rank, data.n_users, data.n_items)
    model = SoftImpute(room, max_iter=60, tol=1e-5, random_state=seed)
    return model.path(data, regs=size * np.geomspace(0.3, 2e-5, 12)).models[-1]


# What the experiments compare; each fits a model with user_factors_ and item_factors_. One line a method.
METHODS: dict[str, Callable[[Ratings, int, int], Any]] = {
    "GaussNewton": _gauss_newton,
    "SpectralGD": _spectral_gd,
    "SVP": _svp,
    "ALS": _als,
    "SVT": _svt,
    "SoftImpute": _soft_impute,
}
MARKERS = dict(zip(METHODS, "osD^vP", strict=True))
COLOURS = dict(zip(METHODS, (*COLORS[:2], "#4a8f3c", "#8a5fb0", "#b0903c", "#c0507a"), strict=True))


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
