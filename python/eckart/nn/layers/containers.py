"""Modules made of modules."""

from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

from eckart.nn.layers.activations import NAMES
from eckart.nn.layers.pooling import MaxPool2d
from eckart.nn.module import Module

Self = TypeVar("Self", bound="ModuleList")


class ModuleList(Module):
    """Modules in order, named "0", "1", ...: a list whose parameters are found."""

    def __init__(self, modules: Iterable[Module] = ()) -> None:
        for module in modules:
            self.append(module)

    def append(self: Self, module: Module) -> Self:
        """Add a module at the end."""
        if not isinstance(module, Module):
            raise TypeError(f"module: expected a Module, got {type(module).__name__}")
        setattr(self, str(len(self)), module)
        return self

    def __setitem__(self, index: int, module: Module) -> None:
        """Put another module in a place: a head for other classes, say."""
        if not isinstance(module, Module):
            raise TypeError(f"module: expected a Module, got {type(module).__name__}")
        n = len(self)
        if not -n <= index < n:
            raise IndexError(f"index: expected a place in [{-n}, {n}), got {index}")
        setattr(self, str(index % n), module)

    def __len__(self) -> int:
        return sum(name.isdigit() for name in vars(self))

    def __iter__(self) -> Iterator[Module]:
        return iter([module for name, module in vars(self).items() if name.isdigit()])

    def __getitem__(self, index: int) -> Any:
        """Return a module, or for a slice the modules in a list of the same kind that shares them."""
        modules = list(self)[index]
        return modules if isinstance(modules, Module) else _like(self, modules)


class Sequential(ModuleList):
    """Modules one after the other: Sequential(Linear(784, 128), ReLU(), Linear(128, 10)).

    An activation is computed in the pass of the module before it where that can (as Linear can); ReLU in that
    of max pooling after it, with which it commutes.
    """

    def __init__(self, *modules: Module) -> None:
        super().__init__(modules)

    def forward(self, x: Any) -> Any:
        """Return what the last makes of all before it. A ValueError names the module in which it arose."""
        for i, module, activation in _passes(list(self)):
            try:
                x = module(x) if activation is None else module(x, activation)
            except ValueError as error:
                raise ValueError(f"module {i}, {type(module).__name__}: {error}") from error
        return x


def _passes(modules: list[Module]) -> Iterator[tuple[int, Module, str | None]]:
    """Yield the modules to be called, their places, and the activations that they compute in their pass."""
    i = 0
    while i < len(modules):
        module, after, beyond = (*modules[i : i + 3], None, None)[:3]
        if _takes(after, module) and isinstance(after, MaxPool2d):
            yield i + 1, after, NAMES[type(module)]
            i += 2
        elif _takes(module, after) and not (_takes(beyond, after) and isinstance(beyond, MaxPool2d)):
            yield i, module, NAMES[type(after)]
            i += 2
        else:
            yield i, module, None
            i += 1


def _takes(module: Module | None, activation: Module | None) -> bool:
    """Return whether a module can compute an activation in its pass; one that is watched runs by itself."""
    if module is None or type(activation) not in NAMES or "forward" in vars(activation):
        return False
    return NAMES[type(activation)] in getattr(module.forward, "takes", ())


def _like(container: ModuleList, modules: list[Module]) -> ModuleList:
    return Sequential(*modules) if isinstance(container, Sequential) else ModuleList(modules)
