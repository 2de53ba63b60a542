"""Folds: nothing of the test part in training, nothing lost in silence, the same draw everywhere."""

import numpy as np
import pytest
from tests.evaluation import published

import eckart as ek
from eckart.evaluation import cuts
from eckart.evaluation.folds import pairs

RATINGS = published.ratings_of(published.frame())
EVERY = {
    "shuffled": lambda seed: cuts.shuffled_folds(RATINGS, seed, n_splits=3),
    "given": lambda seed: cuts.given_folds(RATINGS, seed, test=[RATINGS[::7], RATINGS[3::7]]),
    "fifth": lambda seed: cuts.fifth_of_each_user(RATINGS, seed),
    "time": lambda seed: cuts.in_time(RATINGS, seed),
    "last": lambda seed: cuts.last_among_sampled(RATINGS, seed, n_negatives=7),
    "held out": lambda seed: cuts.held_out_users(RATINGS, seed, n_held_out=13),
}


@pytest.mark.parametrize("name", EVERY)
def test_parts_are_disjoint(name):
    """A test pair in training or fold-in would make every model look good."""
    for fold in EVERY[name](0):
        parts = [fold.train, fold.test] + ([] if fold.known is None else [fold.known])
        keys = np.concatenate([pairs(part) for part in parts])
        assert len(np.unique(keys)) == len(keys)
        assert len(fold.test)
        for part in parts:
            assert part.users == fold.train.users
            assert part.items == fold.train.items


@pytest.mark.parametrize("name", ["shuffled", "fifth", "last", "held out"])
def test_the_seed_decides_the_draw(name):
    """The same seed gives the same folds, another one other folds."""

    def drawn(seed):
        return [
            (pairs(f.train).tolist(), f.candidates and f.candidates.indices.tolist())
            for f in EVERY[name](seed)
        ]

    assert drawn(0) == drawn(0)
    assert drawn(0) != drawn(1)


def test_time_does_not_leak():
    """Every training rating is earlier than every test rating, also where times are equal."""
    (fold,) = cuts.in_time(RATINGS, 0, test_size=0.3)
    assert fold.train.timestamps.max() < fold.test.timestamps.min()


def test_held_out_users_are_nobody_in_training():
    """A held-out user in training would turn strong generalisation into the weak one."""
    (fold,) = cuts.held_out_users(RATINGS, 0, n_held_out=13)
    trained = set(fold.train.user_index)
    assert not trained & set(fold.known.user_index)
    assert set(fold.test.user_index) <= set(fold.known.user_index)
    assert (fold.train.by_item.counts[fold.test.item_index] > 0).all()


def test_settings_are_chosen_on_other_held_out_users():
    """Whoever tunes on the test users measures their own luck."""
    (test,) = cuts.held_out_users(RATINGS, 0, n_held_out=13)
    (validation,) = cuts.held_out_users(RATINGS, 0, n_held_out=13, part="validation")
    assert np.array_equal(validation.train.user_index, test.train.user_index)
    assert not set(validation.known.user_index) & (set(test.known.user_index) | set(test.train.user_index))
    assert len(set(validation.known.user_index)) == 13


def test_drawn_negatives_are_unrated():
    """A negative that the user rated is no negative; nobody is drawn twice; the positive is always there."""
    (fold,) = cuts.last_among_sampled(RATINGS, 0, n_negatives=7)
    for user in np.flatnonzero(fold.test.by_user.counts):
        candidates, positive = fold.candidates.row(user)[0], fold.test.by_user.row(user)[0]
        assert len(positive) == 1
        assert positive[0] in candidates
        assert len(set(candidates)) == 8
        assert not set(candidates) & set(fold.train.by_user.row(user)[0])


def test_few_items_give_few_negatives():
    """Where a user has rated nearly everything, all that is left is ranked."""
    ratings = ek.data.Ratings.from_arrays(
        [1, 1, 1, 2, 2], [1, 2, 3, 1, 4], [1] * 5, timestamps=[1, 2, 3, 1, 2]
    )
    (fold,) = cuts.last_among_sampled(ratings, 0)
    assert fold.candidates.counts.tolist() == [2, 3]


