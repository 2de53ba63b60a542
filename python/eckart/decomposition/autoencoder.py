"""The linear autoencoder: two matrices by gradient descent, whose best product is PCA's projection.

Bourlard and Kamp 1988; Baldi and Hornik 1989, "Neural networks and principal component analysis:
learning from examples without local minima".
"""

import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eckart.base.errors import DivergenceError
from eckart.base.seeds import RandomState, generator
from eckart.base.state import State
from eckart.base.validation import check_bool, check_float, check_int
from eckart.decomposition._base import Decomposition
from eckart.linalg.dense import multiply, single_threaded
from eckart.linalg.moments import Covariance
from eckart.linalg.operators import SparseMatrix

AUTO_STEP = 0.25  # in units of 1 / the largest variance: stable up to a momentum of 0.95
START = 0.3  # singular values of the first encoder and decoder


class LinearAutoencoder(Decomposition):
    """Minimises the risk 1/2 E |x - P x|^2, P = V W, over an encoder W (k, d) and a decoder V (d, k).

    By gradient descent with momentum on centred samples. Its minima are PCA's projection P = U U', each as
    V = U A, W = A^-1 U' for some regular A (k, k); all other stationary points are saddles. With centred
    samples, biases would be zero at the optimum: an affine autoencoder is this one.

    The gradients are V'(P - I) C for W and (P - I) C W' for V, with the covariance C: where there are more
    samples than features an iteration costs 4 d^2 k flop, however many samples there are.

    n_components : k; None: min(n_samples, n_features)
    tied : V = W'
    learning_rate : step in units of 1 / variance; "auto": a quarter of 1 / the largest variance (tied: an
        eighth)
    momentum : in [0, 1): share of the last step that is added to the next
    max_iter : iterations at most
    tol : stop when the gradient's norm is at most `tol` times the largest variance. The angle to PCA's
        subspace is then about `tol` over the gap between variances k and k + 1 (as a share of the largest)

    Attributes: ``encoder_`` (n_components, n_features), ``decoder_`` (n_features, n_components), ``mean_``
    (n_features,), ``n_iter_``, ``converged_``, ``n_features_in_``, and ``history_``: records of iteration,
    objective (the risk), gradient (its norm) and seconds, ever sparser as the iterations go on. The variances
    are divided by n - 1.
    """

    encoder_: NDArray[Any]
    decoder_: NDArray[Any]
    mean_: NDArray[Any]
    n_iter_: int
    converged_: bool
    history_: list[dict[str, Any]]

    _LEARNED = {"encoder_": "kd", "decoder_": "dk", "mean_": "d"}  # noqa: RUF012
    _NUMBERS = ("n_iter_", "converged_")

    def __init__(
        self,
        n_components: int | None = None,
        *,
        tied: bool = False,
        learning_rate: float | str = "auto",
        momentum: float = 0.9,
        max_iter: int = 20_000,
        tol: float = 1e-8,
        random_state: RandomState = None,
    ) -> None:
        self.n_components = n_components
        self.tied = tied
        self.learning_rate = learning_rate
        self.momentum = momentum
        self.max_iter = max_iter
        self.tol = tol
        self.random_state = random_state

    def fit(self, X: Any, y: Any = None) -> "LinearAutoencoder":
        """Train on X (n_samples >= 2, n_features), dense or sparse; `y` is ignored.

        An interrupted fit keeps the last iteration. Raises ValueError for bad parameters or data, and
        DivergenceError where the learning rate is too large; the model then stays as it was.
        """
        check_bool(self.tied, "tied")
        check_float(self.momentum, "momentum")
        if not self.momentum < 1:
            raise ValueError(f"momentum: expected a number in [0, 1), got {self.momentum!r}")
        tol, max_iter = check_float(self.tol, "tol"), check_int(self.max_iter, "max_iter")
        if self.learning_rate != "auto":
            check_float(self.learning_rate, "learning_rate", open_low=True)
        data = self._read(X, fitting=True, min_samples=2)
        most = min(data.shape)
        k = most if self.n_components is None else check_int(self.n_components, "n_components", high=most)
        covariance = Covariance(data)
        training = _Training(covariance, k, self.tied, generator(self.random_state))
        # Two factors of a tied pair move at once.
        auto = AUTO_STEP / 2 if self.tied else AUTO_STEP
        step = auto if self.learning_rate == "auto" else float(self.learning_rate) * training.largest
        try:
            with single_threaded():
                training.run(step, float(self.momentum), tol, max_iter)
        finally:
            if training.finite:
                self.encoder_ = np.ascontiguousarray(training.encoder.T, dtype=data.dtype)
                self.decoder_ = np.ascontiguousarray(training.decoder, dtype=data.dtype)
                self.mean_ = covariance.mean.astype(data.dtype)
                self.history_, self.n_iter_ = training.history, training.n_iter
                self.converged_ = training.converged
        return self

    def transform(self, X: Any) -> NDArray[Any]:
        """Return the codes W (x - mean), (n_samples, n_components)."""
        self._check_fitted()
        data = self._read(X, fitting=False)
        basis = np.ascontiguousarray(self.encoder_.T, dtype=data.dtype)
        mean = self.mean_.astype(data.dtype)
        if isinstance(data, SparseMatrix):
            return self._as_chosen(data.matmat(basis) - mean @ basis, X)
        return self._as_chosen(multiply(data - mean, basis), X)

    def inverse_transform(self, X: Any) -> NDArray[Any]:
        """Return the samples that codes stand for, (n_samples, n_features): V z + mean."""
        codes = self._read_scores(X)
        return multiply(codes, np.ascontiguousarray(self.decoder_.T)) + self.mean_

    @property
    def _dtype(self) -> Any:
        return self.encoder_.dtype

    @property
    def _n_features_out(self) -> int:
        return len(self.encoder_)

    def _get_state(self, interactions: bool) -> State:
        state = super()._get_state(interactions)
        state.meta["history"] = self.history_
        return state

    @classmethod
    def _from_state(cls, state: State) -> "LinearAutoencoder":
        model = super()._from_state(state)
        model.history_ = [dict(record) for record in state.meta["history"]]
        return model


