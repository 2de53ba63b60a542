"""Coverage, novelty and popularity share against plain Python."""

import math

import numpy as np
import pytest

from eckart.metrics import coverage, novelty, popularity_share

LISTS = np.array([[0, 1, 2], [1, 3, -1], [-1, -1, -1]], dtype=np.int32)
COUNTS = np.array([8, 4, 1, 0, 2])


def test_coverage_counts_each_item_once():
    """Padding is no item, and an item shown to everyone covers as much as one shown once."""
    assert coverage(LISTS, 5) == pytest.approx(4 / 5)
    assert coverage(np.zeros((7, 1), dtype=int), 4) == pytest.approx(1 / 4)
    assert coverage(np.full((2, 3), -1), 4) == 0
    assert coverage(np.zeros((0, 3), dtype=int), 4) == 0


def test_novelty_is_the_mean_of_the_lists_means():
    """In bits; an unknown item counts as known to one user; empty lists count for nothing."""
    first = (-math.log2(8 / 8) - math.log2(4 / 8) - math.log2(1 / 8)) / 3
    second = (-math.log2(4 / 8) - math.log2(1 / 8)) / 2
    assert novelty(LISTS, COUNTS, 8) == pytest.approx((first + second) / 2, rel=1e-14)


def test_novelty_of_the_universally_known_is_zero():
    """Recommending what everybody has tells nobody anything."""
    assert novelty([[0], [0]], [5], 5) == 0


def test_popularity_share():
    """Share of all recommendations, not of lists; the head is rounded up, ties go by code."""
    assert popularity_share(LISTS, COUNTS, head=0.2) == pytest.approx(1 / 5)  # item 0
    assert popularity_share(LISTS, COUNTS, head=0.21) == pytest.approx(3 / 5)  # items 0, 1
    assert popularity_share(LISTS, COUNTS, head=1.0) == 1
    assert popularity_share([[1], [0]], [3, 3], head=0.5) == pytest.approx(1 / 2)


def test_nothing_recommended_is_nan():
    """A mean over no recommendation is unknown, not zero."""
    assert math.isnan(novelty([[-1]], [1], 1))
    assert math.isnan(popularity_share([[-1]], [1]))


def test_refuses_bad_input():
    """Messages name the parameter, what was expected and what came."""
    with pytest.raises(ValueError, match=r"n_items: expected an integer >= 1, got 0"):
        coverage(LISTS, 0)
    with pytest.raises(ValueError, match=r"in \[0, 3\).* got 3 at rank 2 of list 1"):
        coverage(LISTS, 3)
    with pytest.raises(ValueError, match=r"at most once"):
        coverage([[1, 1]], 3)
    with pytest.raises(ValueError, match=r"item_counts: expected at most n_users = 7, got 8"):
        novelty(LISTS, COUNTS, 7)
    with pytest.raises(ValueError, match=r"item_counts: expected counts >= 0"):
        novelty(LISTS, [1, 2, -1, 0, 0], 8)
    with pytest.raises(ValueError, match=r"item_counts: expected shape \(n_items,\)"):
        popularity_share(LISTS, [[1, 2, 3, 4, 5]])
    with pytest.raises(ValueError, match=r"head: expected a finite number > 0 and <= 1"):
        popularity_share(LISTS, COUNTS, head=0.0)