def test_negatives_that_were_trained_on_are_dropped_and_counted():
    """Ranking a training item among the negatives would punish a model for knowing it."""
    (drawn,) = cuts.last_among_sampled(RATINGS, 0, n_negatives=7)
    user, item = drawn.train.user_index[:1], drawn.train.item_index[:1]
    negatives = ek.data.Ratings(user, item, np.ones(1), RATINGS.users, RATINGS.items)
    (fold,) = cuts.last_among_sampled(RATINGS, 0, negatives=negatives)
    assert fold.left_out["negatives that the user has rated in training, dropped"] == 1
    assert item[0] not in fold.candidates.row(user[0])[0]


def test_cold_ratings_are_counted():
    """Time makes users and items that training has never seen: each is counted, none is dropped."""
    ratings = ek.data.Ratings.from_arrays(
        [1, 1, 2, 3, 1], [1, 2, 1, 2, 3], [3.0] * 5, timestamps=[1, 2, 3, 9, 9]
    )
    (fold,) = cuts.in_time(ratings, 0, at=9)
    assert fold.counts() == {
        "train_ratings": 3, "test_ratings": 2, "test_users": 2, "test_items": 2,
        "cold_users": 1, "cold_items": 1, "cold_ratings": 2,
    }  # fmt: skip


WITHOUT_TIMES = RATINGS._replaced(timestamps=None)


@pytest.mark.parametrize(
    ("cut", "options", "message"),
    [
        (cuts.given_folds, {}, "test: this protocol has folds of its own"),
        (cuts.given_folds, {"test": [RATINGS[:0]]}, "test: expected at least one rating"),
        (cuts.in_time, {}, "timestamps: expected ratings with timestamps"),
        (
            cuts.last_among_sampled,
            {},
            "test: expected each user's test item, as the ratings have no timestamps",
        ),
        (cuts.last_among_sampled, {"test": RATINGS}, "test: expected one item a user, got"),
        (cuts.held_out_users, {"n_held_out": 60}, r"n_held_out: expected a number in \[1, "),
        (cuts.held_out_users, {"n_held_out": 2.5}, "n_held_out: expected an integer"),
        (cuts.held_out_users, {"part": "train"}, "part: expected one of 'test', 'validation'"),
    ],
)
def test_what_cannot_be_cut(cut, options, message):
    """The message names what is missing."""
    with pytest.raises(ValueError, match=message):
        list(cut(WITHOUT_TIMES, 0, **options))


def test_unknown_negatives_and_wild_seeds():
    """An id that the ratings lack is named; the legacy generator takes 32 bits."""
    last = RATINGS[[0]]
    other = ek.data.Ratings.from_arrays([7], [99999])
    with pytest.raises(ValueError, match="negatives: expected items that the ratings have, got 99999"):
        list(cuts.last_among_sampled(RATINGS, 0, test=last, negatives=other))
    with pytest.raises(ValueError, match="seed: expected an integer <= 4294967295"):
        list(cuts.shuffled_folds(RATINGS, 2**32, n_splits=3))
    with pytest.raises(ValueError, match="data: expected at least 5 ratings"):
        list(cuts.shuffled_folds(RATINGS[:4], 0, n_splits=5))


@pytest.mark.peers
def test_folds_are_those_of_surprise():
    """Its published table can be compared with, fold by fold."""
    surprise = pytest.importorskip("surprise", reason="surprise is not installed (extra `bench`)")
    rows = [(str(row), "i", 1.0, None) for row in range(103)]
    data = surprise.Dataset(surprise.Reader())
    data.raw_ratings = rows
    ratings = ek.data.Ratings.from_arrays(np.arange(103), np.zeros(103, int), np.ones(103))
    folds = surprise.model_selection.KFold(n_splits=5, random_state=0).split(data)
    for (_, theirs), ours in zip(folds, cuts.shuffled_folds(ratings, 0, n_splits=5), strict=True):
        assert sorted(int(user) for user, _, _ in theirs) == ours.test.user_index.tolist()
