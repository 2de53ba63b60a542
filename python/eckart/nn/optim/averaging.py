"""Averages of weights over the steps of training: they generalise better than the last ones."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from eckart._native import nn as native
from eckart.base.threads import get_num_threads
from eckart.base.validation import check_float
from eckart.nn.tensor import Array, Tensor


class StochasticWeightAverage:
    """The mean of all weights that were shown (Izmailov et al. 2018).

    params : tensors. averages : one array for each; n_averaged : how often `update` was called
    """

    def __init__(self, params: Iterable[Tensor]) -> None:
        self.params = list(params)
        self.averages: list[Array] = [np.array(p.data, order="C") for p in self.params]
        self.n_averaged = 0

    def _rate(self) -> float:
        return 1 / self.n_averaged

    def update(self) -> None:
        """Take the parameters as they are now into the averages; the first time they are the averages."""
        self.n_averaged += 1
        for p, average in zip(self.params, self.averages, strict=True):
            if self.n_averaged == 1:
                average[...] = p.data
            else:
                weights = np.ascontiguousarray(p.data).reshape(-1)
                native.average_step(average.reshape(-1), weights, self._rate(), get_num_threads())

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Within, the parameters are the averages: for evaluation. Afterwards they are what they were."""
        before = [p.data.copy() for p in self.params]
        try:
            for p, average in zip(self.params, self.averages, strict=True):
                p.data[...] = average
            yield
        finally:
            for p, weights in zip(self.params, before, strict=True):
                p.data[...] = weights

    def state_dict(self) -> dict[str, Any]:
        """Return copies of the averages and their count."""
        return {"averages": [a.copy() for a in self.averages], "n_averaged": self.n_averaged}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over averages; ValueError where their shapes are not the parameters'."""
        shapes = [np.shape(a) for a in state_dict["averages"]]
        if shapes != [a.shape for a in self.averages]:
            raise ValueError(f"state_dict: expected shapes {[a.shape for a in self.averages]}, got {shapes}")
        for average, new in zip(self.averages, state_dict["averages"], strict=True):
            average[...] = new
        self.n_averaged = int(state_dict["n_averaged"])


class ExponentialMovingAverage(StochasticWeightAverage):
    """Averages that forget (Polyak's, exponential): average = decay average + (1 - decay) p."""

    def __init__(self, params: Iterable[Tensor], decay: float = 0.999) -> None:
        super().__init__(params)
        self.decay = check_float(decay, "decay", low=0.0, high=1.0)

    def _rate(self) -> float:
        return 1 - self.decay
