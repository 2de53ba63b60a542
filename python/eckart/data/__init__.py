"""Ratings in: the container, id vocabularies, readers, splits and normalisation."""

import importlib
from typing import Any

_HOMES = {
    "Rating": "ratings",
    "Ratings": "ratings",
    "Vocabulary": "vocabulary",
    "as_ratings": "convert",
}
__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f"eckart.data.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'eckart.data' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
