"""Matrix completion and recommendation: from observed entries to predictions and top-k lists."""

import importlib
from typing import Any

_HOMES = {
    "ALS": "als",
    "Baseline": "baseline",
    "EASE": "ease",
    "Explanation": "explanation",
    "ImplicitALS": "implicit_als",
    "ItemIndex": "index",
    "ItemKNN": "itemknn",
    "Popularity": "popularity",
    "Recommendations": "recommendations",
    "SVP": "svp",
    "SVT": "svt",
    "SoftImpute": "soft_impute",
    "SpectralGD": "spectral_gd",
    "ranking_vectors": "index",
    "rerank": "diversity",
}
__all__ = [
    "ALS",
    "EASE",
    "SVP",
    "SVT",
    "Baseline",
    "Explanation",
    "ImplicitALS",
    "ItemIndex",
    "ItemKNN",
    "Popularity",
    "Recommendations",
    "SoftImpute",
    "SpectralGD",
    "ranking_vectors",
    "rerank",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
