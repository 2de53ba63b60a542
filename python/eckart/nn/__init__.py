"""Neural networks on the CPU: tensors with gradients, layers, optimisers, training, first architectures."""

import importlib
from typing import Any

from eckart.nn import ops  # gives tensors their operators

_HOMES = {
    "BytePairTokenizer": "eckart.nn.tokenizers",
    "CharTokenizer": "eckart.nn.tokenizers",
    "Loader": "eckart.nn.loader",
    "Module": "eckart.nn.module",
    "NetClassifier": "eckart.nn.estimators",
    "NetRegressor": "eckart.nn.estimators",
    "Parameter": "eckart.nn.module",
    "Plan": "eckart.nn.plan",
    "Tensor": "eckart.nn.tensor",
    "Trainer": "eckart.nn.trainer",
    "augmentation": "eckart.nn",
    "detect_anomaly": "eckart.nn.tensor",
    "function": "eckart.nn.ops",
    "functional": "eckart.nn",
    "grad": "eckart.nn.tensor",
    "gradcheck": "eckart.nn.inspection",
    "init": "eckart.nn",
    "layers": "eckart.nn",
    "manual_seed": "eckart.nn.init",
    "models": "eckart.nn",
    "no_grad": "eckart.nn.tensor",
    "optim": "eckart.nn",
    "to_dot": "eckart.nn.inspection",
}
__all__ = [
    "BytePairTokenizer",
    "CharTokenizer",
    "Loader",
    "Module",
    "NetClassifier",
    "NetRegressor",
    "Parameter",
    "Plan",
    "Tensor",
    "Trainer",
    "augmentation",
    "detect_anomaly",
    "function",
    "functional",
    "grad",
    "gradcheck",
    "init",
    "layers",
    "manual_seed",
    "models",
    "no_grad",
    "ops",
    "optim",
    "to_dot",
]


def __dir__() -> list[str]:
    return __all__


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = importlib.import_module(_HOMES[name])
    return importlib.import_module(f"{__name__}.{name}") if home.__name__ == __name__ else getattr(home, name)
