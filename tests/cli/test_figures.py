"""The parts of the demo's figures that can be wrong without looking wrong."""

import numpy as np
import pytest

pytest.importorskip("matplotlib", reason="figures need matplotlib (extra demo)")

from eckart.cli import _figures as figures


def test_principal_components_are_those_of_the_covariance():
    """The map's axes claim to be principal components: compared with an eigendecomposition."""
    rows = np.random.default_rng(0).normal(size=(50, 7)) @ np.diag([5, 3, 2, 1, 1, 1, 1])
    found = figures.principal_components(rows)
    values, vectors = np.linalg.eigh(np.cov(rows.T))
    expected = (rows - rows.mean(axis=0)) @ vectors[:, ::-1][:, :2]
    np.testing.assert_allclose(np.abs(found), np.abs(expected), atol=1e-10)
    np.testing.assert_allclose(found.var(axis=0, ddof=1), values[::-1][:2])


@pytest.mark.parametrize(
    ("title", "short"),
    [
        ("Matrix, The", "The Matrix"),
        ("Clockwork Orange, A", "A Clockwork Orange"),
        ("Seven (a.k.a. Se7en)", "Seven"),
        ("Lord of the Rings: The Two Towers, The", "The Lord of the Rings:\nThe Two Towers"),
        ("Boot, Das (Boat, The)", "Boot, Das"),
        ("Good, the Bad and the Ugly, The", "The Good, the Bad and the\nUgly"),
    ],
)
def test_titles_become_labels(title, short):
    """A label must be short and still the film's name."""
    assert figures.short_title(title) == short


def test_labels_do_not_overlap(tmp_path):
    """Crowded points: those that find no room go without a name."""
    rng = np.random.default_rng(0)
    figure, (axes,) = figures.new_figure(6, 4)
    places = rng.normal(size=(80, 2))
    axes.scatter(*places.T)
    figures._label(figure, axes, places, [f"a long label {i}" for i in range(80)])
    boxes = [text.get_window_extent() for text in axes.texts]
    assert 5 < len(boxes) < 80
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])


def test_few_users_make_few_groups(tmp_path):
    """Equal counts make equal edges; no group may be empty."""
    users = np.array([0, 0, 1, 1, 2])
    figures.error_by_activity(tmp_path / "a.png", np.array([3, 3, 9]), users, {"x": np.ones(5)})
    assert (tmp_path / "a.png").stat().st_size > 1000
