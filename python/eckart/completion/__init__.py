"""Matrix completion and recommendation: from observed entries to predictions and top-k lists."""

import importlib
from typing import Any

_HOMES = {
    "ALS": "als",
    "Baseline": "baseline",
    "Coherence": "incoherence",
    "EASE": "ease",
    "Explanation": "explanation",
    "GaussNewton": "gauss_newton",
    "Identifiability": "identification",
    "ImplicitALS": "implicit_als",
    "ItemIndex": "index",
    "ItemKNN": "itemknn",
    "Popularity": "popularity",
    "Recommendations": "recommendations",
    "SVP": "svp",
    "SVT": "svt",
    "SoftImpute": "soft_impute",
    "SpectralGD": "spectral_gd",
    "coherence": "incoherence",
    "identifiability": "identification",
    "ranking_vectors": "index",
    "recovery_bound": "identification",
    "rerank": "diversity",
}
__all__ = [
    "ALS",
    "EASE",
    "SVP",
    "SVT",
    "Baseline",
    "Coherence",
    "Explanation",
    "GaussNewton",
    "Identifiability",
    "ImplicitALS",
    "ItemIndex",
    "ItemKNN",
    "Popularity",
    "Recommendations",
    "SoftImpute",
    "SpectralGD",
    "coherence",
    "identifiability",
    "ranking_vectors",
    "recovery_bound",
    "rerank",
]


def __dir__() -> list[str]:
    return __all__


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
