"""What a training step moves besides gradients: counters, running averages. By kernels, which plans hold."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from eckart._native import nn as native
from eckart.base.threads import get_num_threads
from eckart.nn.arrays import FLOATS, Array


class _Watch(threading.local):
    moved: dict[int, tuple[Array, Array]] | None = None


_watch = _Watch()


@contextmanager
def put_back() -> Iterator[dict[int, tuple[Array, Array]]]:
    """Within, whatever moves is noted as (array, copy of it before), and is put back at the end."""
    _watch.moved = moved = {}
    try:
        yield moved
    finally:
        _watch.moved = None
        for array, before in moved.values():
            array[...] = before


def _note(array: Array) -> None:
    if _watch.moved is not None and id(array) not in _watch.moved:
        _watch.moved[id(array)] = array, array.copy()


def count(counter: Array) -> Array:
    """Add one to the last number of an int64 array, and return a copy from before."""
    _note(counter)
    return native.count(counter, get_num_threads())


def approach(average: Array, now: Array, share: float, scale: float = 1.0) -> None:
    """Move an average towards `scale` times what is `now`, by a share of the distance, in place."""
    _note(average)
    if average.dtype == now.dtype and now.dtype in FLOATS and average.flags.c_contiguous:
        native.approach(average, now, share, scale, get_num_threads())
    else:
        average += share * (scale * np.asarray(now) - average)
