"""What sampling from a decoder needs: kept keys and values, and a draw from logits."""

import numpy as np

from eckart.base.validation import check_float, check_int
from eckart.nn.tensor import Array


class Cache:
    """Keys and values of the tokens seen so far, (n, heads, capacity, width) a block; filled up to `length`.

    `length` moves on once all blocks have been extended: it is the caller's to move.
    """

    def __init__(self, blocks: int, n: int, heads: int, capacity: int) -> None:
        self.length = 0
        self._shape = (n, heads, capacity)
        self._kept: list[tuple[Array, Array] | None] = [None] * blocks

    def extend(self, block: int, keys: Array, values: Array) -> tuple[Array, Array]:
        """Put new keys and values (n, heads, new, width) behind the old, and return all of a block."""
        kept = self._kept[block]
        if kept is None:
            shape = (*self._shape, keys.shape[-1])
            kept = self._kept[block] = (np.empty(shape, keys.dtype), np.empty(shape, keys.dtype))
        end = self.length + keys.shape[2]
        for store, new in zip(kept, (keys, values), strict=True):
            store[:, :, self.length : end] = new
        return kept[0][:, :, :end], kept[1][:, :, :end]


def sample(logits: Array, temperature: float, top_k: int | None, rng: np.random.Generator) -> Array:
    """Return one index per row of logits (n, classes), drawn by softmax(logits / temperature)."""
    check_float(temperature, "temperature")
    if top_k is not None:
        check_int(top_k, "top_k")
    if temperature == 0:
        return logits.argmax(axis=1)
    scaled = logits.astype(np.float64) / temperature
    if top_k is not None and top_k < scaled.shape[1]:
        least = np.partition(scaled, -top_k, axis=1)[:, -top_k, None]
        scaled = np.where(scaled >= least, scaled, -np.inf)
    odds = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    sums = odds.cumsum(axis=1)
    draws = rng.random((len(sums), 1)) * sums[:, -1:]
    return (sums <= draws).sum(axis=1).clip(max=sums.shape[1] - 1)
