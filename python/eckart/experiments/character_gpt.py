"""A small GPT learns to write, character by character.

The configuration of nanoGPT for a CPU: 4 layers of 4 heads, 128 wide, a context of 64 characters, 2,000 steps
of 12 windows, AdamW with a warm-up of 100 steps and then down a cosine, gradients clipped to norm 1. The loss
is measured on all windows of the last tenth of the text, one after another. Beside it stand two models that
are only counted: characters for themselves, and each from the one before it.
"""

import gzip
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from textwrap import wrap
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eckart.base.errors import EckartError, one_line
from eckart.evaluation.figure import COLORS, new_figure
from eckart.experiments.outcome import Check, Outcome, Table
from eckart.nn import optim
from eckart.nn.loader import Loader
from eckart.nn.models import GPT, next_token_loss
from eckart.nn.tokenizers import CharTokenizer
from eckart.nn.trainer import Trainer

TITLE = "A character GPT of nanoGPT's size for a CPU: what it learns in 2,000 steps"
DATA = "a text file (UTF-8, may be gzipped), such as tiny Shakespeare"
SHAKESPEARE = (1_115_394, 65)  # characters, distinct ones: tells the text for which the bar is known
BAR = 1.89  # on tiny Shakespeare: PyTorch's 1.88 in the same protocol, and .01
SAMPLE = 480  # characters
LINES = {"loss": "training, since the last point", "validation_loss": "held out"}  # of the figure


@dataclass(frozen=True)
class Protocol:
    """Sizes of the network and the training; every `every` steps the loss is measured."""

    layers: int = 4
    heads: int = 4
    width: int = 128
    context: int = 64
    batch: int = 12
    steps: int = 2000
    warmup: int = 100
    rate: float = 1e-3
    last_rate: float = 1e-4
    decay: float = 0.1
    every: int = 250
    seeds: int = 3


QUICK = Protocol(1, 2, 64, 32, 32, steps=300, warmup=20, rate=1e-2, every=100, seeds=1)


class Windows(Loader):
    """Batches of windows at random places of a text (tokens), each with the window one further on.

    An "epoch" is `n_batches` of them, drawn by (seed, epoch, batch) as a Loader's augmentation is.
    """

    def __init__(self, text: NDArray[Any], context: int, batch: int, n_batches: int, seed: int) -> None:
        views = np.lib.stride_tricks.sliding_window_view(text, context)
        super().__init__(views[:-1], views[1:], batch, random_state=seed)
        self.n_batches = n_batches

    def __len__(self) -> int:
        return self.n_batches

    def batches(self, epoch: int, start: int = 0) -> Iterator[Any]:
        """Yield the batches of an epoch, from number `start` on."""
        for i in range(start, len(self)):
            places = self._stream(epoch, i).integers(len(self.X), size=self.batch_size)
            yield self.X[places], self.y[places]


def run(*, quick: bool = False, seed: int = 0, data: Path | None = None) -> Outcome:
    """Train three networks and measure; quick: a smaller one, 300 steps."""
    protocol = QUICK if quick else Protocol()
    text, notes = _given_text(data)
    tokenizer = CharTokenizer(text)
    tokens = tokenizer.encode(text)
    cut = int(0.9 * len(tokens))
    training, held = tokens[:cut], tokens[cut:]
    if len(held) <= protocol.context:
        raise EckartError(f"expected a text of more than {10 * protocol.context + 10} characters")
    trainers = [train(training, held, len(tokenizer), protocol, seed + i) for i in range(protocol.seeds)]
    losses = np.array([[r["validation_loss"] for r in t.history_] for t in trainers])
    ends = losses[:, -1]
    counted = {
        "characters counted": _counted(training, held, len(tokenizer), order=0),
        "pairs counted": _counted(training, held, len(tokenizer), order=1),
    }
    checks = [
        Check.at_most("validation loss, nats, mean", float(ends.mean()), counted["pairs counted"]),
        Check.at_most("spread of the seeds", float(np.ptp(ends)), 0.05),
    ]
    if not quick and (len(text), len(tokenizer)) == SHAKESPEARE:
        checks.append(Check.at_most("tiny Shakespeare: validation loss, mean", float(ends.mean()), BAR))
    rows = [
        (f"GPT, seed {seed + i}", f"{t.history_[-1]['loss']:.3f}", f"{end:.4f}", f"{_seconds(t):.1f}")
        for i, (t, end) in enumerate(zip(trainers, ends, strict=True))
    ]
    rows += [(name, "-", f"{loss:.4f}", "-") for name, loss in counted.items()]
    columns = ("", "loss of the last steps", "validation loss, nats", "seconds")
    title = f"{len(text):,} characters, {len(tokenizer)} distinct; {protocol.steps:,} steps"
    sample = _sample(trainers[0].model, tokenizer, seed)
    data_of = {"history": [t.history_ for t in trainers], "counted": counted, "sample": sample}
    return Outcome(checks, [Table(title, columns, rows)], data_of | {"every": protocol.every},
                   [*notes, f"Written by seed {seed}:\n{sample}"])  # fmt: skip


