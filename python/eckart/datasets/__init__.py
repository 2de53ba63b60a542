"""Real ratings that packages ship, and synthetic ones with a known answer."""

import importlib
from typing import Any

_HOMES = {"SyntheticRatings": "synthetic", "make_ratings": "synthetic", "movielens": "movielens"}
__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f"eckart.datasets.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'eckart.datasets' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
