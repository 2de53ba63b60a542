"""Principal component analysis: in memory, in a stream, with missing values, and as a probabilistic model."""

import numbers
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eckart import _native
from eckart.base.seeds import RandomState
from eckart.base.threads import get_num_threads
from eckart.base.validation import check_bool, check_finite, check_float, check_int, check_option
from eckart.decomposition._base import Decomposition
from eckart.decomposition._gaussian import Gaussian, likely_dimension
from eckart.decomposition._missing import solve_missing
from eckart.decomposition._pca_solvers import Axes, Count, choose_solver, from_moments, solve
from eckart.linalg.dense import multiply
from eckart.linalg.moments import Moments, moments
from eckart.linalg.operators import SparseMatrix

SOLVERS = ("auto", "covariance", "covariance_eigh", "full", "randomized", "power", "gd")
EXACT = ("covariance", "full")  # which find all variances
MISSING_ITER = 500
BLOCK = 2048  # rows that are centred at once on their way to a product


class PCA(Decomposition):
    """The orthogonal directions of largest variance, with scikit-learn's parameters and attributes.

    n_components : how many; a share in (0, 1): as many as explain more of the variance than that; "mle":
        as many as Minka's evidence favours; None: min(n_samples, n_features)
    whiten : scale the scores to unit variance
    svd_solver : "covariance" (eigenvectors of the covariance; scikit-learn's "covariance_eigh" is another
        name), "full" (singular values of the centred samples), "randomized" (block Krylov), "power" (power
        method with deflation), "gd" (gradient ascent, Oja's rule), or "auto": "covariance" for at least ten
        times as many samples as features (of which at most 2000), "randomized" for at most a fifth of more
        than 500 components, else "full"; for sparse input "covariance" or "randomized"
    tol : of "randomized", "power", "gd": on the residual of a component relative to its singular value
        or variance; with missing values: on the change of loadings and noise in an iteration
    max_iter : their limit (None: 300 of "randomized", 10,000 of "power" and "gd", 500 with missing values)

    Samples may have missing values (NaN): then the components are those of probabilistic PCA, by EM,
    whatever the solver; `transform` fills gaps with what is expected given the rest of the sample.
    Sparse samples are centred implicitly. The covariance of "covariance" is exact however far the mean is
    from zero. The same bits for any number of threads.

    Attributes: ``components_`` (n_components, n_features), ``explained_variance_``,
    ``explained_variance_ratio_``, ``singular_values_`` (n_components,), ``mean_`` (n_features,),
    ``noise_variance_``, ``n_components_``, ``n_samples_``, ``n_features_in_``, ``n_iter_``, ``converged_``,
    after `partial_fit` ``scatter_`` (n_features, n_features), and ``feature_names_in_`` after a table.
    The largest entry in magnitude of each component is positive.
    """

    components_: NDArray[Any]
    explained_variance_: NDArray[Any]
    explained_variance_ratio_: NDArray[Any]
    singular_values_: NDArray[Any]
    mean_: NDArray[Any]
    scatter_: NDArray[np.float64]
    noise_variance_: float
    n_components_: int
    n_samples_: int
    n_iter_: int
    converged_: bool

    _LEARNED = {  # noqa: RUF012
        "components_": "kd", "explained_variance_": "k", "explained_variance_ratio_": "k",
        "singular_values_": "k", "mean_": "d", "scatter_": "dd",
    }  # fmt: skip
    _NUMBERS = ("noise_variance_", "n_components_", "n_samples_", "n_iter_", "converged_")

    def __init__(
        self,
        n_components: int | float | str | None = None,
        *,
        whiten: bool = False,
        svd_solver: str = "auto",
        tol: float = 1e-4,
        max_iter: int | None = None,
        random_state: RandomState = None,
    ) -> None:
        self.n_components = n_components
        self.whiten = whiten
        self.svd_solver = svd_solver
        self.tol = tol
        self.max_iter = max_iter
        self.random_state = random_state

    # -- learning ----------------------------------------------------------------------------------

    def fit(self, X: Any, y: Any = None) -> "PCA":
        """Find the components of X (n_samples >= 2, n_features), dense or sparse; `y` is ignored.

        Raises ValueError for bad parameters or data.
        """
        solver, tol, max_iter = self._checked()
        data = self._read(X, fitting=True, allow_nan=True, min_samples=2)
        k = self._count(*data.shape)
        sparse = isinstance(data, SparseMatrix)
        if sparse:
            solver = _sparse_solver(solver, data, k)
        elif solver == "auto":
            solver = choose_solver(*data.shape, k if isinstance(k, int) else None)
        found = moments(data) if solver == "covariance" else None
        # What is not finite spreads to the mean: no search where that was formed already.
        doubtful = not sparse and (found is None or not np.isfinite(found.mean).all())
        if doubtful and _has_missing(data):
            if not isinstance(k, int):
                raise ValueError(
                    f"n_components: expected an integer with missing values, got {self.n_components!r}"
                )
            self._learn(solve_missing(data, k, tol=tol, max_iter=max_iter or MISSING_ITER), data)
            return self
        if solver not in EXACT and not isinstance(k, int):
            raise ValueError(
                f"n_components: expected an integer with svd_solver={solver!r}, got {self.n_components!r}"
            )
        if found is not None:
            axes = from_moments(found, k, data.dtype)
        else:
            axes = solve(data, solver, k, tol=tol, max_iter=max_iter, random_state=self.random_state)
        self._learn(axes, data)
        return self

    def partial_fit(self, X: Any, y: Any = None) -> "PCA":
        """Add samples (n_samples >= 1, n_features), dense and complete or sparse; `y` is ignored.

        Exact: the components are those of all samples since the first call, up to rounding, whatever the
        batches (their covariances are merged). Each call costs n_samples n_features^2, and finding the
        eigenvectors. `fit` starts anew.
        """
        self._checked()
        first = not hasattr(self, "scatter_")
        data = self._read(X, fitting=first)
        found = moments(data)
        if not first:
            found = Moments(self.n_samples_, self.mean_.astype(np.float64), self.scatter_).merge(found)
        dtype = data.dtype if first else self.components_.dtype
        k = self._count(found.n, data.shape[1], growing=True)
        self._learn(from_moments(found, k, dtype), data)
        self.mean_, self.scatter_ = found.mean, found.scatter
        return self

    def _checked(self) -> tuple[str, float, int | None]:
        solver = check_option(self.svd_solver, "svd_solver", SOLVERS)
        check_bool(self.whiten, "whiten")
        tol = check_float(self.tol, "tol")
        max_iter = None if self.max_iter is None else check_int(self.max_iter, "max_iter")
        return "covariance" if solver == "covariance_eigh" else solver, tol, max_iter

    def _count(self, n: int, d: int, growing: bool = False) -> int | Count:
        """Return n_components, or how it follows from the variances; of a stream that is still short
        (`growing`) no more than there are samples."""
        wanted, most = self.n_components, min(n, d)
        if wanted is None:
            return most
        if isinstance(wanted, str):
            if wanted != "mle":
                raise ValueError(f"n_components: expected a number, 'mle' or None, got {wanted!r}")
            if n < d:
                raise ValueError(
                    f"n_components: 'mle' needs at least as many samples as features, got {n} < {d}"
                )
            return lambda variances: likely_dimension(variances, n)
        if isinstance(wanted, numbers.Real) and not isinstance(wanted, numbers.Integral):
            share = check_float(wanted, "n_components", open_low=True, high=1.0)
            return lambda variances: _explaining(variances, share)
        return min(check_int(wanted, "n_components", high=d if growing else most), most)

    def _learn(self, axes: Axes, data: Any) -> None:
        d, k, dtype = data.shape[1], len(axes.components), axes.components.dtype
        others = min(axes.n, d) - k
        left = max(axes.total - float(axes.variances.sum()), 0.0)
        noise = (left / others if others > 0 else 0.0) if axes.noise is None else axes.noise
        vars(self).pop("scatter_", None)
        self.components_ = axes.components
        self.explained_variance_ = axes.variances.astype(dtype)
        self.explained_variance_ratio_ = (axes.variances / (axes.total or 1.0)).astype(dtype)
        self.singular_values_ = np.sqrt(axes.variances * (axes.n - 1)).astype(dtype)
        self.mean_ = axes.mean.astype(dtype)
        self.noise_variance_ = float(noise)
        self.n_components_, self.n_samples_ = k, axes.n
        self.n_iter_, self.converged_ = axes.n_iter, axes.converged

    # -- use ---------------------------------------------------------------------------------------

    def transform(self, X: Any) -> NDArray[Any]:
        """Return the scores (X - mean) U', (n_samples, n_components), of unit variance if `whiten`."""
        self._check_fitted()
        data = self._read(X, fitting=False, allow_nan=True)
        basis = np.ascontiguousarray(self.components_.T, dtype=data.dtype)
        if self.whiten:
            basis /= self._scale().astype(data.dtype)
        mean = self.mean_.astype(data.dtype)
        if isinstance(data, SparseMatrix):
            return self._as_chosen(data.matmat(basis) - mean @ basis, X)
        missing = _has_missing(data)
        scores = np.empty((len(data), basis.shape[1]), dtype=data.dtype)
        for begin in range(0, len(data), BLOCK):
            rest = data[begin : begin + BLOCK] - mean
            scores[begin : begin + BLOCK] = multiply(self._complete(rest) if missing else rest, basis)
        return self._as_chosen(scores, X)

    def inverse_transform(self, X: Any) -> NDArray[Any]:
        """Return the samples that scores stand for, (n_samples, n_features): X U + mean."""
        scores = self._read_scores(X)
        if self.whiten:
            scores = scores * self._scale()
        return (
            multiply(np.ascontiguousarray(scores, dtype=self.components_.dtype), self.components_)
            + self.mean_
        )

    def score_samples(self, X: Any) -> NDArray[np.float64]:
        """Return the log-likelihood of each sample, (n_samples,), under the Gaussian of Tipping and Bishop;
        where values are missing, of what was observed. ValueError where its covariance is singular."""
        self._check_fitted()
        data = self._read(X, fitting=False, allow_nan=True)
        if isinstance(data, SparseMatrix):
            data = data.by_row.to_scipy().toarray()
        gaussian = self._gaussian
        rest = data - gaussian.mean
        return gaussian.complete(rest)[1] if _has_missing(data) else gaussian.log_likelihood(rest)

    def score(self, X: Any, y: Any = None) -> float:
        """Return the mean log-likelihood of the samples."""
        return float(self.score_samples(X).mean())

    def get_covariance(self) -> NDArray[Any]:
        """Return the model's covariance, (n_features, n_features): U' diag(variances - noise) U + noise I."""
        self._check_fitted()
        return self._gaussian.covariance.astype(self.components_.dtype)

    def get_precision(self) -> NDArray[Any]:
        """Return the inverse of the model's covariance. ValueError where that is singular."""
        self._check_fitted()
        return self._gaussian.precision.astype(self.components_.dtype)

    @property
    def _gaussian(self) -> Gaussian:
        learned = (self.mean_, self.components_, self.explained_variance_)
        return Gaussian(*(array.astype(np.float64) for array in learned), self.noise_variance_)

    def _scale(self) -> NDArray[Any]:
        """Standard deviations; one that is zero stays finite when it divides."""
        deviations = np.sqrt(self.explained_variance_)
        return np.maximum(deviations, np.finfo(deviations.dtype).eps)

    def _complete(self, rest: NDArray[Any]) -> NDArray[Any]:
        return self._gaussian.complete(rest)[0]

    def __sklearn_tags__(self) -> Any:
        """Return scikit-learn's tags: NaN is a missing value."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags


def _has_missing(X: NDArray[Any]) -> bool:
    """Whether there is a NaN. ValueError for infinite values."""
    if _native.data.first_not_finite(X.reshape(-1), get_num_threads()) < 0:
        return False
    if np.isinf(X).any():
        check_finite(np.where(np.isnan(X), 0, X), "X")
    return True


def _explaining(variances: NDArray[np.float64], share: float) -> int:
    """Return the least number of components that explain more than `share` of the variance."""
    explained = np.cumsum(variances) / (variances.sum() or 1.0)
    return min(1 + int(np.searchsorted(explained, share, side="right")), len(variances))


def _sparse_solver(solver: str, X: SparseMatrix, k: int | Count) -> str:
    """Return the solver for sparse samples, which are never made dense."""
    if solver == "full":
        raise ValueError(
            "svd_solver: 'full' needs dense samples, expected 'covariance', 'randomized' or 'auto'"
        )
    if solver == "auto":
        return "covariance" if X.shape[1] <= 2000 or not isinstance(k, int) else "randomized"
    return solver
