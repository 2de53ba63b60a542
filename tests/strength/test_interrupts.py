"""Ctrl-C in every fit and in the long native calls."""

import signal

import numpy as np
import pytest
from tests.strength.interrupts import seconds_to_answer

from eckart import _native
from eckart.completion import ALS, Baseline, Popularity
from eckart.completion.baseline import shrunk_means
from eckart.data import Ratings
from eckart.linalg.topk import top_k

pytestmark = pytest.mark.skipif(
    not hasattr(signal, "SIGINT") or signal.getsignal(signal.SIGINT) is None, reason="needs signals"
)
LIMIT = 2.0  # seconds; the kernels ask every 50 ms


@pytest.fixture(scope="module")
def ratings():
    """Enough that an iteration at rank 8 takes some 10 ms, one at rank 192 seconds."""
    random = np.random.default_rng(0)
    cells = np.unique(random.integers(0, 4000 * 2000, 300_000))
    made = Ratings.from_arrays(*np.divmod(cells, 2000), random.normal(size=len(cells)), dtype=np.float64)
    assert made.by_user.n_rows == made.by_item.n_cols  # both views are built before the clock starts
    return made


@pytest.mark.parametrize("solver", ["cholesky", "cg"])
@pytest.mark.parametrize(("rank", "delay"), [(8, 0.3), (192, 0.3), (192, 0.8)])
def test_als_keeps_the_last_whole_iteration(ratings, solver, rank, delay):
    """An hour's fit that is stopped is an hour's model, not half a sweep more."""
    model = ALS(rank=rank, max_iter=10_000, tol=0, solver=solver, random_state=0)
    answered = seconds_to_answer(lambda: model.fit(ratings), delay)
    assert answered is not None
    assert answered < LIMIT
    assert model.n_iter_ == len(model.history_) < 10_000
    if model.n_iter_ and rank == 8:
        whole = ALS(rank=rank, max_iter=model.n_iter_, tol=0, solver=solver, random_state=0).fit(ratings)
        np.testing.assert_array_equal(model.item_factors_, whole.item_factors_)
    assert np.isfinite(model.predict(ratings[:50])).all()
    assert len(model.recommend(ratings[0].user, k=3)) == 1


@pytest.mark.parametrize("place", ["by_user", "by_item"])
def test_als_stopped_before_the_first_iteration(ratings, monkeypatch, place):
    """Twenty million ratings are compressed for seconds: Ctrl-C then leaves the start, which can be used."""

    def interrupted(_):
        raise KeyboardInterrupt

    model = ALS(rank=3, random_state=0)
    with monkeypatch.context() as patch:
        patch.setattr(Ratings, place, property(interrupted))
        with pytest.raises(KeyboardInterrupt):
            model.fit(ratings)
    assert (model.n_iter_, model.history_, model.converged_) == (0, [], False)
    assert np.isfinite(model.predict(ratings[:50])).all()


@pytest.mark.parametrize("model", [Baseline(max_iter=100, tol=0), Popularity()])
def test_quick_fits_answer_too(ratings, model):
    """Fits of a moment are stopped at the next step of Python; a new fit then works as ever."""

    def fit_again_and_again():
        while True:
            model.fit(ratings)

    answered = seconds_to_answer(fit_again_and_again, 0.2)
    assert answered is not None
    assert answered < LIMIT
    assert np.isfinite(model.fit(ratings).predict(ratings[:50])).all()


def test_a_stopped_baseline_keeps_its_last_sweep(ratings, monkeypatch):
    """The second half of the third sweep is cut off: what stands is the second, for the new ratings."""
    model = Baseline(tol=0).fit(ratings[:1000])
    calls = []

    def interrupted(*arguments):
        calls.append(arguments)
        if len(calls) == 6:
            raise KeyboardInterrupt
        return shrunk_means(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr("eckart.completion.baseline.shrunk_means", interrupted)
        with pytest.raises(KeyboardInterrupt):
            model.fit(ratings)
    whole = Baseline(max_iter=2, tol=0).fit(ratings)
    assert model.n_iter_ == 2
    np.testing.assert_array_equal(model.predict(ratings[:50]), whole.predict(ratings[:50]))


def _top_k():
    queries, items = np.ones((40_000, 128), np.float32), np.ones((20_000, 128), np.float32)
    top_k(queries, items, 10)


def _compress():
    random = np.random.default_rng(0)
    rows, columns = random.integers(0, 10**6, (2, 10**7), dtype=np.int32)
    values = np.ones(len(rows), np.float32)
    while True:
        _native.data.compress(rows, columns, values, 10**6, 10**6, threads=2)


def _bootstrap():
    _native.metrics.bootstrap_means(np.ones((100_000, 3)), None, 0, 100_000, 2)


@pytest.mark.parametrize("call", [_top_k, _compress, _bootstrap])
def test_native_calls_answer(call):
    """Ranking a whole catalogue and indexing a big file are as long as a fit, and as impatiently stopped."""
    answered = seconds_to_answer(call, 0.2)
    assert answered is not None
    assert answered < LIMIT


@pytest.mark.parametrize("normalize", [None, "both"])
def test_a_stopped_update_changes_nothing(ratings, monkeypatch, normalize):
    """Ratings of which the factors know nothing, or another normalisation, would be half a model."""
    model = ALS(rank=8, max_iter=1, normalize=normalize, random_state=0).fit(ratings)
    before = {name: value for name, value in vars(model).items() if name.endswith("_")}
    factors = model.user_factors_.copy()
    new = Ratings.from_arrays(np.arange(4000), np.full(4000, 7), np.ones(4000), dtype=np.float64)

    def interrupted(*arguments, **named):
        raise KeyboardInterrupt

    monkeypatch.setattr("eckart.completion._als_sweeps.Half.solve", interrupted)
    with pytest.raises(KeyboardInterrupt):
        model.update(new)
    assert all(getattr(model, name) is value for name, value in before.items())
    np.testing.assert_array_equal(model.user_factors_, factors)
