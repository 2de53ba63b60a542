"""Truncated SVD as a transformer: the best approximation of a rank (Eckart and Young 1936), not centred."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from eckart.base.seeds import RandomState
from eckart.base.validation import check_float, check_int, check_option
from eckart.decomposition._base import Decomposition
from eckart.linalg.dense import multiply
from eckart.linalg.operators import SparseMatrix
from eckart.linalg.svd import randomized_svd

METHODS = {"krylov": "krylov", "randomized": "subspace"}


class TruncatedSVD(Decomposition):
    """Dimensionality reduction by the largest singular values; sparse input stays sparse (LSA).

    n_components : how many, at most n_features
    algorithm : "krylov" iterates until `tol` is met; "randomized" is subspace iteration, `n_iter` rounds of
        it or until `tol`
    n_iter : limit of the rounds of "randomized"; tol : on the residual norms relative to the singular
        values, as in :func:`eckart.linalg.randomized_svd`

    Attributes: ``components_`` (n_components, n_features) right singular vectors, ``singular_values_``,
    ``explained_variance_``, ``explained_variance_ratio_`` (n_components,) as scikit-learn's,
    ``residual_norms_`` (n_components,) at most so far is a singular value of X, ``n_iter_``,
    ``converged_``, ``n_features_in_``, ``feature_names_in_`` (after a table).
    The signs are scikit-learn's: the largest entry in magnitude of each component is positive.
    """

    components_: NDArray[Any]
    singular_values_: NDArray[Any]
    explained_variance_: NDArray[Any]
    explained_variance_ratio_: NDArray[Any]
    residual_norms_: NDArray[np.float64]
    n_iter_: int
    converged_: bool
    _LEARNED = {  # noqa: RUF012
        "components_": "kd", "singular_values_": "k", "explained_variance_": "k",
        "explained_variance_ratio_": "k", "residual_norms_": "k",
    }  # fmt: skip
    _NUMBERS = ("n_iter_", "converged_")

    def __init__(
        self,
        n_components: int = 2,
        *,
        algorithm: str = "krylov",
        n_iter: int = 5,
        tol: float = 1e-2,
        random_state: RandomState = None,
    ) -> None:
        self.n_components = n_components
        self.algorithm = algorithm
        self.n_iter = n_iter
        self.tol = tol
        self.random_state = random_state

    def fit(self, X: Any, y: Any = None) -> "TruncatedSVD":
        """Find the components of X (n_samples, n_features), dense or sparse; `y` is ignored."""
        self._learn(X)
        return self

    def fit_transform(self, X: Any, y: Any = None) -> NDArray[Any]:
        """Fit and return X V, (n_samples, n_components)."""
        return self._as_chosen(self._learn(X), X)

    def _learn(self, X: Any) -> NDArray[Any]:
        k = check_int(self.n_components, "n_components")
        check_option(self.algorithm, "algorithm", tuple(METHODS))
        limit = check_int(self.n_iter, "n_iter", low=0) if self.algorithm == "randomized" else None
        tol = check_float(self.tol, "tol")
        data = self._read(X, fitting=True, min_features=2)
        if k > data.shape[1]:
            raise ValueError(f"n_components: expected an integer <= n_features = {data.shape[1]}, got {k}")
        found = randomized_svd(
            data, min(k, data.shape[0]), method=METHODS[self.algorithm], tol=tol, max_iter=limit,
            random_state=self.random_state,
        )  # fmt: skip
        scores = found.U * found.s
        self.components_ = np.ascontiguousarray(found.V.T)
        self.singular_values_ = found.s
        self.explained_variance_ = scores.var(axis=0, dtype=np.float64).astype(data.dtype)
        total = _total_variance(data)
        self.explained_variance_ratio_ = self.explained_variance_ / (total if total > 0 else 1.0)
        self.residual_norms_ = found.residual_norms
        self.n_iter_, self.converged_ = found.n_iter, found.converged
        return scores

    def transform(self, X: Any) -> NDArray[Any]:
        """Return X V, (n_samples, n_components)."""
        self._check_fitted()
        data = self._read(X, fitting=False)
        basis = np.ascontiguousarray(self.components_.T, dtype=data.dtype)
        scores = data.matmat(basis) if isinstance(data, SparseMatrix) else multiply(data, basis)
        return self._as_chosen(scores, X)

    def inverse_transform(self, X: Any) -> NDArray[Any]:
        """Return X V', (n_samples, n_features), dense: the approximation that scores stand for."""
        self._check_fitted()
        scores = np.asarray(X)
        if scores.ndim != 2 or scores.shape[1] != len(self.components_):
            raise ValueError(
                f"X: expected the shape (n_samples, {len(self.components_)}), got {scores.shape}"
            )
        components = self.components_
        return multiply(np.ascontiguousarray(scores, dtype=components.dtype), components)


def _total_variance(data: NDArray[Any] | SparseMatrix) -> float:
    """The sum of the variances of all columns."""
    m = data.shape[0]
    if isinstance(data, SparseMatrix):
        columns = data.by_row.indices
        sums = np.bincount(columns, weights=data.values, minlength=data.shape[1])
        squares = float(np.einsum("i,i->", data.values, data.values, dtype=np.float64))
        return squares / m - float(((sums / m) ** 2).sum())
    return float(data.var(axis=0, dtype=np.float64).sum())
