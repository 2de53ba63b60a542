"""Ratings in: the container, id vocabularies, readers, splits and normalisation."""

import importlib
from typing import Any

_HOMES = {
    "Normalization": "normalization",
    "Rating": "ratings",
    "Ratings": "ratings",
    "Vocabulary": "vocabulary",
    "as_ratings": "convert",
    "k_fold": "splits",
    "leave_last_out_split": "splits",
    "random_split": "splits",
    "time_split": "splits",
    "user_holdout_split": "splits",
}
__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f"eckart.data.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'eckart.data' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
