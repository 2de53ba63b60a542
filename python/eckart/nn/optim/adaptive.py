"""Optimisers that give each parameter a step of its own size."""

import math
from collections.abc import Iterable
from typing import Any, ClassVar

from eckart._native import nn as native
from eckart.base.threads import get_num_threads
from eckart.nn.optim.descent import slope
from eckart.nn.optim.flat import Flat, Run
from eckart.nn.optim.optimizer import Optimizer


class AdaGrad(Optimizer):
    """AdaGrad (Duchi, Hazan and Singer 2011): steps shrink with the root of all squared gradients so far.

    s += g^2, p -= lr g / (sqrt(s) + eps), lr falling as 1 / (1 + k lr_decay), s starting at
    initial_accumulator_value.
    """

    def __init__(
        self, params: Iterable[Any], lr: float = 1e-2, lr_decay: float = 0.0, weight_decay: float = 0.0,
        initial_accumulator_value: float = 0.0, eps: float = 1e-10, *, maximize: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(
            params, lr=lr, lr_decay=lr_decay, weight_decay=weight_decay,
            initial_accumulator_value=initial_accumulator_value, eps=eps, maximize=maximize,
        )  # fmt: skip

    def _prepare(self, group: dict[str, Any], flat: Flat) -> None:
        flat.state("sum", group["initial_accumulator_value"])

    def _update(self, group: dict[str, Any], run: Run) -> None:
        lr = group["lr"] / (1 + run.steps * group["lr_decay"])
        native.adagrad_step(
            run.data, run.gradient, run.states["sum"], lr, group["eps"], *slope(group), get_num_threads()
        )


class RMSProp(Optimizer):
    """RMSProp (Tieleman and Hinton 2012): steps in units of a running root mean square of the gradient.

    s = alpha s + (1 - alpha) g^2, less the squared running mean where centered; v = momentum v + g /
    (sqrt(s) + eps), p -= lr v.
    """

    def __init__(
        self, params: Iterable[Any], lr: float = 1e-2, alpha: float = 0.99, eps: float = 1e-8,
        weight_decay: float = 0.0, momentum: float = 0.0, centered: bool = False, *, maximize: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(
            params, lr=lr, alpha=alpha, eps=eps, weight_decay=weight_decay, momentum=momentum,
            centered=centered, maximize=maximize,
        )  # fmt: skip

    def _states(self, group: dict[str, Any]) -> tuple[str, ...]:
        used = (True, group["centered"], group["momentum"])
        names = ("square_avg", "grad_avg", "momentum_buffer")
        return tuple([name for name, needed in zip(names, used, strict=True) if needed])

    def _update(self, group: dict[str, Any], run: Run) -> None:
        states = run.states
        native.rmsprop_step(
            run.data, run.gradient, states["square_avg"], states["grad_avg"] if group["centered"] else None,
            states["momentum_buffer"] if group["momentum"] else None, group["lr"], group["alpha"],
            group["eps"], group["momentum"], *slope(group), get_num_threads(),
        )  # fmt: skip


class Adam(Optimizer):
    """Adam (Kingma and Ba 2015): momentum and RMSProp together, corrected for their start from zero.

    m, s: running means of g and g^2 with betas; p -= lr m / (sqrt(s) + eps), m and s divided by 1 - beta^k
    unless bias_correction=False (the lecture's form). amsgrad takes the largest s so far (Reddi, Kale and
    Kumar 2018).
    """

    _DECOUPLED = False

    def __init__(
        self, params: Iterable[Any], lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8, weight_decay: float = 0.0, amsgrad: bool = False, *, bias_correction: bool = True,
        maximize: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(
            params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, amsgrad=amsgrad,
            bias_correction=bias_correction, maximize=maximize,
        )  # fmt: skip

    _NAMES: ClassVar[tuple[str, ...]] = ("exp_avg", "exp_avg_sq", "max_exp_avg_sq")

    def _states(self, group: dict[str, Any]) -> tuple[str, ...]:
        return self._NAMES if group["amsgrad"] else self._NAMES[:2]

    def _update(self, group: dict[str, Any], run: Run) -> None:
        (beta1, beta2), lr, states = group["betas"], group["lr"], run.states
        sign, decay = slope(group)
        shrink = 1.0
        if self._DECOUPLED:
            shrink, decay = 1 - lr * decay, 0.0
        first = second = 1.0
        if group["bias_correction"]:
            first, second = 1 - beta1 ** (run.steps + 1), 1 - beta2 ** (run.steps + 1)
        native.adam_step(
            run.data, run.gradient, states["exp_avg"], states["exp_avg_sq"],
            states["max_exp_avg_sq"] if group["amsgrad"] else None, lr / first, beta1, beta2, group["eps"],
            1 / math.sqrt(second), shrink, sign, decay, get_num_threads(),
        )  # fmt: skip


class AdamW(Adam):
    """Adam whose weight decay shrinks the parameters themselves (Loshchilov and Hutter 2019).

    p -= lr weight_decay p before the step; all else, and every option, is Adam's.
    """

    _DECOUPLED = True

    def __init__(
        self, params: Iterable[Any], lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8, weight_decay: float = 1e-2, amsgrad: bool = False, **options: bool,
    ) -> None:  # fmt: skip
        super().__init__(params, lr, betas, eps, weight_decay, amsgrad, **options)
