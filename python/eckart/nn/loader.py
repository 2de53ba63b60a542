"""Batches of arrays, shuffled and augmented by streams that depend on (seed, epoch, batch) alone.

A training that resumes in the middle of an epoch therefore sees what it would have seen: nothing of the
generators' states needs to be kept.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from eckart.base.seeds import RandomState
from eckart.base.validation import check_int
from eckart.nn import init
from eckart.nn.tensor import Array

Augmentation = Callable[[Array, np.random.Generator], Array]


class Loader:
    """Batches (X[places], y[places]), or X[places] alone without y.

    X, y : arrays with examples along the first axis, as many in each
    shuffle : another order each epoch; drop_last : leave out a last batch that is smaller
    augment : functions of (batch of X, generator), applied in order; see `nn.augmentation`

    Iterating goes through the epochs in turn; :meth:`batches` gives any of them. ValueError for lengths that
    differ, no examples, or fewer than one batch with `drop_last`.
    """

    def __init__(
        self, X: Any, y: Any = None, batch_size: int = 32, *, shuffle: bool = False,
        augment: Augmentation | Sequence[Augmentation] = (), drop_last: bool = False,
        random_state: RandomState = None,
    ) -> None:  # fmt: skip
        self.X, self.y = np.asarray(X), None if y is None else np.asarray(y)
        self.batch_size = check_int(batch_size, "batch_size")
        if self.X.ndim < 1 or len(self.X) < 1:
            raise ValueError(f"X: expected at least one example, got shape {self.X.shape}")
        if self.y is not None and len(self.y) != len(self.X):
            raise ValueError(f"y: expected {len(self.X)} entries, one for each example, got {len(self.y)}")
        if drop_last and len(self.X) < self.batch_size:
            raise ValueError(
                f"batch_size: expected at most the {len(self.X)} examples with drop_last, got {batch_size}"
            )
        self.shuffle, self.drop_last = shuffle, drop_last
        self.augment = (augment,) if callable(augment) else tuple(augment)
        if not all(map(callable, self.augment)):
            raise TypeError(f"augment: expected functions of (batch, generator), got {augment!r}")
        self.seed = int(init.stream(random_state).integers(2**62))
        self._epoch = 0

    def __len__(self) -> int:
        """Return the number of batches of an epoch."""
        n = len(self.X)
        return n // self.batch_size if self.drop_last else -(-n // self.batch_size)

    def __iter__(self) -> Iterator[Any]:
        epoch, self._epoch = self._epoch, self._epoch + 1
        return self.batches(epoch)

    def batches(self, epoch: int, start: int = 0) -> Iterator[Any]:
        """Yield the batches of an epoch, from number `start` on."""
        order = self._stream(epoch).permutation(len(self.X)) if self.shuffle else None
        for i in range(start, len(self)):
            places: Any = slice(i * self.batch_size, (i + 1) * self.batch_size)
            places = places if order is None else order[places]
            x = self.X[places]
            if self.augment:
                rng = self._stream(epoch, i + 1)
                x = self._augmented(x, rng)
            yield x if self.y is None else (x, self.y[places])

    def _augmented(self, x: Array, rng: np.random.Generator) -> Array:
        n = len(x)
        for change in self.augment:
            x = change(x, rng)
            if len(x) != n:
                raise ValueError(f"augment: expected as many examples as came, {n}, got {len(x)}")
        return x

    def _stream(self, epoch: int, batch: int = 0) -> np.random.Generator:
        return np.random.Generator(np.random.Philox(np.random.SeedSequence((self.seed, epoch, batch))))