class _Training:
    """Gradient descent in units where the largest variance is 1.

    encoder : W' and decoder : V, both (d, k); tied : one array.
    """

    def __init__(self, covariance: Covariance, k: int, tied: bool, rng: np.random.Generator) -> None:
        d = covariance.shape[0]
        self.covariance, self.k, self.tied = covariance, k, tied
        self.dtype = covariance.dtype
        with single_threaded():
            self.largest = _largest_variance(covariance, rng)
            # The encoder's part along a direction shrinks at the rate of its variance, so it starts where
            # there is some: with mixtures of samples. Short of a projection, it has no need to turn back.
            mixtures = covariance.matmat(rng.standard_normal((d, k)).astype(self.dtype))
            self.encoder = START * np.linalg.qr(mixtures)[0].astype(self.dtype)
        self.decoder = self.encoder if tied else self.encoder.copy()
        self.history: list[dict[str, Any]] = []
        self.n_iter, self.converged, self.finite = 0, False, True

    def run(self, step: float, momentum: float, tol: float, max_iter: int) -> None:
        start = time.perf_counter()
        velocity = [np.zeros_like(self.encoder), np.zeros_like(self.decoder)]
        next_record = 0
        while True:
            gradients, risk = self.gradients()
            norm = float(np.sqrt(sum(np.vdot(g, g) for g in gradients)))
            if not np.isfinite(norm):
                self.finite = False
                raise DivergenceError(
                    f"the gradient is not finite after {self.n_iter} iterations: expected a smaller "
                    "learning_rate or momentum"
                )
            self.converged = norm <= max(tol, 4 * np.finfo(self.dtype).eps)
            last = self.converged or self.n_iter == max_iter
            if self.n_iter >= next_record or last:
                self.history.append({
                    "iteration": self.n_iter, "objective": risk * self.largest,
                    "gradient": norm * self.largest, "seconds": time.perf_counter() - start,
                })  # fmt: skip
                next_record = self.n_iter + 10 ** max(0, len(str(self.n_iter)) - 2)
            if last:
                return
            velocity = [momentum * v - step * g for v, g in zip(velocity, gradients, strict=True)]
            encoder = self.encoder + velocity[0]
            self.decoder = encoder if self.tied else self.decoder + velocity[1]
            self.encoder = encoder
            self.n_iter += 1

    def gradients(self) -> tuple[list[NDArray[Any]], float]:
        """Return the transposed gradient for W and that for V, (d, k) each, and the risk, from C W' and C V.

        (V'(P - I) C)' = C W' V'V - C V,  (P - I) C W' = V (W C W') - C W'; tied: their sum, once.
        """
        w, v, k = self.encoder, self.decoder, self.k
        both = w if self.tied else np.hstack([w, v])
        products = self.covariance.matmat(both) / self.largest
        cw, cv = products[:, :k], products[:, -k:]
        vv, wcw = v.T @ v, w.T @ cw
        for_w, for_v = cw @ vv - cv, v @ wcw - cw
        risk = 0.5 * (
            self.covariance.trace / self.largest - 2 * float(np.vdot(v, cw)) + float(np.vdot(vv, wcw))
        )
        if self.tied:
            total = for_w + for_v
            return [total, total], risk
        return [for_w, for_v], risk


def _largest_variance(covariance: Covariance, rng: np.random.Generator) -> float:
    """Return about the largest eigenvalue of C, from a few steps of the power method on a block."""
    block = rng.standard_normal((covariance.shape[0], min(4, covariance.shape[0]))).astype(covariance.dtype)
    value = 0.0
    for _ in range(20):
        product = covariance.matmat(np.linalg.qr(block)[0])
        value = float(np.linalg.norm(product, 2))
        if value == 0:
            return 1.0  # constant samples
        block = product / value
    return value
