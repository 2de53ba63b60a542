"""Top-k accuracy against a sort."""

import numpy as np
import pytest

from eckart.nn.measures import named_measures, top_k_accuracy


def test_against_sorting():
    """The number that every table shows."""
    rng = np.random.default_rng(0)
    scores, labels = rng.integers(0, 4, (200, 7)).astype(float), rng.integers(0, 7, 200)
    best = np.argsort(-scores, axis=1, kind="stable")
    for k in (1, 3, 5, 7):
        expected = np.mean([label in row[:k] for label, row in zip(labels, best, strict=True)])
        assert top_k_accuracy(scores, labels, k) == pytest.approx(expected)


def test_more_axes():
    """Logits of every place of a sequence, classes along axis 1."""
    scores = np.random.default_rng(0).normal(size=(3, 5, 4))
    labels = scores.argmax(axis=1)
    assert top_k_accuracy(scores, labels) == 1.0
    assert top_k_accuracy(scores, (labels + 1) % 5) == 0.0


def test_errors():
    """Shapes and names that cannot be meant."""
    with pytest.raises(ValueError, match="labels: expected one for each row"):
        top_k_accuracy(np.zeros((3, 2)), np.zeros(2, int))
    with pytest.raises(ValueError, match="metrics: expected names among top1, top5, got 'top3'"):
        named_measures(["top3"])
    assert list(named_measures("top1")) == ["top1"]
