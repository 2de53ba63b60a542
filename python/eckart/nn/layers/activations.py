"""Activations as layers: one for each function of functional.activations, with its options and defaults."""

from collections.abc import Callable
from typing import Any, ClassVar

from eckart.nn import functional as F
from eckart.nn.module import Module
from eckart.nn.tensor import Tensor


class Activation(Module):
    """function(x, **options); the options are the layer's, by name or in order."""

    function: ClassVar[Callable[..., Tensor]]
    defaults: ClassVar[dict[str, Any]] = {}

    def __init__(self, *values: Any, **options: Any) -> None:
        options = dict(zip(self.defaults, values, strict=False)) | options
        if len(values) > len(self.defaults) or not options.keys() <= self.defaults.keys():
            known = ", ".join(self.defaults) or "none"
            raise TypeError(
                f"{type(self).__name__}: expected options among {known}, got {(*values, *options)}"
            )
        vars(self).update(self.defaults | options)

    def forward(self, x: Any) -> Tensor:
        return type(self).function(x, **{name: getattr(self, name) for name in self.defaults})


def _layer(name: str, function: Callable[..., Tensor], **defaults: Any) -> type[Activation]:
    members = {
        "function": staticmethod(function),
        "defaults": defaults,
        "__module__": __name__,
        "__doc__": f"functional.{function.__name__}, as a layer.",
    }
    return type(name, (Activation,), members)


ELU = _layer("ELU", F.elu, alpha=1.0)
GELU = _layer("GELU", F.gelu, approximate="none")
GLU = _layer("GLU", F.glu, axis=-1)
Hardsigmoid = _layer("Hardsigmoid", F.hardsigmoid)
Hardswish = _layer("Hardswish", F.hardswish)
Hardtanh = _layer("Hardtanh", F.hardtanh, min_val=-1.0, max_val=1.0)
LeakyReLU = _layer("LeakyReLU", F.leaky_relu, negative_slope=0.01)
LogSigmoid = _layer("LogSigmoid", F.logsigmoid)
LogSoftmax = _layer("LogSoftmax", F.log_softmax, axis=-1)
Mish = _layer("Mish", F.mish)
ReLU = _layer("ReLU", F.relu)
ReLU6 = _layer("ReLU6", F.relu6)
SELU = _layer("SELU", F.selu)
SiLU = _layer("SiLU", F.silu)
Sigmoid = _layer("Sigmoid", F.sigmoid)
Softmax = _layer("Softmax", F.softmax, axis=-1)
Softplus = _layer("Softplus", F.softplus, beta=1.0, threshold=20.0)
Softsign = _layer("Softsign", F.softsign)
Tanh = _layer("Tanh", F.tanh)

NAMES = {ReLU: "relu", Sigmoid: "sigmoid", Tanh: "tanh"}  # of those that other layers take: see module.takes
