"""Non-negative matrix factorisation: parts that only add up (Lee and Seung 1999)."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from eckart.base.errors import EckartError
from eckart.base.seeds import RandomState
from eckart.base.state import State
from eckart.base.validation import check_float, check_int, check_option
from eckart.decomposition._base import Decomposition
from eckart.decomposition._nmf_data import Data, Observed, check_entries, observed, row_sums
from eckart.decomposition._nmf_halves import Penalty, half_of, transposed
from eckart.decomposition._nmf_loop import Loop, rescale_rows, solve_rows
from eckart.decomposition._nmf_start import STARTS, custom, start
from eckart.linalg.dense import multiply
from eckart.linalg.operators import SparseMatrix

SOLVERS = {"hals": "hals", "cd": "hals", "pals": "pals", "mu": "mu"}  # "cd": scikit-learn's name of hals
LOSSES = ("frobenius", "kullback-leibler")


class NMF(Decomposition):
    """X ~ W H with W (n_samples, n_components), H (n_components, n_features) and all entries >= 0.

    Minimises ``loss(X, W H) + alpha_W n_features R(W) + alpha_H n_samples R(H)`` with ``R(A) = l1_ratio |A|_1
    + (1 - l1_ratio) |A|^2 / 2``, as scikit-learn's NMF does.

    Parameters
    ----------
    n_components : None or "auto": n_features, or what W and H have
    init : "random", "nndsvd" (Boutsidis and Gallopoulos 2008), "nndsvda" or "nndsvdar" (its zeros filled with
        the mean, or with small random numbers), "custom" (W and H of `fit`), None: "nndsvda" where it can be
        had, else "random"
    solver : "hals", coordinate descent on the rows (Cichocki and Phan 2009; also "cd"); "pals", projected
        alternating least squares, which may rise; "mu", multiplicative updates (Lee and Seung 2001), which
        the Kullback-Leibler loss always uses
    beta_loss : "frobenius", |X - W H|^2 / 2, or "kullback-leibler", sum x log(x / wh) - x + wh
    tol : hals: stop when the projected gradient is this share of the first iteration's; else when the root
        of the loss falls in ten iterations by less than this share of its first value
    max_iter : most iterations; random_state : of the start
    alpha_W, alpha_H, l1_ratio : penalties; alpha_H "same" is alpha_W
    verbose : a progress bar on stderr

    Attributes
    ----------
    components_ : H; n_components_, n_features_in_, feature_names_in_ (after a table)
    reconstruction_err_ : sqrt(2 loss) at the end, over the observed cells
    history_ : a record an iteration, that of the start first: iteration, objective (with penalties), seconds.
        The objective never rises, but with "pals"
    n_iter_, converged_ : iterations done, and whether `tol` ended them
    """

    _LEARNED = {"components_": "kd"}  # noqa: RUF012
    _NUMBERS = ("reconstruction_err_", "n_iter_", "converged_")

    components_: NDArray[Any]
    reconstruction_err_: float
    history_: list[dict[str, Any]]
    n_components_: int
    n_iter_: int
    converged_: bool

    def __init__(
        self,
        n_components: int | str | None = "auto",
        *,
        init: str | None = None,
        solver: str = "hals",
        beta_loss: str = "frobenius",
        tol: float = 1e-4,
        max_iter: int = 200,
        random_state: RandomState = None,
        alpha_W: float = 0.0,
        alpha_H: float | str = "same",
        l1_ratio: float = 0.0,
        verbose: bool | int = False,
    ) -> None:
        self.n_components = n_components
        self.init = init
        self.solver = solver
        self.beta_loss = beta_loss
        self.tol = tol
        self.max_iter = max_iter
        self.random_state = random_state
        self.alpha_W = alpha_W
        self.alpha_H = alpha_H
        self.l1_ratio = l1_ratio
        self.verbose = verbose

    # -- fitting -----------------------------------------------------------------------------------

    def fit(self, X: Any, y: Any = None, *, W: Any = None, H: Any = None, mask: Any = None) -> "NMF":
        """Factorise X (n_samples, n_features), dense or scipy.sparse; `y` is ignored.

        W, H : the start, with init="custom"
        mask : (n_samples, n_features), dense or scipy.sparse: False or 0 where a cell is missing, else True
            or its weight. NaN in dense X is missing too; an absent entry of sparse X is a zero.

        Raises ValueError for bad parameters, negative or infinite entries, shapes that do not fit.
        """
        self._learn(X, W, H, mask)
        return self

    def fit_transform(
        self, X: Any, y: Any = None, *, W: Any = None, H: Any = None, mask: Any = None
    ) -> NDArray[Any]:
        """Fit as :meth:`fit` does and return W, (n_samples, n_components)."""
        return self._as_chosen(self._learn(X, W, H, mask), X)

    def transform(self, X: Any, *, mask: Any = None) -> NDArray[Any]:
        """Return the W that minimises the loss of X (n_samples, n_features) for the fitted H: each sample's
        row on its own, by coordinate descent, or multiplicative updates for the Kullback-Leibler loss."""
        self._check_fitted()
        self._check_params()
        data = self._data(X, mask, fitting=False)
        h = np.array(self.components_.T, dtype=data.dtype, order="C")
        w = np.zeros((data.shape[0], h.shape[1]), dtype=data.dtype)
        if self.beta_loss == "kullback-leibler":  # of the row's own scale, and nowhere zero
            sums = row_sums(data)[:, None]
            w += sums / max(float(h.sum(dtype=np.float64)), np.finfo(h.dtype).tiny)
        self._encode(data, w, h)
        return self._as_chosen(w, X)

    def inverse_transform(self, X: Any) -> NDArray[Any]:
        """Return W H, (n_samples, n_features), dense; X is W (n_samples, n_components)."""
        self._check_fitted()
        w = np.asarray(X)
        if w.ndim != 2 or w.shape[1] != self.n_components_:
            raise ValueError(f"X: expected the shape (n_samples, {self.n_components_}), got {w.shape}")
        components = self.components_
        return multiply(np.ascontiguousarray(w, dtype=components.dtype), components)

    def _learn(self, X: Any, W: Any, H: Any, mask: Any) -> NDArray[Any]:
        solver, tol, max_iter = self._check_params()
        data = self._data(X, mask, fitting=True)
        if isinstance(data, Observed) and solver == "pals":
            raise ValueError("solver: 'pals' takes no missing entries or weights, expected 'hals' or 'mu'")
        w, h = self._start(data, W, H)
        penalties = self._penalties(data.shape)
        halves = [
            half_of(x, self.beta_loss, solver, p)
            for x, p in zip((data, transposed(data)), penalties, strict=True)
        ]
        loop = Loop(halves[0], halves[1], penalties, w, h)
        try:
            loop.run(max_iter, tol, bool(self.verbose))
            self._encode(data, w, h)  # W is what `transform` gives for the H that is kept
        finally:  # after Ctrl-C too
            loss = loop.finish()
            self.components_ = np.ascontiguousarray(h.T)
            self.n_components_ = h.shape[1]
            self.reconstruction_err_ = float(np.sqrt(2 * max(loss, 0.0)))
            self.history_, self.n_iter_, self.converged_ = loop.history, loop.n_iter, loop.converged
        return w

    def _encode(self, data: Data, w: NDArray[Any], h: NDArray[Any]) -> None:
        half = half_of(data, self.beta_loss, "hals", self._penalties(data.shape)[0])
        if self.beta_loss == "frobenius":
            solve_rows(half, w, h, self.tol)
        else:
            rescale_rows(half, w, h, self.tol, self.max_iter)

    # -- parameters and data -----------------------------------------------------------------------

    def _check_params(self) -> tuple[str, float, int]:
        """Return (solver, tol, max_iter) checked, and check the other parameters."""
        check_option(self.beta_loss, "beta_loss", LOSSES)
        solver = SOLVERS[check_option(self.solver, "solver", tuple(SOLVERS))]
        if self.n_components not in (None, "auto"):
            check_int(self.n_components, "n_components")
        check_option(self.init, "init", STARTS)
        check_float(self.alpha_W, "alpha_W")
        if self.alpha_H != "same":
            check_float(self.alpha_H, "alpha_H")
        check_float(self.l1_ratio, "l1_ratio", high=1.0)
        return solver, check_float(self.tol, "tol"), check_int(self.max_iter, "max_iter")

    def _data(self, X: Any, mask: Any, *, fitting: bool) -> Data:
        """Return X checked, as all cells or as the observed ones."""
        sparse = isinstance(X, SparseMatrix) or hasattr(X, "tocsr")
        finite = sparse or (type(X) is np.ndarray and X.dtype.kind == "f" and bool(np.isfinite(X).all()))
        data = self._read(X, fitting=fitting, allow_nan=not finite)
        check_entries(data, "input X")
        return observed(data, mask)

    def _start(self, data: Data, W: Any, H: Any) -> tuple[NDArray[Any], NDArray[Any]]:
        if self.init != "custom":
            if W is not None or H is not None:
                raise ValueError(f"W, H: expected only with init='custom', got init={self.init!r}")
            k = data.shape[1] if self.n_components in (None, "auto") else int(self.n_components)
            return start(data, k, self.init, self.random_state)
        w, h = custom(data, W, H)
        if self.n_components not in (None, "auto", w.shape[1]):
            raise ValueError(f"n_components: expected {w.shape[1]} as in W and H, got {self.n_components}")
        return w, h

    def _penalties(self, shape: tuple[int, int]) -> tuple[Penalty, Penalty]:
        alphas = self.alpha_W, self.alpha_W if self.alpha_H == "same" else self.alpha_H
        scales = (float(a) * size for a, size in zip(alphas, reversed(shape), strict=True))
        both = [Penalty(s * self.l1_ratio, s * (1 - self.l1_ratio)) for s in scales]
        return both[0], both[1]

    # -- scikit-learn, files -----------------------------------------------------------------------

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.positive_only = True
        tags.input_tags.allow_nan = True
        return tags

    def _get_state(self, interactions: bool) -> State:
        state = super()._get_state(interactions)
        state.meta["history"] = self.history_
        return state

    @classmethod
    def _from_state(cls, state: State) -> "NMF":
        model = super()._from_state(state)
        if not hasattr(model, "components_") or (model.components_ < 0).any():
            raise EckartError("damaged file: expected components without negative entries")
        model.n_components_ = len(model.components_)
        model.history_ = [dict(record) for record in state.meta["history"]]
        model._check_params()
        return model
