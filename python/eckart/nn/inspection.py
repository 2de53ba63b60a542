"""Looking at a graph: derivatives against finite differences, and the steps as a drawing."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from eckart.nn.tensor import Step, Tensor, grad


def gradcheck(
    f: Callable[..., Tensor], inputs: Sequence[Any], eps: float = 1e-6, tol: float = 1e-5, seed: int = 0
) -> float:
    """Return the largest error of f's derivatives against central differences; AssertionError above `tol`.

    f : of as many tensors as there are inputs, to one tensor; differentiable at them
    inputs : arrays; floating-point ones are checked, in float64
    tol : of |analytic - numeric| / max(1, |numeric|), where f is weighted by fixed random numbers

    The message names the worst element: input, index, analytic and numeric derivative.
    """
    arrays = [
        np.array(x, dtype=np.float64) if np.asarray(x).dtype.kind == "f" else np.asarray(x) for x in inputs
    ]
    tensors = [Tensor(a, requires_grad=a.dtype.kind == "f") for a in arrays]
    output = f(*tensors)
    weights = np.asarray(np.random.default_rng(seed).standard_normal(output.shape))
    wanted = [i for i, a in enumerate(arrays) if a.dtype.kind == "f"]
    worst, report = -1.0, ""
    for i, analytic in zip(wanted, grad(output, [tensors[i] for i in wanted], weights), strict=True):
        for index in np.ndindex(*arrays[i].shape):
            values = []
            for step in (eps, -eps):
                moved = [a.copy() if j == i else a for j, a in enumerate(arrays)]
                moved[i][index] += step
                values.append(float(np.sum(weights * f(*[Tensor(a) for a in moved]).data)))
            numeric = (values[0] - values[1]) / (2 * eps)
            error = float(abs(analytic[index] - numeric)) / max(1.0, abs(numeric))
            if not error <= worst:  # NaN counts as the worst
                worst = error
                report = f"input {i} at {index}: analytic {analytic[index]:.9g}, numeric {numeric:.9g}"
    if not worst <= tol:
        raise AssertionError(f"gradcheck: expected an error <= {tol:g}, got {worst:.3g} for {report}")
    return max(worst, 0.0)


def to_dot(tensor: Tensor, names: Mapping[str, Tensor] | None = None) -> str:
    """Return the graph behind a tensor in Graphviz's language: steps as boxes, other tensors as ovals.

    names : of tensors, such as ``dict(net.named_parameters())``; the others are called leaf, if a gradient
        is wanted, or constant

    To be called before `backward`, which lets go of the graph.
    """
    called = {id(t): name for name, t in (names or {}).items()}
    nodes: dict[int, str] = {}
    lines, arrows, waiting = ["digraph {", "  rankdir=BT"], [], [tensor]
    while waiting:
        t = waiting.pop()
        key: Any = t.step or t
        if id(key) in nodes:
            continue
        nodes[id(key)] = f"n{len(nodes)}"
        name = _operation(t.step) if t.step else called.get(id(t), "leaf" if t.requires_grad else "constant")
        label = f"{name}\\n{t.shape} {t.dtype}"
        lines.append(f'  {nodes[id(key)]} [label="{label}", shape={"box" if t.step else "oval"}]')
        inputs = [s for s in t.step.inputs if s.data is not None] if t.step else []
        arrows += [(id(s.step or s), id(key)) for s in inputs]
        waiting += inputs
    lines += [f"  {nodes[source]} -> {nodes[target]}" for source, target in arrows]
    return "\n".join([*lines, "}"])


def _operation(step: Step) -> str:
    """Return the rule's name, with the activation that it computes in the same pass."""
    options = step.options
    activation = "relu" if options.get("rectify") or options.get("rectified") else options.get("activation")
    return step.rule.name if activation in (None, "none") else f"{step.rule.name}, {activation}"
