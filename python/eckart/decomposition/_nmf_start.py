"""Where a non-negative factorisation starts: at random, or from the singular vectors."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from eckart.base.seeds import RandomState, generator
from eckart.base.validation import check_finite, check_option
from eckart.decomposition._nmf_data import Data, Observed
from eckart.linalg.operators import SparseMatrix
from eckart.linalg.svd import randomized_svd

STARTS = (None, "random", "nndsvd", "nndsvda", "nndsvdar", "custom")
_SMALL = 1e-6  # below, an entry of a singular vector is taken as zero, as in scikit-learn


def start(
    data: Data, k: int, init: str | None, random_state: RandomState
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return W (n, k) and H' (d, k) to start from. ValueError where `init` cannot be had."""
    check_option(init, "init", STARTS)
    possible = k <= min(data.shape) and not isinstance(data, Observed)
    if init is None:
        init = "nndsvda" if possible else "random"
    elif init.startswith("nndsvd") and not possible:
        raise ValueError(
            f"init = {init!r} can only be used without missing entries and when "
            f"n_components <= min(n_samples, n_features) = {min(data.shape)}, got {k}"
        )
    mean = _mean(data)
    rng = generator(random_state)
    if init == "random":
        scale = np.sqrt(mean / k)
        return tuple(  # type: ignore[return-value]
            np.ascontiguousarray(scale * np.abs(rng.standard_normal((k, size))).T).astype(data.dtype)
            for size in reversed(data.shape)
        )[::-1]
    w, h = _nndsvd(data, k, rng)
    for factor in (w, h):
        if init == "nndsvda":
            factor[factor == 0] = mean
        elif init == "nndsvdar":
            zeros = factor == 0
            factor[zeros] = np.abs(mean * rng.standard_normal(int(zeros.sum())) / 100)
    return w, h


def custom(data: Data, w: Any, h: Any) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return copies of the W (n, k) and H (k, d) that the caller hands in, H transposed."""
    if w is None or h is None:
        raise ValueError("W, H: expected both with init='custom'")
    w, h = np.array(w, dtype=data.dtype, order="C"), np.array(np.asarray(h).T, dtype=data.dtype, order="C")
    for name, factor, rows in (("W", w, data.shape[0]), ("H", h, data.shape[1])):
        if factor.ndim != 2 or factor.shape != (rows, w.shape[-1]):
            raise ValueError(
                f"{name}: expected W (n_samples, k) and H (k, n_features) for X {data.shape}, "
                f"got W {w.shape} and H {h.T.shape}"
            )
        check_finite(factor, name)
        if (factor < 0).any():
            raise ValueError(f"Negative values in data passed to NMF (input {name})")
    return w, h


def _nndsvd(data: Any, k: int, rng: np.random.Generator) -> tuple[NDArray[Any], NDArray[Any]]:
    """Non-negative double SVD (Boutsidis and Gallopoulos 2008): of each pair of singular vectors the positive
    or the negative parts, whichever hold more."""
    found = randomized_svd(data, k, tol=1e-6, random_state=rng)
    factors = np.abs(found.U[:, :1]) * np.sqrt(found.s[0]), np.abs(found.V[:, :1]) * np.sqrt(found.s[0])
    w, h = (np.repeat(factor, k, axis=1) for factor in factors)
    for c in range(1, k):
        u, v = found.U[:, c], found.V[:, c]
        parts = [(np.maximum(sign * u, 0), np.maximum(sign * v, 0)) for sign in (1, -1)]
        sizes = [(_norm(a), _norm(b)) for a, b in parts]
        best = int(sizes[1][0] * sizes[1][1] >= sizes[0][0] * sizes[0][1])
        (a, b), (size_a, size_b) = parts[best], sizes[best]
        scale = np.sqrt(found.s[c] * size_a * size_b)
        w[:, c] = scale * a / size_a if size_a else 0.0
        h[:, c] = scale * b / size_b if size_b else 0.0
    for factor in (w, h):
        factor[factor < _SMALL] = 0
    return np.ascontiguousarray(w), np.ascontiguousarray(h)


def _norm(vector: NDArray[Any]) -> float:
    return float(np.sqrt((vector * vector).sum(dtype=np.float64)))


def _mean(data: Data) -> float:
    """The mean of all cells, or of the observed ones."""
    if isinstance(data, Observed):
        cells = data.x.values.size
        return float(data.x.values.sum(dtype=np.float64)) / max(cells, 1)
    values = data.values if isinstance(data, SparseMatrix) else data
    return float(values.sum(dtype=np.float64)) / (data.shape[0] * data.shape[1])
