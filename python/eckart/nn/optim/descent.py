"""Descent along the gradient, with and without memory."""

from collections.abc import Callable, Iterable
from typing import Any, ClassVar

from eckart._native import nn as native
from eckart.base.threads import get_num_threads
from eckart.nn.optim.flat import Flat, Run
from eckart.nn.optim.optimizer import Optimizer


class SGD(Optimizer):
    """Stochastic gradient descent, with momentum as PyTorch has it.

    v = momentum v + (1 - dampening) g, p -= lr v; nesterov: p -= lr (g + momentum v). The first v is g.
    weight_decay is added to g times p; maximize climbs. Nesterov momentum needs momentum and no dampening.
    """

    STATES: ClassVar[tuple[str, ...]] = ("momentum_buffer",)

    def __init__(
        self, params: Iterable[Any], lr: float = 1e-3, momentum: float = 0.0, dampening: float = 0.0,
        weight_decay: float = 0.0, nesterov: bool = False, *, maximize: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(
            params, lr=lr, momentum=momentum, dampening=dampening, weight_decay=weight_decay,
            nesterov=nesterov, maximize=maximize,
        )  # fmt: skip

    def _check(self, group: dict[str, Any]) -> None:
        super()._check(group)
        if group["nesterov"] and (group["momentum"] <= 0 or group["dampening"] != 0):
            raise ValueError(
                f"nesterov: expected momentum > 0 and dampening 0, got {group['momentum']} and "
                f"{group['dampening']}"
            )

    def _states(self, group: dict[str, Any]) -> tuple[str, ...]:
        return self.STATES if group["momentum"] else ()

    def _update(self, group: dict[str, Any], run: Run) -> None:
        momentum, nesterov = group["momentum"], group["nesterov"]
        native.sgd_step(
            run.data, run.gradient, run.states["momentum_buffer"] if momentum else None, group["lr"],
            momentum, 1 - group["dampening"] if run.steps else 1.0, 1.0 if nesterov else 0.0, momentum if
            nesterov else 1.0, *slope(group), get_num_threads(),
        )  # fmt: skip


class GradientDescent(SGD):
    """Gradient descent: p -= lr g, g of the whole objective or of a batch."""

    def __init__(
        self, params: Iterable[Any], lr: float = 1e-3, weight_decay: float = 0.0, *, maximize: bool = False
    ) -> None:
        super().__init__(params, lr, weight_decay=weight_decay, maximize=maximize)


class _TwoPoints(Optimizer):
    """Of methods that look back at the last point."""

    def __init__(
        self, params: Iterable[Any], lr: float = 1e-3, momentum: float | None = 0.9,
        weight_decay: float = 0.0, *, maximize: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(params, lr=lr, momentum=momentum, weight_decay=weight_decay, maximize=maximize)

    def _prepare(self, group: dict[str, Any], flat: Flat) -> None:
        flat.state("last", flat.data)

    def _update(self, group: dict[str, Any], run: Run) -> None:
        last = run.states["last"]
        if not run.steps:
            last[...] = run.data  # of a parameter that takes its first step now
        momentum = group["momentum"] if group["momentum"] is not None else run.steps / (run.steps + 3)
        step = self._STEP  # type: ignore[attr-defined]
        step(run.data, run.gradient, last, group["lr"], momentum, *slope(group), get_num_threads())


class HeavyBall(_TwoPoints):
    """Polyak's heavy ball (1964): p' = p - lr g + momentum (p - last p).

    On quadratics with curvatures in [mu, L], lr = 4 / (sqrt L + sqrt mu)^2 and momentum = ((sqrt L - sqrt
    mu) / (sqrt L + sqrt mu))^2 are best.
    """

    _STEP = staticmethod(native.heavy_ball_step)


class Nesterov(_TwoPoints):
    """Nesterov's accelerated gradient (1983): the gradient is taken at the extrapolated point, which p is.

    x' = p - lr g, p' = x' + momentum (x' - x). momentum: a number ((sqrt L - sqrt mu) / (sqrt L + sqrt mu)
    where the objective is mu-strongly convex), or None for k / (k + 3), for convex ones.
    """

    _STEP = staticmethod(native.nesterov_step)

    def _check(self, group: dict[str, Any]) -> None:
        super()._check({k: v for k, v in group.items() if k != "momentum" or v is not None})


class Extragradient(Optimizer):
    """Extragradient (Korpelevich 1976): looks one step ahead, and steps along the gradient found there.

    A step has two halves: after a backward pass `extrapolate()` moves to p - lr g; after zeroing, another
    backward pass there, `step()` moves from the point before. `step(closure)` does both. `maximize` in a
    group: of the player who climbs, in saddle-point problems.
    """

    def __init__(
        self, params: Iterable[Any], lr: float = 1e-3, weight_decay: float = 0.0, *, maximize: bool = False
    ) -> None:
        super().__init__(params, lr=lr, weight_decay=weight_decay, maximize=maximize)
        self._ahead = False

    def extrapolate(self) -> None:
        """Move to the point at which the next gradient is wanted; RuntimeError when called twice."""
        if self._ahead:
            raise RuntimeError("extrapolate: expected step() after extrapolate(), got extrapolate() again")
        for flats in self._flats:
            for flat in flats:
                flat.state("origin")[...] = flat.data
        super().step()
        for flats in self._flats:
            for flat in flats:
                flat.counts = [count - 1 if count else 0 for count in flat.counts]
        self._ahead = True

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Step from the point before `extrapolate()`; a closure does both halves."""
        if closure is not None and not self._ahead:
            closure()
            self.extrapolate()
        if not self._ahead:
            raise RuntimeError("step: expected extrapolate() before, or a closure")
        loss = super().step(closure)
        self._ahead = False
        return loss

    def _update(self, group: dict[str, Any], run: Run) -> None:
        native.extragradient_step(
            run.data, run.gradient, run.states["origin"], group["lr"], *slope(group), get_num_threads()
        )


def slope(group: dict[str, Any]) -> tuple[float, float]:
    """Return the sign of the gradient and the decay that is added to it."""
    return (-1.0 if group["maximize"] else 1.0), group["weight_decay"]
