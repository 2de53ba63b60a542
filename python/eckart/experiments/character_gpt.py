"""A small GPT learns to write, character by character.

The configuration of nanoGPT for a CPU: 4 layers of 4 heads, 128 wide, a context of 64 characters, 2,000 steps
of 12 windows, AdamW with a warm-up of 100 steps and then down a cosine, gradients clipped to norm 1. The loss
is measured on all windows of the last tenth of the text, one after another. Beside it stand two models that
are only counted: characters for themselves, and each from the one before it.
"""

from dataclasses import dataclass
from pathlib import Path
from textwrap import wrap
from typing import Any

import numpy as np

from eckart.evaluation.figure import COLORS, new_figure
from eckart.experiments._text import EXPECTED, Corpus, Windows, given_corpus
from eckart.experiments.outcome import Check, Outcome, Table
from eckart.nn import optim
from eckart.nn.models import GPT, next_token_loss
from eckart.nn.tokenizers import CharTokenizer
from eckart.nn.trainer import Trainer

TITLE = "A character GPT of nanoGPT's size for a CPU: what it learns in 2,000 steps"
DATA = EXPECTED
SHAKESPEARE = (1_115_394, 65)  # characters, distinct ones: tells the text for which the bar is known
# PyTorch's mean loss there, from the weights of seeds 0 to 2 on their windows (1.8948, 1.8972, 1.8940, and so
# are eckart's: benchmarks/peers/character_gpt.py); nanoGPT's 1.88 is an estimate from 20 random batches.
PYTORCH = 1.8953
SAMPLE = 480  # characters


@dataclass(frozen=True)
class Protocol:
    """Sizes of the network and its training; after every `every` steps the loss is measured."""

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

    def network(self, vocabulary: int, seed: int) -> GPT:
        sizes = (vocabulary, self.context, self.layers, self.heads, self.width)
        return GPT(*sizes, bias=False, random_state=seed)


QUICK = Protocol(1, 2, 64, 32, 32, steps=300, warmup=20, rate=1e-2, every=150)


@dataclass
class Training:
    """training : mean losses of the steps between two points; held : losses held out, at the start and at
    each point; seconds : of training alone"""

    net: GPT
    training: list[float]
    held: list[float]
    seconds: float


def run(*, quick: bool = False, seed: int = 0, data: Path | None = None) -> Outcome:
    """Train three networks and measure; quick: a smaller one, 300 steps."""
    protocol = QUICK if quick else Protocol()
    corpus, notes = given_corpus(data)
    found = [train(corpus, protocol, s) for s in ([seed] if quick else range(seed, seed + 3))]
    ends = [t.held[-1] for t in found]
    vocabulary, mean = len(corpus.tokenizer), float(np.mean(ends))
    counted = {"characters counted": corpus.counted_loss(0), "pairs counted": corpus.counted_loss(1)}
    checks = [
        Check.close("loss before: ln of the distinct characters", found[0].held[0], np.log(vocabulary), 0.05),
        Check.at_most("loss after, mean: what counted pairs have", mean, counted["pairs counted"]),
    ]
    if not quick and (len(corpus.tokens), vocabulary) == SHAKESPEARE:
        checks.append(Check.at_most("the same: PyTorch's, in the same protocol, + .01", mean, PYTORCH + 0.01))
    rows = [
        (f"GPT, seed {seed + i}", f"{t.training[-1]:.3f}", f"{t.held[-1]:.4f}", f"{t.seconds:.1f}")
        for i, t in enumerate(found)
    ]
    rows += [(name, "-", f"{loss:.4f}", "-") for name, loss in counted.items()]
    title = f"{len(corpus.tokens):,} characters, {vocabulary} distinct; {protocol.steps:,} steps"
    table = Table(title, ("", "loss of the last steps", "loss held out, nats", "seconds"), rows)
    sample = write(found[0].net, corpus.tokenizer, seed)
    shown = {"found": found, "every": protocol.every, "counted": counted, "sample": sample}
    return Outcome(checks, [table], shown, [*notes, f"Written by seed {seed}:\n{sample}"])


def train(corpus: Corpus, protocol: Protocol, seed: int) -> Training:
    """Train one network from the seed's weights on the seed's windows."""
    p, net = protocol, protocol.network(len(corpus.tokenizer), seed)
    tensors = list(net.parameters())
    groups = [  # what is no matrix (gains of norms) is not decayed
        {"params": [t for t in tensors if t.ndim >= 2], "weight_decay": p.decay},
        {"params": [t for t in tensors if t.ndim < 2], "weight_decay": 0.0},
    ]
    optimizer = optim.AdamW(groups, lr=p.rate, betas=(0.9, 0.99))
    schedule = optim.CosineAnnealingLR(optimizer, p.steps, p.last_rate, warmup=p.warmup)
    trainer = Trainer(
        net,
        optimizer,
        next_token_loss,
        schedule=schedule,
        schedule_every="batch",
        clip_norm=1.0,
        plan=True,
    )
    windows = corpus.held_windows(p.context)
    held = [trainer.evaluate(windows)["loss"]]
    trainer.fit(
        Windows(corpus.training, p.context, p.batch, p.every, seed), p.steps // p.every,
        callbacks=[lambda _: held.append(trainer.evaluate(windows)["loss"])],
    )  # fmt: skip
    history = trainer.history_
    return Training(net, [r["loss"] for r in history], held, sum(r["seconds"] for r in history))


def write(net: GPT, tokenizer: CharTokenizer, seed: int) -> str:
    """Return characters drawn from the network, from a new line on."""
    start = tokenizer.encode("\n" if "\n" in tokenizer.characters else tokenizer.characters[0])
    return tokenizer.decode(net.generate(start[None], SAMPLE, temperature=0.8, random_state=seed)[0, 1:])


def draw(outcome: Outcome) -> Any:
    """The loss by steps beside the counted models, and a sample."""
    data = outcome.data
    figure, (curves, sample) = new_figure(10, 4, columns=2)
    for i, t in enumerate(data["found"]):
        steps = data["every"] * np.arange(len(t.held))
        for x, losses, name, color in (
            (steps[1:], t.training, "training, since the last point", COLORS[0]),
            (steps, t.held, "held out", COLORS[1]),
        ):
            curves.plot(x, losses, ".-", color=color, alpha=0.7, label=name if i == 0 else None)
    for (name, loss), style in zip(data["counted"].items(), (":", "--"), strict=True):
        curves.axhline(loss, color="0.4", linestyle=style, linewidth=1, label=name)
    curves.set(xlabel="steps", ylabel="loss, nats a character", title="What it has learned")
    curves.legend(frameon=False, fontsize=8)
    sample.set(title="What it writes", xticks=[], yticks=[])
    sample.grid(False)
    sample.spines[:].set_visible(False)
    lines = [part for line in data["sample"].splitlines() for part in wrap(line, 52) or [""]]
    written = "\n".join(lines[:20]).replace("$", r"\$")  # a dollar would begin a formula
    sample.text(0, 0.98, written, family="monospace", fontsize=8, va="top", transform=sample.transAxes)
    return figure
