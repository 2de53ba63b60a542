"""The loop around a model, an optimiser and a loss: epochs, measures, early stopping, checkpoints."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np

from eckart.base.errors import DivergenceError, EckartError
from eckart.base.files import PathLike, check_target
from eckart.base.progress import Progress
from eckart.base.validation import check_float, check_int, check_option
from eckart.nn.checkpoint import read_checkpoint, write_checkpoint
from eckart.nn.interrupts import DeferredInterrupt
from eckart.nn.loader import Loader
from eckart.nn.measures import MEASURES, Measure, named_measures
from eckart.nn.module import Module
from eckart.nn.optim import Optimizer, ReduceLROnPlateau, Schedule, clip_grad_norm
from eckart.nn.plan import Plan
from eckart.nn.tensor import Array, Tensor, no_grad

Self = TypeVar("Self", bound="Trainer")
Record = dict[str, Any]
_NONE_YET: Record = {"value": None, "epoch": 0, "state": None}  # of a fit's best epoch


class Trainer:
    """Trains a model: ``Trainer(net, Adam(net.parameters()), cross_entropy).fit(loader, epochs=5)``.

    model : called with a batch of X
    optimizer : made of the model's parameters
    loss : (what the model returned, batch of y) -> Tensor of one number, a mean over the batch
    metrics : names ("top1", "top5"), or {name: function of (outputs, y) arrays -> mean}
    schedule : of the learning rate; stepped after each batch, or each epoch (`schedule_every`)
    clip_norm : gradients are scaled to at most this norm
    plan : run steps as a :class:`Plan`, for models that do the same on every batch; EckartError for one that
        does not. The numbers are the same either way
    verbose : show a progress bar on stderr

    Raises TypeError for other objects than these, ValueError for an optimiser of none of the model's
    parameters or a schedule of another optimiser.

    Learned: history_, a dictionary for each epoch (epoch, loss, metrics, the same as validation_...,
    seconds, learning_rate), epoch_ and position_, the epochs and the batches of the next that are done.
    """

    def __init__(
        self, model: Module, optimizer: Any, loss: Callable[[Any, Any], Tensor], *,
        metrics: str | Sequence[str] | Mapping[str, Measure] = (), schedule: Schedule | None = None,
        schedule_every: str = "epoch", clip_norm: float | None = None, plan: bool = False,
        verbose: bool = False,
    ) -> None:  # fmt: skip
        check_option(schedule_every, "schedule_every", ("epoch", "batch"))
        if clip_norm is not None:
            check_float(clip_norm, "clip_norm", open_low=True)
        _check_parts(model, optimizer, loss, schedule)
        if schedule_every == "batch" and isinstance(schedule, ReduceLROnPlateau):
            raise ValueError("schedule_every: expected 'epoch' for ReduceLROnPlateau, got 'batch'")
        self.model, self.optimizer, self.loss = model, optimizer, loss
        self.measures = named_measures(metrics)
        self.schedule, self.schedule_every, self.clip_norm = schedule, schedule_every, clip_norm
        self.plan, self.verbose = plan, verbose
        self._dtype = _dtype_of(model)
        self._plan = Plan(self._forward)
        self.history_: list[Record] = []
        self.epoch_ = self.position_ = 0
        self._sums: dict[str, float] = {}
        self._best: Record = dict(_NONE_YET)
        self._seed: int | None = None  # of the Loader, which orders batches and augmentation
        self._resumed = False

    def fit(
        self: Self, data: Any, epochs: int, *, validation: Any = None,
        callbacks: Callable[[Record], Any] | Sequence[Callable[[Record], Any]] = (),
        patience: int | None = None, monitor: str | None = None, mode: str | None = None,
        checkpoint: PathLike | None = None,
    ) -> Self:  # fmt: skip
        """Train until `epochs` more epochs are done; one that was interrupted goes on where it stood.

        data, validation : a Loader, or (X, y): batches of 64, in training shuffled
        callbacks : each is called with the record of an epoch; True stops
        patience : stop after so many epochs without a better `monitor`, and go back to the best weights
        monitor : what patience and ReduceLROnPlateau watch; "validation_loss", without validation "loss"
        mode : "min" or "max", whichever is better; None: "max" for top1 and top5, "min" for all else
        checkpoint : a file that is written after each epoch

        Ctrl-C: the step under way is finished, the model and the position are those after it, and
        KeyboardInterrupt is raised. DivergenceError where the loss is not finite; that step is not taken.
        """
        loader, until = _loader(data, shuffle=True), self.epoch_ + check_int(epochs, "epochs", low=0)
        self._continue(loader)
        if patience is not None:
            check_int(patience, "patience")
        if checkpoint is not None:
            check_target(checkpoint)
        callbacks = (callbacks,) if callable(callbacks) else callbacks
        monitor, mode = self._watched(monitor, mode, validation is not None)
        total = (until - self.epoch_) * len(loader) - self.position_
        bar = Progress(type(self.model).__name__, total, self.verbose)
        try:
            with bar, DeferredInterrupt() as interrupt:
                while self.epoch_ < until:
                    record = self._epoch(loader, validation, bar, interrupt)
                    self._schedule_by(record, monitor)
                    stop = patience is not None and self._stale(record, monitor, mode) >= patience
                    if checkpoint is not None:
                        self.save_checkpoint(checkpoint)
                    if any([callback(dict(record)) is True for callback in callbacks]) or stop:
                        break
                    interrupt.check()
        finally:
            self.model.eval()
        if patience is not None and self._best["state"] is not None:
            self.model.load_state_dict(self._best["state"])
        self._best = dict(_NONE_YET)  # a further fit has a patience of its own
        return self

    def _epoch(self, loader: Loader, validation: Any, bar: Progress, interrupt: DeferredInterrupt) -> Record:
        """Do what is left of an epoch, and return its record."""
        begin = time.perf_counter()
        self.model.train()
        buffers = [array for _, array in self.model.named_buffers()]
        for x, y in loader.batches(self.epoch_, self.position_):
            self._step(x, y, buffers)
            self.position_ += 1
            bar.advance(f"epoch {self.epoch_ + 1}, loss {self._sums['loss'] / self._sums['examples']:.4g}")
            interrupt.check()
        record: Record = {"epoch": self.epoch_ + 1} | _means(self._sums)
        if validation is not None:
            record |= {f"validation_{name}": value for name, value in self.evaluate(validation).items()}
        record["seconds"] = time.perf_counter() - begin
        record["learning_rate"] = self.optimizer.param_groups[0]["lr"]
        self.epoch_, self.position_, self._sums = self.epoch_ + 1, 0, {}
        self.history_.append(record)
        return record

    def _step(self, x: Array, y: Array, buffers: Sequence[Array]) -> None:
        """Take one step, and add up the batch's loss and measures."""
        x, y = _typed(x, self._dtype), _typed(y, self._dtype)
        before = [array.copy() for array in buffers]
        value, output = self._planned(x, y) if self.plan else self._forward_and_back(x, y)
        if not math.isfinite(value):
            for array, kept in zip(buffers, before, strict=True):  # forward has moved averages towards it
                array[...] = kept
            place = f"epoch {self.epoch_ + 1}, batch {self.position_ + 1}"
            cause = "; X of this batch is not finite" if not np.isfinite(x).all() else ""
            raise DivergenceError(f"the loss is {value} in {place}{cause}")
        if self.clip_norm is not None:
            clip_grad_norm(self.model.parameters(), self.clip_norm)
        self.optimizer.step()
        if self.schedule is not None and self.schedule_every == "batch":
            self.schedule.step()
        self._add(self._sums, value, output, y)

    def _forward_and_back(self, x: Array, y: Array) -> tuple[float, Array]:
        self.optimizer.zero_grad()
        loss, output = self._forward(x, y)
        loss.backward()
        return loss.item(), output.data

    def _forward(self, x: Array, y: Array) -> tuple[Tensor, Tensor]:
        """Return the loss of a batch and what the model made of it."""
        output = self.model(Tensor(x))
        if not isinstance(output, Tensor):
            raise TypeError(f"model: expected one Tensor of a batch, got {type(output).__name__}")
        loss = self.loss(output, y)
        if not isinstance(loss, Tensor) or loss.size != 1:
            came = f"shape {loss.shape}" if isinstance(loss, Tensor) else type(loss).__name__
            raise TypeError(f"loss: expected a Tensor of one number for a batch, got {came}")
        return loss, output

    def _planned(self, x: Array, y: Array) -> tuple[float, Array]:
        """As :meth:`_forward_and_back`, by a plan."""
        return self._plan(x, y), self._plan.outputs[0]

    def _add(self, sums: dict[str, float], loss: float, output: Array, y: Array) -> None:
        n = len(y)
        measured = {name: float(measure(output, y)) for name, measure in self.measures.items()}
        for name, value in {"examples": 1.0, "loss": loss, **measured}.items():
            sums[name] = sums.get(name, 0.0) + n * value

    def _schedule_by(self, record: Record, monitor: str) -> None:
        """Step the schedule at the end of an epoch; one that waits for a plateau sees the monitor."""
        if self.schedule is None or self.schedule_every == "batch":
            return
        seen = (record[monitor],) if isinstance(self.schedule, ReduceLROnPlateau) else ()
        self.schedule.step(*seen)

    def _watched(self, monitor: str | None, mode: str | None, validated: bool) -> tuple[str, str]:
        """Return the name of what is watched, and whether "min" or "max" of it is best."""
        measured = ["loss", *self.measures]
        measured += [f"validation_{name}" for name in measured] if validated else []
        monitor = monitor or ("validation_loss" if validated else "loss")
        if monitor not in measured:
            raise ValueError(f"monitor: expected one of {', '.join(measured)}, got {monitor!r}")
        if mode is None:
            mode = "max" if monitor.removeprefix("validation_") in MEASURES else "min"
        check_option(mode, "mode", ("min", "max"))
        if isinstance(self.schedule, ReduceLROnPlateau) and self.schedule.mode != mode:
            raise ValueError(
                f"schedule: expected ReduceLROnPlateau(mode={mode!r}) to watch {monitor}, got one of mode "
                f"{self.schedule.mode!r}"
            )
        return monitor, mode

    def _stale(self, record: Record, monitor: str, mode: str) -> int:
        """Note the best epoch, and return how many epochs ago it was."""
        sign, best = (-1 if mode == "max" else 1), self._best["value"]
        if best is None or sign * record[monitor] < sign * best:
            state = self.model.state_dict()
            self._best = {"value": record[monitor], "epoch": record["epoch"], "state": state}
        return int(record["epoch"] - self._best["epoch"])

    def _continue(self, loader: Loader) -> None:
        """Check that the loader goes on where the epoch stands, after a checkpoint in its order."""
        if self.position_ and self.position_ >= len(loader):
            raise ValueError(
                f"data: expected more than {self.position_} batches, which are done of epoch "
                f"{self.epoch_ + 1}, got {len(loader)}"
            )
        if self._resumed and self._seed is not None:
            loader.seed = self._seed
        self._seed, self._resumed = loader.seed, False

    # --- use ----------------------------------------------------------------------------------------------

    def predict(self, X: Any, batch_size: int = 256) -> Array:
        """Return what the model makes of X, in batches, as in use (no dropout, running averages)."""
        return predict(self.model, X, batch_size)

    def evaluate(self, data: Any) -> dict[str, float]:
        """Return the mean loss and metrics over a Loader or (X, y), as in use."""
        sums: dict[str, float] = {}
        training = self.model.training
        self.model.eval()
        try:
            with no_grad():
                for x, y in _loader(data).batches(0):
                    x, y = _typed(x, self._dtype), _typed(y, self._dtype)
                    loss, output = self._forward(x, y)
                    self._add(sums, loss.item(), output.data, y)
        finally:
            self.model.train(training)
        return _means(sums)

    def plot_history(self, path: Any = None) -> Any:
        """Return a figure of `history_`, written to `path` if given; see :func:`curves.plot_history`."""
        from eckart.nn.curves import plot_history

        return plot_history(self.history_, path)

    # --- files --------------------------------------------------------------------------------------------

    def save_checkpoint(self, path: PathLike) -> None:
        """Write all that a training needs to go on as if it had never stopped, whole or not at all.

        That is: parameters and buffers (the streams of dropout among them), optimiser, schedule, position,
        history, best weights, and the Loader's seed, on which batches and augmentation depend.
        """
        kinds = {"optimizer": type(self.optimizer).__name__, "schedule": type(self.schedule).__name__}
        write_checkpoint(path, {"kinds": kinds, **self._state()})

    def load_checkpoint(self: Self, path: PathLike) -> Self:
        """Go on from a checkpoint of the same model, optimiser and schedule.

        What is left of 10 epochs is then ``fit(data, 10 - trainer.epoch_)``.
        The Loader that `fit` then gets takes over the seed of the one before, so that its order goes on.
        Raises EckartError for a missing, damaged or foreign file, or one of another model, optimiser or
        schedule; nothing is then changed.
        """
        state = read_checkpoint(path)
        before = self._state()
        try:
            for name, kind in state["kinds"].items():
                own = type(getattr(self, name)).__name__
                if kind != own:
                    raise ValueError(f"{name}: expected {own}, as the Trainer has, got {kind}")
            self._take(state)
        except (KeyError, TypeError, ValueError) as error:
            self._take(before)
            said = f"it has no {error}" if isinstance(error, KeyError) else error
            raise EckartError(f"cannot load {path}: {said}") from error
        self._resumed = True
        return self

    def _state(self) -> dict[str, Any]:
        return {
            "model": self.model.state_dict(),
            "buffers": {name: array.copy() for name, array in self.model.named_buffers()},
            "optimizer": self.optimizer.state_dict(),
            "schedule": None if self.schedule is None else self.schedule.state_dict(),
            "epoch": self.epoch_, "position": self.position_, "sums": self._sums,
            "history": self.history_, "best": self._best, "seed": self._seed,
        }  # fmt: skip

    def _take(self, state: Mapping[str, Any]) -> None:
        """Take over a state; where that fails, the optimiser, which comes last, is as it was."""
        buffers = dict(self.model.named_buffers())
        if buffers.keys() != state["buffers"].keys():
            raise ValueError(f"buffers: expected {list(buffers)}, got {list(state['buffers'])}")
        self.model.load_state_dict(state["model"])
        for name, array in buffers.items():
            array[...] = state["buffers"][name]
        if self.schedule is not None:
            self.schedule.load_state_dict(state["schedule"])
        self.epoch_, self.position_, self._sums = state["epoch"], state["position"], state["sums"]
        self.history_, self._best, self._seed = state["history"], state["best"], state["seed"]
        self.optimizer.load_state_dict(state["optimizer"])


