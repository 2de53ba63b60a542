"""Curves of a training."""

import pytest

from eckart.nn.curves import plot_history

pytest.importorskip("matplotlib", reason="extra `plot`")


def test_what_was_measured_and_only_that():
    """Seconds and rates are no curves of learning; an epoch without validation leaves a gap, no error."""
    history = [
        {"epoch": 1, "loss": 2.0, "top1": 0.5, "seconds": 1.0, "learning_rate": 0.1},
        {"epoch": 2, "loss": 1.0, "top1": 0.7, "validation_loss": 1.5, "seconds": 1.0, "learning_rate": 0.1},
    ]
    figure = plot_history(history)
    assert [axes.get_ylabel() for axes in figure.axes] == ["loss", "top1"]
    loss = figure.axes[0]
    assert [text.get_text() for text in loss.get_legend().get_texts()] == ["training", "validation"]
    assert loss.lines[0].get_ydata().tolist() == [2.0, 1.0]
    assert loss.lines[1].get_xdata().tolist() == [2]