def train(
    training: NDArray[Any], held: NDArray[Any], vocabulary: int, p: Protocol, seed: int, net: Any = None
) -> Trainer:
    """Return the trainer of a network after all steps; its history has a record for every `every` steps."""
    net = net or GPT(
        vocabulary, p.context, p.layers, p.heads, p.width, bias=False, random_state=seed
    )  # fmt: skip
    matrices = [t for t in net.parameters() if t.ndim >= 2]
    others = [t for t in net.parameters() if t.ndim < 2]
    groups = [{"params": matrices, "weight_decay": p.decay}, {"params": others, "weight_decay": 0.0}]
    optimizer = optim.AdamW(groups, lr=p.rate, betas=(0.9, 0.99))
    schedule = optim.CosineAnnealingLR(optimizer, p.steps, p.last_rate, warmup=p.warmup)
    trainer = Trainer(
        net, optimizer, next_token_loss, schedule=schedule, schedule_every="batch", clip_norm=1.0
    )
    windows = Windows(training, p.context, p.batch, p.every, seed)
    return trainer.fit(windows, p.steps // p.every, validation=_all_windows(held, p.context))


def _all_windows(held: NDArray[Any], context: int) -> Loader:
    """Return all windows of a text, one after another, each with the window one further on."""
    n = (len(held) - 1) // context
    return Loader(*(held[i : i + n * context].reshape(n, context) for i in (0, 1)), batch_size=64)


def _counted(training: NDArray[Any], held: NDArray[Any], n: int, order: int) -> float:
    """Return the loss of characters (order 0) or pairs (1), counted from 1, on all but the first."""
    if order == 0:
        counts = 1 + np.bincount(training, minlength=n)
        return float(-np.log(counts / counts.sum())[held[1:]].mean())
    pairs = 1 + np.bincount(training[:-1] * n + training[1:], minlength=n * n).reshape(n, n)
    return float(-np.log(pairs / pairs.sum(axis=1, keepdims=True))[held[:-1], held[1:]].mean())


def _seconds(trainer: Trainer) -> float:
    return float(sum(record["seconds"] for record in trainer.history_))


def _sample(net: Any, tokenizer: CharTokenizer, seed: int) -> str:
    start = tokenizer.encode("\n" if "\n" in tokenizer.characters else tokenizer.characters[0])
    return tokenizer.decode(net.generate(start[None], SAMPLE, temperature=0.8, random_state=seed)[0, 1:])


def _given_text(data: Path | None) -> tuple[str, list[str]]:
    """Return the text of the user's file, or without one what Python's own help has to say."""
    if data is None:
        from pydoc_data.topics import topics

        text = "\n".join(topics.values())
        return "".join([c for c in text if c.isascii()]), ["Without a file of text: the help of Python."]
    try:
        raw = Path(data).read_bytes()
        return (gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw).decode("utf-8"), []
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise EckartError(f"{data}: expected {DATA}; {one_line(error)}") from error


def draw(outcome: Outcome) -> Any:
    """The loss by steps beside the counted models, and a sample."""
    found = outcome.data
    figure, (curves, sample) = new_figure(10, 4, columns=2)
    steps = found["every"] * np.arange(1, len(found["history"][0]) + 1)
    for i, history in enumerate(found["history"]):
        for key, color in zip(LINES, COLORS, strict=False):
            label = LINES[key] if i == 0 else None
            curves.plot(steps, [r[key] for r in history], ".-", color=color, alpha=0.7, label=label)
    for (name, loss), style in zip(found["counted"].items(), (":", "--"), strict=True):
        curves.axhline(loss, color="0.4", linestyle=style, linewidth=1, label=name)
    curves.set(xlabel="steps", ylabel="loss, nats a character", title="What it has learned")
    curves.legend(frameon=False, fontsize=8)
    sample.set(title="What it writes", xticks=[], yticks=[])
    sample.grid(False)
    sample.spines[:].set_visible(False)
    lines = [part for line in found["sample"].splitlines() for part in wrap(line, 52) or [""]]
    written = "\n".join(lines[:20]).replace("$", r"\$")  # a dollar would begin a formula
    sample.text(0, 0.98, written, family="monospace", fontsize=8, va="top", transform=sample.transAxes)
    return figure
