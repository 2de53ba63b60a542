"""Dense networks, and the smallest of them."""

import itertools
from collections.abc import Sequence
from typing import Any

from eckart.base.seeds import RandomState
from eckart.base.validation import check_option
from eckart.nn import init, layers

_ACTIVATIONS = {"relu": layers.ReLU, "tanh": layers.Tanh, "sigmoid": layers.Sigmoid, "gelu": layers.GELU}


class MLP(layers.Sequential):
    """Dense layers with activations between: (n, sizes[0]) becomes (n, sizes[-1]) logits.

    Layers are named as those of torch.nn.Sequential(Linear, activation, ..., Linear).
    """

    def __init__(
        self, sizes: Sequence[int], activation: str = "relu", dropout: float = 0.0, *,
        random_state: RandomState = None,
    ) -> None:  # fmt: skip
        if len(sizes) < 2:
            raise ValueError(f"sizes: expected at least two widths, got {list(sizes)}")
        check_option(activation, "activation", tuple(_ACTIVATIONS))
        rng = init.stream(random_state)
        parts: list[Any] = []
        for n_in, n_out in itertools.pairwise(sizes):
            if parts:
                parts.append(_ACTIVATIONS[activation]())
                parts += [layers.Dropout(dropout, random_state=rng)] if dropout else []
            parts.append(layers.Linear(n_in, n_out, random_state=rng))
        super().__init__(*parts)


class LogisticRegression(layers.Linear):
    """Multinomial logistic regression: one dense layer that gives the logits of `n_classes`."""

    def __init__(self, n_features: int, n_classes: int, *, random_state: RandomState = None) -> None:
        super().__init__(n_features, n_classes, random_state=random_state)
