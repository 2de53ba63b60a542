"""The table of a network: shapes, parameters, multiply-adds, as one example passes through it."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from eckart.nn.module import Module
from eckart.nn.tensor import Tensor, no_grad


class Row(NamedTuple):
    """A module's name, class, output shape (without the batch), own parameters, and work for one example."""

    name: str
    kind: str
    shape: tuple[int, ...]
    parameters: int
    multiply_adds: int


class Summary(NamedTuple):
    """What :meth:`Module.summary` returns; `str` of it is the table.

    parameters counts each shared parameter once.
    """

    rows: list[Row]
    parameters: int
    multiply_adds: int

    def __str__(self) -> str:
        lines = [("layer", "kind", "output", "parameters", "multiply-adds")]
        for r in self.rows:
            lines.append((r.name, r.kind, str(r.shape), f"{r.parameters:,}", f"{r.multiply_adds:,}"))
        lines.append(("total", "", "", f"{self.parameters:,}", f"{self.multiply_adds:,}"))
        widths = [max(len(line[i]) for line in lines) for i in range(5)]
        texts = ["  ".join(_aligned(line, widths)).rstrip() for line in lines]
        rule = "-" * (sum(widths) + 8)
        return "\n".join([texts[0], rule, *texts[1:-1], rule, texts[-1]])


def summarize(model: Module, input_shape: tuple[int, ...], dtype: Any) -> Summary:
    """Return the rows of all modules that ran, in the order in which they began."""
    rows: list[Row | None] = []
    modules = list(model.named_modules())
    modes = [module.training for _, module in modules]
    try:
        model.eval()
        for name, module in modules:
            vars(module)["forward"] = _watched(name, module, rows)
        with no_grad():
            model(Tensor(np.zeros((1, *input_shape), _type_of(model, dtype))))
    finally:
        for (_, module), mode in zip(modules, modes, strict=True):
            vars(module).pop("forward", None)
            module.training = mode
    ran = [row for row in rows if row is not None]
    return Summary(ran, sum(p.size for p in model.parameters()), sum(row.multiply_adds for row in ran))


def _watched(name: str, module: Module, rows: list[Row | None]) -> Callable[..., Any]:
    """Return the module's forward that leaves a row behind."""
    forward = module.forward

    def run(*inputs: Any, **options: Any) -> Any:
        place = len(rows)
        rows.append(None)
        result = forward(*inputs, **options)
        if isinstance(result, Tensor):
            first = next(iter((*inputs, *options.values())))
            own = sum(v.size for v in vars(module).values() if isinstance(v, Tensor))
            work = module.multiply_adds(first.shape, result.shape)
            rows[place] = Row(name or "(all)", type(module).__name__, result.shape[1:], own, work)
        return result

    return run


def _type_of(model: Module, dtype: Any) -> Any:
    """Return the parameters' type for floating-point inputs."""
    kinds = [p.dtype for p in model.parameters()]
    return kinds[0] if kinds and np.dtype(dtype).kind == "f" else dtype


def _aligned(line: tuple[str, ...], widths: list[int]) -> list[str]:
    return [t.ljust(w) if i < 3 else t.rjust(w) for i, (t, w) in enumerate(zip(line, widths, strict=True))]
