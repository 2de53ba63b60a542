"""Schedules of learning rates: functions of the number of steps, with PyTorch's names and numbers.

`schedule.step()` goes once an epoch, or once a batch, after `optimizer.step()`. A rate is computed from the
rate at the start and the count alone, so a schedule resumes from its count.
"""

import math
from collections.abc import Sequence
from typing import Any

from eckart.base.validation import check_float, check_int, check_option
from eckart.nn.optim.optimizer import Optimizer


class Schedule:
    """Base: sets each group's `lr` to its first value times `factor(step)`.

    optimizer : whose groups' `lr` are set, at once and at every step; last_epoch : steps so far; base_lrs :
        the rates that the groups had
    """

    def __init__(self, optimizer: Optimizer) -> None:
        if not isinstance(optimizer, Optimizer):
            raise TypeError(f"optimizer: expected an Optimizer, got {type(optimizer).__name__}")
        self.optimizer = optimizer
        self.base_lrs = [group.setdefault("initial_lr", group["lr"]) for group in optimizer.param_groups]
        self.last_epoch = 0
        self._apply()

    def factor(self, step: int) -> float:
        """Return what the first rate is multiplied with after so many steps."""
        raise NotImplementedError

    def rate(self, base: float, step: int) -> float:
        """Return the rate of a group that began with `base`."""
        return base * self.factor(step)

    def _apply(self) -> None:
        for group, base in zip(self.optimizer.param_groups, self.base_lrs, strict=True):
            group["lr"] = self.rate(base, self.last_epoch)

    def step(self) -> None:
        """Count one step and set the rates."""
        self.last_epoch += 1
        self._apply()

    def get_last_lr(self) -> list[float]:
        """Return the rates of the groups now."""
        return [group["lr"] for group in self.optimizer.param_groups]

    def state_dict(self) -> dict[str, Any]:
        """Return what a resumed run needs."""
        return {k: v for k, v in vars(self).items() if k != "optimizer"}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on where another stopped. ValueError for one of another number of groups."""
        groups, theirs = len(self.base_lrs), len(state_dict["base_lrs"])
        if theirs != groups:
            raise ValueError(f"base_lrs: expected those of {groups} groups, got {theirs}")
        vars(self).update({k: v for k, v in state_dict.items() if k in vars(self) and k != "optimizer"})
        self._apply()


class StepLR(Schedule):
    """Times gamma every step_size steps."""

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1) -> None:
        self.step_size, self.gamma = check_int(step_size, "step_size"), gamma
        super().__init__(optimizer)

    def factor(self, step: int) -> float:
        return self.gamma ** (step // self.step_size)


class MultiStepLR(Schedule):
    """Times gamma at each of the milestones."""

    def __init__(self, optimizer: Optimizer, milestones: Sequence[int], gamma: float = 0.1) -> None:
        self.milestones, self.gamma = sorted(milestones), gamma
        super().__init__(optimizer)

    def factor(self, step: int) -> float:
        return self.gamma ** sum([milestone <= step for milestone in self.milestones])


class ExponentialLR(Schedule):
    """Times gamma every step."""

    def __init__(self, optimizer: Optimizer, gamma: float) -> None:
        self.gamma = gamma
        super().__init__(optimizer)

    def factor(self, step: int) -> float:
        return self.gamma**step


class LinearLR(Schedule):
    """From start_factor to end_factor along a line, in total_iters steps; then constant."""

    def __init__(
        self, optimizer: Optimizer, start_factor: float = 1 / 3, end_factor: float = 1.0, total_iters: int = 5
    ) -> None:
        self.start_factor, self.end_factor = start_factor, end_factor
        self.total_iters = check_int(total_iters, "total_iters")
        super().__init__(optimizer)

    def factor(self, step: int) -> float:
        share = min(step, self.total_iters) / self.total_iters
        return self.start_factor + (self.end_factor - self.start_factor) * share


class CosineAnnealingLR(Schedule):
    """Down to eta_min along half a cosine (Loshchilov and Hutter 2017), in T_max steps, warm-up included.

    warmup : steps at the start in which the rate rises along a line, (k + 1) / (warmup + 1) of its first
    value; after T_max it stays at eta_min, or, without a warm-up, rises again as PyTorch's does.
    """

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0, *, warmup: int = 0) -> None:
        self.T_max, self.eta_min = check_int(T_max, "T_max"), eta_min
        self.warmup = check_int(warmup, "warmup", low=0, high=T_max - 1)
        super().__init__(optimizer)

    def rate(self, base: float, step: int) -> float:
        if step < self.warmup:
            return base * (step + 1) / (self.warmup + 1)
        share = (step - self.warmup) / (self.T_max - self.warmup)
        if self.warmup:
            share = min(share, 1.0)
        return self.eta_min + (base - self.eta_min) * (1 + math.cos(math.pi * share)) / 2


class OneCycleLR(Schedule):
    """One rise and one fall (Smith and Topin 2019), along cosines or lines; momentum the other way round.

    max_lr : the peak, after pct_start of total_steps; it begins at max_lr / div_factor and ends at that
        divided by final_div_factor. cycle_momentum: `momentum` or the first of `betas` between max_momentum
        (at the ends) and base_momentum (at the peak). Raises ValueError beyond total_steps.
    """

    def __init__(
        self, optimizer: Optimizer, max_lr: float, total_steps: int, pct_start: float = 0.3,
        anneal_strategy: str = "cos", cycle_momentum: bool = True, base_momentum: float = 0.85,
        max_momentum: float = 0.95, div_factor: float = 25.0, final_div_factor: float = 1e4,
    ) -> None:  # fmt: skip
        self.max_lr, self.total_steps = check_float(max_lr, "max_lr"), check_int(total_steps, "total_steps")
        self.pct_start = check_float(pct_start, "pct_start", high=1.0)
        self.anneal_strategy = check_option(anneal_strategy, "anneal_strategy", ("cos", "linear"))
        self.cycle_momentum = cycle_momentum
        self.base_momentum, self.max_momentum = base_momentum, max_momentum
        self.div_factor, self.final_div_factor = div_factor, final_div_factor
        super().__init__(optimizer)

    def _between(self, start: float, peak: float, end: float, step: int) -> float:
        top, last = self.pct_start * self.total_steps - 1, self.total_steps - 1
        step = min(step, last)  # the call after the last step changes nothing
        if step <= top:
            return self._anneal(start, peak, step / top if top > 0 else 1.0)
        return self._anneal(peak, end, (step - top) / (last - top))

    def _anneal(self, start: float, end: float, share: float) -> float:
        if self.anneal_strategy == "cos":
            return end + (start - end) / 2 * (1 + math.cos(math.pi * share))
        return start + (end - start) * share

    def rate(self, base: float, step: int) -> float:
        start = self.max_lr / self.div_factor
        return self._between(start, self.max_lr, start / self.final_div_factor, step)

    def _apply(self) -> None:
        if self.last_epoch > self.total_steps:
            raise ValueError(f"total_steps: expected at most {self.total_steps} steps, got {self.last_epoch}")
        super()._apply()
        if self.cycle_momentum:
            momentum = self._between(
                self.max_momentum, self.base_momentum, self.max_momentum, self.last_epoch
            )
            for group in self.optimizer.param_groups:
                if "betas" in group:
                    group["betas"] = (momentum, group["betas"][1])
                else:
                    group["momentum"] = momentum


class ReduceLROnPlateau(Schedule):
    """Times `factor` when a measure has not got better for more than `patience` steps.

    mode : "min" or "max"; threshold : better is at least by this share; cooldown : steps to wait after a cut;
    min_lr : no rate below
    """

    def __init__(
        self, optimizer: Optimizer, mode: str = "min", factor: float = 0.1, patience: int = 10,
        threshold: float = 1e-4, cooldown: int = 0, min_lr: float = 0.0,
    ) -> None:  # fmt: skip
        self.mode = check_option(mode, "mode", ("min", "max"))
        self.cut = check_float(factor, "factor", high=1.0)
        self.patience, self.cooldown = check_int(patience, "patience", low=0), cooldown
        self.threshold, self.min_lr = threshold, min_lr
        self.best = math.inf if mode == "min" else -math.inf
        self.num_bad_epochs = self.cooldown_counter = self.cuts = 0
        super().__init__(optimizer)

    def rate(self, base: float, step: int) -> float:
        return max(base * self.cut**self.cuts, min(self.min_lr, base))

    def step(self, metric: float) -> None:  # type: ignore[override]
        """Count one step with this measure (of validation, say)."""
        sign = 1 if self.mode == "min" else -1
        if (
            sign * metric
            < sign * self.best - abs(self.best if math.isfinite(self.best) else 0) * self.threshold
        ):
            self.best, self.num_bad_epochs = float(metric), 0
        else:
            self.num_bad_epochs += 1
        if self.cooldown_counter > 0:
            self.cooldown_counter -= 1
            self.num_bad_epochs = 0
        if self.num_bad_epochs > self.patience:
            self.cuts += 1
            self.cooldown_counter, self.num_bad_epochs = self.cooldown, 0
        super().step()
