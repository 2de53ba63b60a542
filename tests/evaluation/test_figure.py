"""The figure of a record: what it shows is what the table says."""

import sys

import pytest

pytest.importorskip("matplotlib", reason="figures need matplotlib (extra plot)")

from tests.evaluation import published

from eckart import EckartError
from eckart.completion import Baseline
from eckart.evaluation import run_protocol


@pytest.fixture(scope="module")
def record():
    return run_protocol("time", {"Baseline": Baseline()}, published.ratings_of(published.frame(n=1500)))


def test_points_stand_where_the_means_are(record, tmp_path):
    """A panel a metric, then seconds and memory; names once; points at the means, in the table's order."""
    path = tmp_path / "record.png"
    figure = record.plot(path)
    assert path.read_bytes().startswith(b"\x89PNG")
    titles = [axes.get_title() for axes in figure.axes]
    assert titles[:5] == ["NDCG@20", "Recall@20", "RMSE", "MAE", "Seconds"]
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["Popularity", "Baseline"]
    for axes, metric in zip(figure.axes, record.metrics, strict=False):
        points = [line.get_xydata()[0].tolist() for line in axes.lines if line.get_marker() == "o"]
        means = [found[metric].mean for found in record.estimates.values()]
        assert points == [[mean, place] for place, mean in enumerate(means)]
    seconds = figure.axes[4].patches
    assert [bar.get_width() for bar in seconds[:2]] == [r.fit_seconds for r in record.results.values()]


def test_what_cannot_be_drawn(record, tmp_path, monkeypatch):
    """No matplotlib, no such folder, no such format: one line that says what to do."""
    for name in ("no/folder.png", "record.wav"):
        with pytest.raises(EckartError, match="cannot write"):
            record.plot(tmp_path / name)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(EckartError, match=r'pip install "eckart\[plot\]"'):
        record.plot()