def predict(model: Module, X: Any, batch_size: int = 256) -> Array:
    """Return what a model makes of X, in batches, as in use; the mode it was in is kept."""
    training, dtype = model.training, _dtype_of(model)
    model.eval()
    try:
        with no_grad():
            batches = Loader(X, batch_size=batch_size, random_state=0).batches(0)
            return np.concatenate([model(Tensor(_typed(x, dtype))).data for x in batches])
    finally:
        model.train(training)


def _means(sums: dict[str, float]) -> dict[str, float]:
    return {name: total / sums["examples"] for name, total in sums.items() if name != "examples"}


def _dtype_of(model: Module) -> Any:
    return next((p.dtype for p in model.parameters()), None)


def _typed(a: Array, dtype: Any) -> Array:
    """Return part of a batch: floats in the parameters' type, classes and tokens as kernels take them."""
    kind = {"f": dtype, "i": np.int64, "u": np.int64}.get(a.dtype.kind)
    return a if kind is None else a.astype(kind, copy=False)


def _loader(data: Any, shuffle: bool = False) -> Loader:
    if isinstance(data, Loader):
        if data.y is None:
            raise ValueError("data: expected a Loader with y, got one of X alone")
        return data
    if isinstance(data, tuple) and len(data) == 2:
        return Loader(*data, batch_size=64, shuffle=shuffle, random_state=0)
    raise TypeError(f"data: expected a Loader or (X, y), got {type(data).__name__}")


def _check_parts(model: Any, optimizer: Any, loss: Any, schedule: Any) -> None:
    """TypeError for objects of other kinds, ValueError for parts that do not belong together."""
    kinds = [("model", model, Module), ("optimizer", optimizer, Optimizer)]
    if schedule is not None:
        kinds.append(("schedule", schedule, Schedule))
    for name, part, kind in kinds:
        if not isinstance(part, kind):
            came = part.__name__ if isinstance(part, type) else type(part).__name__
            raise TypeError(f"{name}: expected an instance of {kind.__name__}, got {came}")
    if not callable(loss):
        raise TypeError(f"loss: expected a function of (outputs, y), got {loss!r}")
    own = {id(p) for p in model.parameters()}
    if not any(id(p) in own for group in optimizer.param_groups for p in group["params"]):
        raise ValueError("optimizer: expected one made of the model's parameters, got one of others")
    if schedule is not None and schedule.optimizer is not optimizer:
        raise ValueError("schedule: expected one of this optimizer, got one of another")
