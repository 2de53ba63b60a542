"""Matrix completion and recommendation: from observed entries to predictions and top-k lists."""

import importlib
from typing import Any

_CLASSES = {
    "ALS": "als",
    "Baseline": "baseline",
    "EASE": "ease",
    "Explanation": "explanation",
    "ItemKNN": "itemknn",
    "Popularity": "popularity",
    "Recommendations": "recommendations",
}
__all__ = ["ALS", "EASE", "Baseline", "Explanation", "ItemKNN", "Popularity", "Recommendations"]


def __getattr__(name: str) -> Any:
    if name in _CLASSES:
        return getattr(importlib.import_module(f"{__name__}.{_CLASSES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
