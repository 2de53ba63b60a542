"""What a training reports beside its loss: shares of hits among the first guesses."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from eckart.nn.tensor import Array

Measure = Callable[[Array, Array], float]


def top_k_accuracy(scores: Array, labels: Array, k: int = 1) -> float:
    """Return the share of rows of scores (n, classes, ...) whose label is among the k highest.

    labels : integers (n, ...); equal scores: the lower class comes first. ValueError for other shapes.
    """
    scores, labels = np.asarray(scores), np.asarray(labels)
    if scores.ndim < 2 or labels.shape != scores.shape[:1] + scores.shape[2:]:
        raise ValueError(f"labels: expected one for each row of scores {scores.shape}, got {labels.shape}")
    own = np.take_along_axis(scores, np.expand_dims(labels, 1), axis=1)
    earlier = np.arange(scores.shape[1]).reshape(-1, *[1] * (scores.ndim - 2)) < np.expand_dims(labels, 1)
    before = (scores > own) | ((scores == own) & earlier)
    return float((before.sum(axis=1) < k).mean())


MEASURES: dict[str, Measure] = {
    "top1": lambda scores, labels: top_k_accuracy(scores, labels, 1),
    "top5": lambda scores, labels: top_k_accuracy(scores, labels, 5),
}


def named_measures(metrics: str | Sequence[str] | Mapping[str, Measure]) -> dict[str, Measure]:
    """Return functions by their names; ValueError for a name that is none of ours."""
    if isinstance(metrics, Mapping):
        return dict(metrics)
    metrics = [metrics] if isinstance(metrics, str) else metrics
    unknown = [name for name in metrics if name not in MEASURES]
    if unknown:
        raise ValueError(f"metrics: expected names among {', '.join(MEASURES)}, got {unknown[0]!r}")
    return {name: MEASURES[name] for name in metrics}
