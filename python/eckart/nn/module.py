"""Modules: parameters, buffers and the modules within, found by their attributes' names.

A Tensor that is an attribute is a parameter, a Module that is one is a child, an array named by
`register_buffer` is a buffer. Names are PyTorch's: its state dicts load one to one.
"""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

import numpy as np

from eckart.base.errors import EckartError
from eckart.base.files import PathLike, read_arrays, write_arrays
from eckart.nn.arrays import FLOATS
from eckart.nn.tensor import Array, Tensor

Self = TypeVar("Self", bound="Module")
Forward = TypeVar("Forward", bound=Callable[..., Any])
FORMAT = "eckart-nn"


def Parameter(data: Any, requires_grad: bool = True) -> Tensor:
    """Return a tensor that training changes: arrays keep their type and are shared."""
    return Tensor(data, requires_grad=requires_grad)


def takes(*activations: str) -> Callable[[Forward], Forward]:
    """Say that a `forward` may be given one of these as `activation`, to compute it in the same pass."""

    def mark(forward: Forward) -> Forward:
        forward.takes = frozenset(activations)  # type: ignore[attr-defined]
        return forward

    return mark


class Module:
    """What computes `forward` with parameters of its own. No constructor needs to be called.

    training : whether dropout drops and batch norm measures; see :meth:`train` and :meth:`eval`
    """

    training: bool = True

    def forward(self, *inputs: Any, **options: Any) -> Any:
        """Return what the module makes of its inputs; to be written by each module."""
        raise NotImplementedError(f"{type(self).__name__}.forward")

    def __call__(self, *inputs: Any, **options: Any) -> Any:
        return self.forward(*inputs, **options)

    def multiply_adds(self, inputs: tuple[int, ...], outputs: tuple[int, ...]) -> int:
        """Return how many products and sums the module itself (not its children) takes for these shapes."""
        return 0

    # --- what is within -----------------------------------------------------------------------------------

    def register_buffer(self, name: str, array: Any, persistent: bool = True) -> None:
        """Keep an array that is no parameter: for checkpoints, and if `persistent` for state dicts."""
        self.__dict__.setdefault("_buffers", {})[name] = persistent
        setattr(self, name, np.asarray(array))

    def named_children(self) -> Iterator[tuple[str, "Module"]]:
        """Yield (name, module) of the modules directly within.

        TypeError for modules or parameters hidden in a list.
        """
        for name, value in list(vars(self).items()):
            if isinstance(value, Module):
                yield name, value
            elif isinstance(value, list | tuple | dict):
                parts = value.values() if isinstance(value, dict) else value
                if any([isinstance(v, Module) or _is_parameter(v) for v in parts]):
                    raise TypeError(
                        f"{name}: expected a ModuleList of modules, or parameters each under a name, got a "
                        f"{type(value).__name__}: what is in it would never be trained"
                    )

    def children(self) -> Iterator["Module"]:
        """Yield the modules directly within."""
        for _, module in self.named_children():
            yield module

    def named_modules(self, prefix: str = "") -> Iterator[tuple[str, "Module"]]:
        """Yield (dotted name, module): this one (as "") and all within, parents first."""
        yield prefix, self
        for name, child in self.named_children():
            yield from child.named_modules(f"{prefix}.{name}" if prefix else name)

    def modules(self) -> Iterator["Module"]:
        """Yield this module and all within, parents first."""
        for _, module in self.named_modules():
            yield module

    def _named_tensors(self) -> Iterator[tuple[str, Tensor]]:
        """Yield all parameters by their dotted names; a shared one under each of its names."""
        for prefix, module in self.named_modules():
            for name, value in vars(module).items():
                if isinstance(value, Tensor):
                    yield (f"{prefix}.{name}" if prefix else name), value

    def named_parameters(self) -> Iterator[tuple[str, Tensor]]:
        """Yield (dotted name, tensor); a parameter that is shared comes once, under its first name."""
        seen: set[int] = set()
        for name, tensor in self._named_tensors():
            if id(tensor) not in seen:
                seen.add(id(tensor))
                yield name, tensor

    def parameters(self) -> list[Tensor]:
        """Return the parameters, each once: what an optimiser takes."""
        return [tensor for _, tensor in self.named_parameters()]

    def named_buffers(self, persistent_only: bool = False) -> Iterator[tuple[str, Array]]:
        """Yield (dotted name, array)."""
        for prefix, module in self.named_modules():
            for name, persistent in vars(module).get("_buffers", {}).items():
                if persistent or not persistent_only:
                    yield (f"{prefix}.{name}" if prefix else name), getattr(module, name)

    def apply(self: Self, function: Callable[["Module"], Any]) -> Self:
        """Call `function` on every module within, children first, then on this one."""
        for child in self.children():
            child.apply(function)
        function(self)
        return self

    # --- changes ------------------------------------------------------------------------------------------

    def train(self: Self, mode: bool = True) -> Self:
        """Make this module and all within behave as in training (or, with False, as in use)."""
        for module in self.modules():
            module.training = mode
        return self

    def eval(self: Self) -> Self:
        """Make this module and all within behave as in use."""
        return self.train(False)

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for tensor in self.parameters():
            tensor.grad = None

    def requires_grad_(self: Self, requires_grad: bool = True) -> Self:
        """Let training change the parameters, or freeze them; the frozen are not for an optimiser."""
        for tensor in self.parameters():
            tensor.requires_grad = requires_grad
        return self

    def to(self: Self, dtype: Any) -> Self:
        """Make parameters and floating-point buffers of this type. Before an optimiser is made of them."""
        with contextlib.suppress(TypeError):  # as for "cuda": there is the processor alone
            dtype = np.dtype(dtype)
        if dtype not in FLOATS:
            raise ValueError(f"dtype: expected float32 or float64, got {dtype}")
        for tensor in self.parameters():
            tensor.data, tensor.grad, tensor.buffer = tensor.data.astype(dtype), None, None
        for module in self.modules():
            for name in vars(module).get("_buffers", {}):
                array = getattr(module, name)
                if array.dtype.kind == "f":
                    setattr(module, name, array.astype(dtype))
        return self

    # --- states and files ---------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Array]:
        """Return copies of parameters and persistent buffers by their dotted names."""
        found = {name: tensor.data for name, tensor in self._named_tensors()}
        found.update(self.named_buffers(persistent_only=True))
        return {name: array.copy() for name, array in found.items()}

    def load_state_dict(self: Self, state: Mapping[str, Any], strict: bool = True) -> Self:
        """Take over arrays (or anything NumPy reads, PyTorch's tensors too) of a state dict.

        strict : names that are missing or unexpected are an error, otherwise passed over.
        Raises ValueError that lists the missing, the unexpected, the mis-shaped and what is no real number,
        TypeError for what is no mapping; nothing is then changed.
        """
        if not isinstance(state, Mapping):
            raise TypeError(f"state: expected names and arrays, got {type(state).__name__}")
        own = {name: tensor.data for name, tensor in self._named_tensors()}
        own.update(self.named_buffers(persistent_only=True))
        values = {name: np.asarray(value) for name, value in state.items() if name in own}
        wrong = []
        if strict:
            wrong += [f"missing {name}" for name in own if name not in state]
            wrong += [f"unexpected {name}" for name in state if name not in own]
        wrong += [
            f"{name} of shape {value.shape}, expected {own[name].shape}"
            for name, value in values.items()
            if value.shape != own[name].shape
        ]
        wrong += [f"{name} of {v.dtype}" for name, v in values.items() if v.dtype.kind not in "fiub"]
        if wrong:
            raise ValueError(f"state: expected that of {type(self).__name__}, got: {'; '.join(wrong)}")
        for name, value in values.items():
            own[name][...] = value  # in place: an optimiser may own the memory
        return self

    def save(self, path: PathLike) -> None:
        """Write the state dict as safetensors, whole or not at all. EckartError where that is impossible."""
        write_arrays(path, self.state_dict(), {"format": FORMAT, "class": type(self).__name__})

    def load(self: Self, path: PathLike, strict: bool = True) -> Self:
        """Take over the state dict of a safetensors file, ours or PyTorch's; see :meth:`load_state_dict`.

        Raises EckartError for a missing, damaged or foreign file, or names and shapes that are not ours.
        """
        arrays, _ = read_arrays(path)
        try:
            return self.load_state_dict(arrays, strict)
        except ValueError as error:
            raise EckartError(f"cannot load {path}: {error}") from error

    def summary(self, input_shape: tuple[int, ...], dtype: Any = np.float32) -> Any:
        """Return a table of the layers' output shapes, parameters and multiply-adds for one example.

        input_shape : of an example, without the batch; dtype : int64 for tokens. Print it.
        """
        from eckart.nn.summary import summarize

        return summarize(self, input_shape, dtype)

    def __repr__(self) -> str:
        inner = [f"  ({name}): {child!r}".replace("\n", "\n  ") for name, child in self.named_children()]
        own = ", ".join(f"{n}={v!r}" for n, v in vars(self).items() if _is_setting(n, v))
        return f"{type(self).__name__}({own}" + ("\n" + "\n".join(inner) + "\n" if inner else "") + ")"


def _is_parameter(value: Any) -> bool:
    return isinstance(value, Tensor) and value.requires_grad and value.step is None


def _is_setting(name: str, value: Any) -> bool:
    return (
        not name.startswith("_")
        and name != "training"
        and isinstance(value, bool | int | float | str | tuple)
    )
