"""Text as an experiment learns it: the user's file as tokens, windows at random places, counted models."""

import gzip
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eckart.base.errors import EckartError, one_line
from eckart.nn.loader import Loader
from eckart.nn.tokenizers import CharTokenizer

EXPECTED = "a text file (UTF-8, may be gzipped), such as tiny Shakespeare"


@dataclass(frozen=True)
class Corpus:
    """tokens (n,) int64 of a text, a number each character; the last tenth is held out"""

    tokens: NDArray[np.int64]
    tokenizer: CharTokenizer

    @property
    def training(self) -> NDArray[np.int64]:
        return self.tokens[: int(0.9 * len(self.tokens))]

    @property
    def held(self) -> NDArray[np.int64]:
        return self.tokens[int(0.9 * len(self.tokens)) :]

    def held_windows(self, context: int) -> Loader:
        """Return all windows of what is held out, one after another, each with the one a place further on.

        Raises EckartError where the text has none.
        """
        n = (len(self.held) - 1) // context
        if n < 1:
            needed = 10 * context
            raise EckartError(f"expected a text of more than {needed} characters, got {len(self.tokens)}")
        x, y = (self.held[i : i + n * context].reshape(n, context) for i in (0, 1))
        return Loader(x, y, batch_size=64)

    def counted_loss(self, order: int) -> float:
        """Return the loss (nats, held out) of characters counted for themselves, or after another (order 1).

        Counts begin at 1 (Laplace), as not all pairs occur.
        """
        train, held, n = self.training, self.held, len(self.tokenizer)
        if order == 0:
            counts = 1 + np.bincount(train, minlength=n)
            return float(-np.log(counts / counts.sum())[held[1:]].mean())
        pairs = 1 + np.bincount(train[:-1] * n + train[1:], minlength=n * n).reshape(n, n)
        return float(-np.log(pairs / pairs.sum(axis=1, keepdims=True))[held[:-1], held[1:]].mean())


def given_corpus(data: Path | None) -> tuple[Corpus, list[str]]:
    """Return the text of the user's file, or without one Python's own help, and what to say of it.

    Raises EckartError for a file that is missing or no text.
    """
    notes = []
    if data is None:
        from pydoc_data.topics import topics

        text, notes = "\n".join(topics.values()), ["Without a file of text: the help of Python."]
        text = "".join([c for c in text if c.isascii()])
    else:
        try:
            raw = data.read_bytes()
            text = (gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw).decode("utf-8")
        except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
            raise EckartError(f"{data}: expected {EXPECTED}; {one_line(error)}") from error
    tokenizer = CharTokenizer(text)
    return Corpus(tokenizer.encode(text), tokenizer), notes


class Windows(Loader):
    """Batches of windows at random places of a text (tokens), each with the window a place further on.

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
