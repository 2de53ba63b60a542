"""Decompositions of data matrices with scikit-learn's manners: PCA, truncated SVD, NMF, autoencoders."""

import importlib
from typing import Any

_HOMES = {
    "TruncatedSVD": "eckart.decomposition.truncated_svd",
    "power_method": "eckart.linalg.power",
    "randomized_svd": "eckart.linalg.svd",
}
__all__ = ["TruncatedSVD", "power_method", "randomized_svd"]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
