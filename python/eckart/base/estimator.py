"""The estimator base: scikit-learn's protocol without importing scikit-learn.

``sklearn.base`` costs about a second to import, which ``eckart recommend`` must not pay. What
``clone``, ``cross_validate``, ``GridSearchCV`` and pipelines ask of an estimator is little:
``get_params``, ``set_params`` and, when scikit-learn itself calls, ``__sklearn_tags__``.
"""

import functools
import inspect
from typing import Any, TypeVar

from eckart.base.errors import not_fitted

Self = TypeVar("Self", bound="Estimator")


class Estimator:
    """Parameters are stored verbatim by the constructor; what `fit` learns ends in an underscore."""

    @classmethod
    @functools.cache
    def _param_names(cls) -> tuple[str, ...]:
        parameters = inspect.signature(cls).parameters
        return tuple(sorted(p for p in parameters))

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the constructor's parameters (`deep` is accepted for scikit-learn; nothing is nested)."""
        return {name: getattr(self, name) for name in self._param_names()}

    def set_params(self: Self, **params: Any) -> Self:
        """Set constructor parameters; ValueError for a name that is none."""
        for name, value in params.items():
            if name not in self._param_names():
                raise ValueError(
                    f"Invalid parameter {name!r} for estimator {type(self).__name__}. "
                    f"Valid parameters are: {list(self._param_names())}."
                )
            setattr(self, name, value)
        return self

    def __repr__(self, N_CHAR_MAX: int = 700) -> str:
        """Return the call that makes this estimator, with the parameters that differ from their defaults."""
        defaults = inspect.signature(type(self)).parameters
        changed = []
        for name in defaults:
            value = getattr(self, name)
            if repr(value) != repr(defaults[name].default):
                changed.append(f"{name}={value!r}")
        return f"{type(self).__name__}({', '.join(changed)})"[:N_CHAR_MAX]

    def _is_fitted(self) -> bool:
        return any(name.endswith("_") and not name.startswith("_") for name in vars(self))

    def _check_fitted(self) -> None:
        if not self._is_fitted():
            raise not_fitted(self)

    def __sklearn_is_fitted__(self) -> bool:
        return self._is_fitted()

    def __sklearn_tags__(self) -> Any:
        """Return scikit-learn's tags, built only when it asks."""
        from sklearn.utils import InputTags, Tags, TargetTags

        return Tags(
            estimator_type=None,
            target_tags=TargetTags(required=False),
            transformer_tags=None,
            classifier_tags=None,
            regressor_tags=None,
            input_tags=InputTags(),
        )
