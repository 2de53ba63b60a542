"""Operations on tensors: what each computes, and beside it its local derivative. Names are NumPy's.

A line of the table, `define(name, forward, *derivatives)`, gives the function that users call. What can be
said in terms of other operations has no derivative of its own. Here the operations become methods and
operators.
"""

# ruff: noqa: F403, F405
from eckart.nn.ops.arrangement import *
from eckart.nn.ops.contraction import *
from eckart.nn.ops.define import *
from eckart.nn.ops.elementwise import *
from eckart.nn.ops.reductions import *
from eckart.nn.tensor import Tensor

_METHODS = (
    "abs", "argmax", "argmin", "astype", "clip", "cumsum", "exp", "flatten", "log", "max", "mean", "min",
    "moveaxis",
    "prod", "repeat", "sigmoid", "sqrt", "squeeze", "std", "sum", "swapaxes", "take", "tanh", "var",
)  # fmt: skip
_OPERATORS = {
    "__abs__": abs, "__add__": add, "__eq__": equal, "__ge__": greater_equal, "__getitem__": getitem,
    "__gt__": greater,
    "__le__": less_equal, "__lt__": less, "__matmul__": matmul, "__mul__": multiply, "__ne__": not_equal,
    "__neg__": negate, "__pos__": lambda x: x, "__sub__": subtract, "__truediv__": divide,
    "__pow__": lambda a, b: square(a) if type(b) in (int, float) and b == 2 else power(a, b),
    "__iter__": lambda x: iter(unbind(x)),
    "reshape": lambda x, *shape: reshape(x, shape if len(shape) != 1 else shape[0]),
    "transpose": lambda x, *axes: transpose(x, axes or None),
    "T": property(transpose), "mT": property(lambda x: swapaxes(x, -1, -2)),
}  # fmt: skip
for _name in ("add", "matmul", "mul", "pow", "sub", "truediv"):
    _OPERATORS[f"__r{_name}__"] = lambda a, b, forward=_OPERATORS[f"__{_name}__"]: forward(b, a)
for _name in _METHODS:
    _OPERATORS[_name] = globals()[_name]
for _name, _function in _OPERATORS.items():
    setattr(Tensor, _name, _function)

__all__ = sorted(
    name
    for name, value in globals().items()
    if name[0] != "_" and getattr(value, "__module__", "").startswith("eckart.nn.ops")
)
