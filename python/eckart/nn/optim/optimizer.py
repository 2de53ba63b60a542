"""What all optimisers share: groups of parameters, flat buffers, the step, and the state as a dictionary."""

from collections.abc import Callable, Iterable
from typing import Any, ClassVar

import numpy as np

from eckart.base.validation import check_bool, check_float
from eckart.nn.optim.flat import Flat, Run
from eckart.nn.tensor import Tensor

LEAST = dict.fromkeys(
    ("lr", "lr_decay", "weight_decay", "eps", "momentum", "alpha", "initial_accumulator_value"), 0.0
)


class Optimizer:
    """Base of the optimisers: updates parameters in place, one native pass over all of a group.

    params : tensors that require gradients, or dictionaries {"params": tensors, "lr": ...} of groups with
        settings of their own

    Parameters that are frozen may be among them: what has no gradient is left alone. The parameters' `data`
    and gradients become views of flat buffers, one a group and type: gradients are
    written where the step reads them. An array kept from a parameter's `grad` therefore changes with the
    next backward pass. A parameter whose `grad` is None in a step is left alone: neither moved, nor decayed,
    nor counted. Subclasses say `STATES`, the arrays that they keep, and `_update`, one step of a run.
    Raises ValueError for no parameters that require a gradient, one given twice, settings out of range.
    """

    STATES: ClassVar[tuple[str, ...]] = ()

    def __init__(self, params: Iterable[Any], **settings: Any) -> None:
        given = [params] if isinstance(params, (Tensor, dict)) else list(params)
        groups = [dict(g) for g in given] if given and isinstance(given[0], dict) else [{"params": given}]
        self.defaults = settings
        self.param_groups: list[dict[str, Any]] = []
        self._flats: list[list[Flat]] = []
        self._taken: set[int] = set()
        for group in groups:
            self.add_param_group(group)

    def add_param_group(self, group: dict[str, Any]) -> None:
        """Take in more parameters, with settings of their own where the group names them."""
        unknown = group.keys() - self.defaults.keys() - {"params"}
        if "params" not in group or unknown:
            raise ValueError(
                f"params: expected groups with 'params' and some of {', '.join(self.defaults)}, got "
                f"{', '.join(map(str, group))}"
            )
        tensors = [group["params"]] if isinstance(group["params"], Tensor) else list(group["params"])
        for t in tensors:
            if not isinstance(t, Tensor) or t.step is not None:
                came = f"one made by {t.step.rule.name}" if isinstance(t, Tensor) else type(t).__name__
                raise ValueError(f"params: expected tensors made by no operation, got {came}")
            if id(t) in self._taken:
                raise ValueError(f"params: expected each parameter once, got one of shape {t.shape} again")
            self._taken.add(id(t))
        if not any([t.requires_grad for t in tensors]):
            raise ValueError(
                f"params: expected at least one parameter with requires_grad=True, got {len(tensors)} without"
            )
        whole = {**self.defaults, **group, "params": tensors}
        self._check(whole)
        self.param_groups.append(whole)
        kinds = dict.fromkeys(t.dtype for t in tensors)
        self._flats.append([Flat([t for t in tensors if t.dtype == kind]) for kind in kinds])

    def _check(self, group: dict[str, Any]) -> None:
        for name, value in group.items():
            if isinstance(value, bool):
                check_bool(value, name)
            elif name in LEAST:
                check_float(value, name, low=LEAST[name])
        betas = group.get("betas", (0.0, 0.0))
        if not (isinstance(betas, (tuple, list)) and len(betas) == 2 and all(0 <= b < 1 for b in betas)):
            raise ValueError(f"betas: expected two numbers in [0, 1), got {betas!r}")

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Take one step along the gradients, and return what the closure (zero, forward, backward)
        returned.
        """
        loss = closure() if closure is not None else None
        for group, flats in zip(self.param_groups, self._flats, strict=True):
            for flat in flats:
                self._prepare(group, flat)
                for run in flat.runs():
                    self._update(group, run)
        return loss

    def _prepare(self, group: dict[str, Any], flat: Flat) -> None:
        """See to it that the states of the group's settings exist."""
        for name in self._states(group):
            flat.state(name)

    def _states(self, group: dict[str, Any]) -> tuple[str, ...]:
        return self.STATES

    def _update(self, group: dict[str, Any], run: Run) -> None:
        raise NotImplementedError

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients: the next backward pass writes over them; or make them zeros."""
        for group in self.param_groups:
            for t in group["params"]:
                if set_to_none:
                    t.grad = None
                elif t.grad is not None:
                    t.grad[...] = 0

    def _places(self) -> dict[int, tuple[Flat, int]]:
        return {
            id(p): (flat, i) for flats in self._flats for flat in flats for i, p in enumerate(flat.parameters)
        }

    def state_dict(self) -> dict[str, Any]:
        """Return copies of the state and the settings, laid out as PyTorch's."""
        places, state, groups, n = self._places(), {}, [], 0
        for group in self.param_groups:
            numbers = list(range(n, n + len(group["params"])))
            n += len(numbers)
            groups.append({**{k: v for k, v in group.items() if k != "params"}, "params": numbers})
            for number, t in zip(numbers, group["params"], strict=True):
                flat, i = places[id(t)]
                if flat.counts[i]:
                    arrays = {name: flat.view(s, i).copy() for name, s in flat.states.items()}
                    state[number] = {"step": flat.counts[i], **arrays}
        return {"state": state, "param_groups": groups}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over a state; ValueError, before anything is changed, where it does not fit the parameters."""
        if not isinstance(state_dict, dict) or not {"state", "param_groups"} <= state_dict.keys():
            raise ValueError("state_dict: expected that of an optimiser, with 'state' and 'param_groups'")
        groups, state = state_dict["param_groups"], state_dict["state"]
        ours = [len(g["params"]) for g in self.param_groups]
        theirs = [len(g["params"]) for g in groups]
        if ours != theirs:
            raise ValueError(f"state_dict: expected groups of {ours} parameters, got {theirs}")
        numbers = [number for g in groups for number in g["params"]]
        tensors = [t for g in self.param_groups for t in g["params"]]
        for number, t in zip(numbers, tensors, strict=True):
            for name, value in state.get(number, {}).items():
                if name != "step" and value is not None and np.shape(value) != t.shape:
                    raise ValueError(
                        f"state_dict: expected {name} of parameter {number} to have shape {t.shape}, got "
                        f"{np.shape(value)}"
                    )
        for group, new in zip(self.param_groups, groups, strict=True):
            group.update({k: v for k, v in new.items() if k in self.defaults})
        for group, flats in zip(self.param_groups, self._flats, strict=True):
            for flat in flats:  # what has no entry begins anew
                flat.states.clear()
                self._prepare(group, flat)
        places = self._places()
        for number, t in zip(numbers, tensors, strict=True):
            flat, i = places[id(t)]
            entry = state.get(number, {})
            flat.counts[i] = int(entry.get("step", bool(entry)))
            for name, value in entry.items():
                if name != "step" and value is not None:
                    flat.view(flat.state(name), i)[...] = value
