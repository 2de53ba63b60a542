"""What the experiments that learn digits share: the digits, training that notes its errors, the figure."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eckart.datasets.digits import Digits, read_mnist, small_digits
from eckart.evaluation.figure import COLORS, new_figure
from eckart.experiments.outcome import Table
from eckart.nn.loader import Loader
from eckart.nn.trainer import Trainer

NOTED = 10_000  # at most so many training images are asked for their error
MISREAD = (6, 8)  # rows and columns of misread digits in the figure


@dataclass
class Training:
    """test, train : error in % after each pass; seconds : of training alone
    misread : the first test images (n, side, side) that came out wrong; answers : (label, answer) of each"""

    seed: int
    test: list[float]
    train: list[float]
    seconds: float
    misread: NDArray[Any]
    answers: list[tuple[int, int]]


def given_digits(data: Path | None, seed: int) -> tuple[Digits, list[str]]:
    """Return the user's MNIST, or without a file scikit-learn's small digits, and what to say of them."""
    if data is not None:
        return read_mnist(data), []
    return small_digits(seed), ["Without a file of MNIST: scikit-learn's 1,797 digits of 8 x 8, enlarged."]


def sampled(digits: Digits, n_train: int, n_test: int, seed: int) -> Digits:
    """Return so many random digits to learn from and to test on, or all where there are fewer."""
    rng = np.random.default_rng(seed)
    train, test = (
        rng.permutation(len(y))[:n]
        for y, n in ((digits.y_train, n_train), (digits.y_test, n_test))
    )  # fmt: skip
    return Digits(digits.x_train[train], digits.y_train[train], digits.x_test[test], digits.y_test[test])


def resized(images: NDArray[Any], side: int) -> NDArray[np.float32]:
    """Return images (n, h, h) as (n, side, side), between the four nearest pixels' centres (bilinear)."""
    old = images.shape[-1]
    if old == side:
        return images.astype(np.float32)
    places = np.clip((np.arange(side) + 0.5) * (old / side) - 0.5, 0, old - 1)
    low = np.minimum(places.astype(int), old - 2)
    share = (places - low).astype(np.float32)
    rows = images[:, low] * (1 - share)[:, None] + images[:, low + 1] * share[:, None]
    return rows[:, :, low] * (1 - share) + rows[:, :, low + 1] * share


def train(trainer: Trainer, loader: Loader, passes: int, digits: Digits, seed: int) -> Training:
    """Fit, and note the errors after each pass on digits whose images are the network's input already."""
    x_train, y_train = digits.x_train[:NOTED], digits.y_train[:NOTED]
    errors: dict[str, list[float]] = {"train": [], "test": []}

    def note(_: Any) -> None:
        errors["train"].append(_error(trainer, x_train, y_train))
        errors["test"].append(_error(trainer, digits.x_test, digits.y_test))

    trainer.fit(loader, passes, callbacks=[note])
    answers = trainer.predict(digits.x_test, 1000).argmax(axis=1)
    wrong = np.flatnonzero(answers != digits.y_test)[: MISREAD[0] * MISREAD[1]]
    return Training(
        seed, errors["test"], errors["train"], sum(record["seconds"] for record in trainer.history_),
        digits.x_test[wrong, 0],
        [(int(digits.y_test[i]), int(answers[i])) for i in wrong],
    )  # fmt: skip


def _error(trainer: Trainer, x: NDArray[Any], labels: NDArray[Any]) -> float:
    return 100 * float(np.mean(trainer.predict(x, 1000).argmax(axis=1) != labels))


def table(title: str, trainings: list[Training]) -> Table:
    """Return a line a training: seed, errors after the last pass, seconds."""
    columns = ("seed", "training error, %", "test error, %", "seconds")
    rows = [(t.seed, f"{t.train[-1]:.2f}", f"{t.test[-1]:.2f}", f"{t.seconds:.1f}") for t in trainings]
    return Table(title, columns, rows)


def draw_digits(trainings: list[Training], bar: float, what: str) -> Any:
    """Draw the errors of all trainings by pass, and the digits that the first misread in the end."""
    figure, (curves, pictures) = new_figure(10, 4, columns=2)
    passes = np.arange(1, len(trainings[0].test) + 1)
    for kind, color in (("train", COLORS[0]), ("test", COLORS[1])):
        errors = np.array([getattr(t, kind) for t in trainings])
        for line in errors:
            curves.plot(passes, line, color=color, linewidth=0.8, alpha=0.5)
        label = f"{'training' if kind == 'train' else 'test'} digits"
        label += f", median of {len(errors)}" if len(errors) > 1 else ""
        curves.plot(passes, np.median(errors, axis=0), ".-", color=color, label=label)
    curves.axhline(bar, color="0.4", linestyle=":", label=f"to stay below: {bar:g} %")
    last = max(max(t.test[-1] for t in trainings), bar)
    top = 1.1 * min(max(max(t.test + t.train) for t in trainings), 4 * last)  # the first passes go beyond
    curves.set(xlabel="passes", ylabel="errors, %", ylim=(0, max(top, 1.1 * last)), title=what)
    curves.xaxis.get_major_locator().set_params(integer=True)
    curves.legend(frameon=False)
    _draw_misread(pictures, trainings[0])
    return figure


def _draw_misread(axes: Any, training: Training) -> None:
    axes.set(title="Misread: what it is → what the network says", xticks=[], yticks=[])
    axes.grid(False)
    axes.spines[:].set_visible(False)
    if not training.answers:
        return
    side, across = training.misread.shape[-1], min(MISREAD[1], len(training.answers))
    down = -(-len(training.answers) // across)
    for i, (image, (label, answer)) in enumerate(zip(training.misread, training.answers, strict=True)):
        left, top = 1.2 * side * (i % across), 1.55 * side * (i // across)
        axes.imshow(
            image, cmap="gray_r", extent=(left, left + side, top + side, top), interpolation="nearest"
        )
        axes.text(
            left + side / 2, top + side * 1.05, f"{label} → {answer}", ha="center", va="top", fontsize=8
        )
    axes.set(xlim=(0, 1.2 * side * across), ylim=(1.55 * side * down, 0), aspect="equal")
