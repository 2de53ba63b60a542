"""eckart: matrix completion and recommendation on a native core, and a course around it.

Families (``eckart.completion``, ``eckart.data``, ...) are imported when first used, so that
``import eckart`` costs next to nothing.
"""

import importlib
from typing import Any

from eckart._version import version as __version__

_FAMILIES = (
    "completion",
    "data",
    "datasets",
    "decomposition",
    "evaluation",
    "experiments",
    "linalg",
    "metrics",
    "nn",
    "testing",
)
_FUNCTIONS = {
    "EckartError": "eckart.base.errors",
    "get_num_threads": "eckart.base.threads",
    "load": "eckart.base.persistence",
    "save": "eckart.base.persistence",
    "set_num_threads": "eckart.base.threads",
    "show_config": "eckart.base.config",
}
__all__ = ["__version__", *_FAMILIES, *_FUNCTIONS]


def __getattr__(name: str) -> Any:
    if name in _FAMILIES:
        return importlib.import_module(f"eckart.{name}")
    if name in _FUNCTIONS:
        return getattr(importlib.import_module(_FUNCTIONS[name]), name)
    raise AttributeError(f"module 'eckart' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
