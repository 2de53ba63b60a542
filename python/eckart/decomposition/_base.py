"""What the decompositions share: scikit-learn's manners for arrays, and files.

Arrays that need no work (float32 or float64, C-contiguous, finite) go straight to the kernels. All others
(tables, lists, integers, mistakes) go through scikit-learn's own ``validate_data``, so that it is imported
only when they come, and its messages are what users know.
"""

from typing import Any, ClassVar, TypeVar

import numpy as np
from numpy.typing import NDArray

from eckart import _native
from eckart.base.errors import EckartError
from eckart.base.estimator import Estimator
from eckart.base.state import State, finite
from eckart.base.threads import get_num_threads
from eckart.linalg.operators import SparseMatrix

Self = TypeVar("Self", bound="Decomposition")
FLOATS = (np.float64, np.float32)


class Decomposition(Estimator):
    """A transformer of samples x features. A subclass has `fit` and `transform` of its own, which take X from
    :meth:`_read` and hand the scores out by :meth:`_as_chosen`, and names what a file holds.

    _LEARNED : learned arrays and their shapes, as {"components_": "kd", "mean_": "d"}: equal letters are
        equal lengths, "d" is n_features_in_; None is left out of a file. _NUMBERS : learned scalars.
        _SPARSE : whether scipy.sparse is taken.
    """

    _LEARNED: ClassVar[dict[str, str]] = {}
    _NUMBERS: ClassVar[tuple[str, ...]] = ()
    _SPARSE: ClassVar[bool] = True
    _sklearn_auto_wrap_output_keys: ClassVar[frozenset[str]] = frozenset({"transform"})
    n_features_in_: int

    # -- data --------------------------------------------------------------------------------------

    def _read(
        self, X: Any, *, fitting: bool, allow_nan: bool = False, min_samples: int = 1, min_features: int = 1
    ) -> NDArray[Any] | SparseMatrix:
        """Return X (n_samples, n_features) in float32 or float64 (what is neither becomes float64).

        A dense result is C-contiguous and may be X itself: it must not be written to. ``scipy.sparse`` in any
        format and ``SparseMatrix`` give a ``SparseMatrix``. Sets ``n_features_in_`` (and
        ``feature_names_in_`` of a table) where `fitting`, else checks them.
        Raises scikit-learn's ValueError and TypeError for anything else.
        """
        named = not fitting and hasattr(self, "feature_names_in_")
        if isinstance(X, SparseMatrix):
            plain = True
        else:
            plain = type(X) is np.ndarray and not named and _is_plain(X, allow_nan)
        if plain and min(X.shape[0] - min_samples, X.shape[1] - min_features) >= 0:
            if fitting:
                vars(self).pop("feature_names_in_", None)
                self.n_features_in_ = X.shape[1]
            if X.shape[1] == self.n_features_in_:
                return X
        if isinstance(X, SparseMatrix):
            X = X.by_row.to_scipy()
        from scipy import sparse
        from sklearn.utils.validation import validate_data

        checked: Any = validate_data(
            self, X, reset=fitting, dtype=FLOATS, order="C", accept_sparse="csr" if self._SPARSE else False,
            ensure_all_finite="allow-nan" if allow_nan else True,
            ensure_min_samples=min_samples, ensure_min_features=min_features,
        )  # fmt: skip
        if sparse.issparse(checked):
            return SparseMatrix.from_scipy(checked)
        return np.require(checked, requirements=["C", "A"])

    # -- scikit-learn ------------------------------------------------------------------------------

    def fit_transform(self, X: Any, y: Any = None) -> NDArray[Any]:
        """Return ``fit(X).transform(X)``."""
        return self.fit(X, y).transform(X)  # type: ignore[attr-defined]

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[Any]:
        """Return the names of the components: the class's name in small letters and a number.

        input_features : checked to be as many as `fit` saw, or as its names; scikit-learn's convention.
        """
        self._check_fitted()
        from sklearn.utils.validation import _check_feature_names_in

        _check_feature_names_in(self, input_features)
        name = type(self).__name__.lower()
        return np.array([f"{name}{i}" for i in range(self._n_features_out)], dtype=object)

    @property
    def _n_features_out(self) -> int:
        return len(self.components_)  # type: ignore[attr-defined, no-any-return]

    def set_output(self: Self, *, transform: str | None = None) -> Self:
        """Choose what `transform` returns: "default", "pandas" or "polars" (None: no change)."""
        if transform is not None:
            self._sklearn_output_config = {"transform": transform}
        return self

    def _as_chosen(self, scores: NDArray[Any], X: Any) -> Any:
        """Return what `transform` computed in the container that the user, or scikit-learn's configuration,
        asks for. Without scikit-learn in the process nobody can have asked."""
        import sys

        if not hasattr(self, "_sklearn_output_config") and "sklearn" not in sys.modules:
            return scores
        from sklearn.utils._set_output import _wrap_data_with_container

        return _wrap_data_with_container("transform", scores, X, self)

    def __sklearn_tags__(self) -> Any:
        """Return scikit-learn's tags: a transformer that keeps float32."""
        from sklearn.utils import TransformerTags

        tags = super().__sklearn_tags__()
        tags.transformer_tags = TransformerTags(preserves_dtype=["float64", "float32"])
        tags.input_tags.sparse = self._SPARSE
        return tags

    # -- files -------------------------------------------------------------------------------------

    def _get_state(self, interactions: bool) -> State:
        """Return parameters and what was learned; there are no interactions."""
        self._check_fitted()
        params = {name: _plain(value) for name, value in self.get_params().items()}
        seed = params.get("random_state")
        params["random_state"] = seed if isinstance(seed, int) else None
        params = {name: value for name, value in params.items() if name in self._param_names()}
        state = State(meta={"params": params, "n_features_in": int(self.n_features_in_)})
        for name in self._LEARNED:
            value = getattr(self, name, None)
            if value is not None:
                state.arrays[name] = value
        state.meta["numbers"] = {n: _plain(getattr(self, n)) for n in self._NUMBERS if hasattr(self, n)}
        if hasattr(self, "feature_names_in_"):
            state.meta["feature_names_in"] = [str(name) for name in self.feature_names_in_]
        return state

    @classmethod
    def _from_state(cls: type[Self], state: State) -> Self:
        unknown = set(state.meta["params"]) - set(cls._param_names())
        if unknown:
            raise EckartError(f"damaged file: unknown parameters {sorted(unknown)}")
        model = cls(**{n: tuple(v) if isinstance(v, list) else v for n, v in state.meta["params"].items()})
        lengths = {"d": int(finite(state.meta["n_features_in"], "n_features_in"))}
        model.n_features_in_ = lengths["d"]
        for name, letters in cls._LEARNED.items():
            if name in state.arrays:
                array = state.array(
                    name, shape=tuple(lengths.get(letter) for letter in letters), dtype=FLOATS
                )
                lengths.update(zip(letters, array.shape, strict=True))
                setattr(model, name, array)
        for name, value in state.meta["numbers"].items():
            if name not in cls._NUMBERS:
                raise EckartError(f"damaged file: unknown number {name!r}")
            setattr(model, name, value if isinstance(value, bool) else type(value)(finite(value, name)))
        if "feature_names_in" in state.meta:
            names = np.array(state.meta["feature_names_in"], dtype=object)
            if names.shape != (lengths["d"],):
                raise EckartError(f"damaged file: {names.size} feature names for {lengths['d']} features")
            model.feature_names_in_ = names
        return model


def _is_plain(X: NDArray[Any], allow_nan: bool) -> bool:
    """Whether the kernels can take the array as it is."""
    if X.ndim != 2 or X.dtype not in FLOATS or not X.dtype.isnative:
        return False
    if not (X.flags.c_contiguous and X.flags.aligned):
        return False
    return not allow_nan and _native.data.first_not_finite(X.reshape(-1), get_num_threads()) < 0


def _plain(value: Any) -> Any:
    """Return a parameter as JSON has it: grid searches hand in NumPy scalars."""
    if isinstance(value, tuple | list):
        return [_plain(part) for part in value]
    return value.item() if isinstance(value, np.generic) else value
