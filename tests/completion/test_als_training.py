"""The loop of ALS: warm start, early stopping, callback, interruption, forks and threads."""

import multiprocessing
import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from eckart.base.errors import DivergenceError, EckartError
from eckart.completion import ALS
from eckart.completion._als_sweeps import Penalty, objective
from eckart.completion._training import Trainer
from eckart.data import Ratings, random_split
from eckart.testing import small_ratings


def model_objective(model, ratings):
    """The objective of a fitted model, from its public attributes."""
    users, items = model._user_side, model._item_side
    penalty = Penalty(model.reg, model.reg, by_count=True)
    state = type("State", (), {"users": users, "items": items})()
    reg_users = penalty.of("users", ratings.by_user, ratings.dtype)
    return objective(
        ratings.by_user, state, model.mean_, reg_users, penalty.of("items", ratings.by_item, ratings.dtype)
    )


def rmse(model, ratings):
    return -model.score(ratings)


def test_warm_start_continues():
    """Two fits of 3 iterations are one of 6: what was learned is not thrown away."""
    ratings = small_ratings(np.float64)
    whole = ALS(rank=4, max_iter=6, tol=0, random_state=0).fit(ratings)
    parts = ALS(rank=4, max_iter=3, tol=0, random_state=0, warm_start=True).fit(ratings).fit(ratings)
    np.testing.assert_allclose(parts.user_factors_, whole.user_factors_, atol=1e-12)
    assert parts.history_[0]["objective"] == pytest.approx(whole.history_[3]["objective"], rel=1e-12)
    assert parts.n_iter_ == 3


def test_warm_start_with_a_larger_rank_keeps_the_fitted_dimensions():
    """Growing a model must not begin again: it starts about where the smaller one ended."""
    ratings = small_ratings(np.float64)
    model = ALS(rank=2, reg=0.02, max_iter=30, random_state=0, warm_start=True).fit(ratings)
    before, users = model.history_[-1]["objective"], model.user_factors_.copy()
    start = model.set_params(rank=4)._warm_state(ratings)
    np.testing.assert_array_equal(start.users.factors[:, :2], users)
    assert start.users.factors[:, 2:].any()
    model.fit(ratings)
    assert model.user_factors_.shape[1] == 4
    assert model.history_[0]["objective"] < before
    with pytest.raises(ValueError, match="rank: a warm start"):
        model.set_params(rank=3).fit(ratings)


def test_warm_start_takes_new_ids():
    """The shop has new users tomorrow; the known ones keep their factors whatever their new codes."""
    ratings = small_ratings(np.float64)
    model = ALS(rank=3, max_iter=20, random_state=0, warm_start=True).fit(ratings)
    extra = Ratings.from_arrays([1, 1, 107], ["item-00", "a new one", "a new one"], [4.0, 2.0, 3.0])
    users = np.concatenate([extra.users.ids()[extra.user_index], ratings.users.ids()[ratings.user_index]])
    items = np.concatenate([extra.items.ids()[extra.item_index], ratings.items.ids()[ratings.item_index]])
    values = np.concatenate([extra.values, ratings.values])
    grown = Ratings.from_arrays(users, items.tolist(), values, duplicates="last", dtype=np.float64)
    start = model._warm_state(grown)
    for known in (100, 107, 254):
        old, new = ratings.users.code(known), grown.users.code(known)
        np.testing.assert_array_equal(start.users.factors[new], model.user_factors_[old])
    model.fit(grown)
    assert len(model.users_) == ratings.n_users + 1
    assert np.isfinite(model.predict([1], ["a new one"])).all()


def test_warm_start_of_an_unfitted_model_is_a_plain_start():
    """warm_start=True in a constructor must not ask for a first fit without it."""
    plain = ALS(rank=3, max_iter=2, random_state=0).fit(small_ratings())
    warm = ALS(rank=3, max_iter=2, random_state=0, warm_start=True).fit(small_ratings())
    np.testing.assert_array_equal(plain.user_factors_, warm.user_factors_)


def test_converges_by_tol():
    """A fit that no longer moves stops and says so; tol=0 does every iteration."""
    ratings = small_ratings(np.float64)
    model = ALS(rank=2, reg=0.3, max_iter=200, tol=1e-3, random_state=0).fit(ratings)
    assert model.converged_
    assert model.n_iter_ == len(model.history_) < 200
    before, now = (record["objective"] for record in model.history_[-2:])
    assert before - now <= 1e-3 * before
    model = ALS(rank=2, reg=0.3, max_iter=60, tol=0, random_state=0).fit(ratings)
    assert model.n_iter_ == 60
    assert not model.converged_


@pytest.mark.parametrize("normalize", [None, "both"])
def test_early_stopping_keeps_the_best_iteration(normalize):
    """What `fit` hands back is the iteration that validated best, not the last one it tried."""
    train, held_out = random_split(small_ratings(), test_size=0.3, random_state=0)
    model = ALS(rank=20, reg=1e-3, max_iter=60, tol=0, patience=4, normalize=normalize, random_state=0)
    model.fit(train, validation=held_out)
    errors = [record["validation"] for record in model.history_]
    best = int(np.argmin(errors))
    assert rmse(model, held_out) == errors[best]
    assert len(errors) == best + 1 + 4 < 60
    again = ALS(**(model.get_params() | {"max_iter": best + 1})).fit(train)
    np.testing.assert_array_equal(again.user_factors_, model.user_factors_)


def test_validation_forms_and_errors():
    """Validation is scored as `score` does, and nothing to validate on is an error before any work."""
    rng = np.random.default_rng(0)
    dense = rng.normal(3, 1, (20, 15))
    held_out = np.where(rng.random(dense.shape) < 0.2, dense, np.nan)
    train = np.where(np.isnan(held_out), dense, np.nan)
    model = ALS(rank=2, max_iter=3, random_state=0).fit(train, validation=held_out)
    assert model.history_[-1]["validation"] == pytest.approx(rmse(model, held_out), abs=0.2)
    fresh = ALS(rank=2)
    with pytest.raises(ValueError, match="validation"):
        fresh.fit(train, validation=held_out[:0])
    assert not fresh.__sklearn_is_fitted__()


def test_callback_gets_records_and_stops():
    """Loggers and pruners hang here: each record is that of history_, and True ends the fit."""
    seen = []

    def callback(record):
        seen.append(record)
        record["mine"] = True  # a copy: history_ stays what it is
        return len(seen) == 3

    model = ALS(rank=3, max_iter=10, tol=0, random_state=0).fit(small_ratings(), callback=callback)
    assert len(seen) == model.n_iter_ == 3
    for mine, theirs in zip(seen, model.history_, strict=True):
        assert theirs == {name: value for name, value in mine.items() if name != "mine"}
        assert set(theirs) == {"iteration", "objective", "seconds"}
    assert [record["iteration"] for record in seen] == [1, 2, 3]


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_interrupt_in_the_callback_keeps_the_last_iteration(error):
    """Ctrl-C at any time leaves a model of whole iterations, and is not swallowed."""

    def callback(record):
        if record["iteration"] == 4:
            raise error

    ratings = small_ratings()
    model = ALS(rank=3, max_iter=10, tol=0, random_state=0)
    with pytest.raises(error):
        model.fit(ratings, callback=callback)
    assert model.n_iter_ == len(model.history_) == 4
    whole = ALS(rank=3, max_iter=4, tol=0, random_state=0).fit(ratings)
    np.testing.assert_array_equal(model.user_factors_, whole.user_factors_)
    assert np.isfinite(model.predict(ratings)).all()


def test_sigint_during_a_kernel(capfd):
    """A real Ctrl-C lands in native code most of the time: it must answer within a chunk, not an hour."""
    rng = np.random.default_rng(0)
    n = 400_000
    pairs = np.unique(np.column_stack([rng.integers(0, 6000, n), rng.integers(0, 3000, n)]), axis=0)
    ratings = Ratings.from_arrays(pairs[:, 0], pairs[:, 1], rng.normal(size=len(pairs)))
    assert ratings.by_user.n_rows == ratings.by_item.n_cols  # built before the clock starts
    model = ALS(rank=96, max_iter=1000, tol=0, random_state=0)
    sent = []

    def send():
        sent.append(time.perf_counter())
        os.kill(os.getpid(), signal.SIGINT)

    timer = threading.Timer(0.8, send)
    timer.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            model.fit(ratings)
    finally:
        timer.cancel()
        timer.join()
    assert time.perf_counter() - sent[0] < 5
    assert model.n_iter_ == len(model.history_) < 1000
    assert np.isfinite(model.predict(ratings[:100])).all()
    if model.history_:
        assert model_objective(model, ratings) == pytest.approx(model.history_[-1]["objective"], rel=1e-9)


def test_divergence_keeps_the_state_before():
    """An overflowing fit says so, and the model is still one that predicts."""
    matrix = np.array([[1, 0.9], [0.8, -1]], dtype=np.float32) * np.float32(3e38)
    model = ALS(rank=1, reg=1e-3, max_iter=5, random_state=0)
    with pytest.raises(DivergenceError, match="objective") as caught:
        model.fit(matrix)
    assert isinstance(caught.value, EckartError)
    assert np.isfinite(model.user_factors_).all()
    assert model.n_iter_ == len(model.history_)


class Counter:
    """A state for the loop alone."""

    def __init__(self, value=0):
        self.value = value

    def copy(self):
        return Counter(self.value)

    def assign(self, other):
        self.value = other.value


def test_trainer_survives_a_failing_step():
    """A step that dies half-way has spoilt only the copy it worked on."""

    def step(state):
        state.value += 1
        if state.value == 3:
            raise MemoryError

    trainer = Trainer(Counter(), step, lambda s: 10.0 - s.value, max_iter=9, tol=0, label="test")
    with pytest.raises(MemoryError):
        trainer.run()
    assert trainer.state.value == len(trainer.history) == 2


def test_verbose_writes_to_stderr_only(capfd):
    """stdout belongs to the caller's pipe."""
    ALS(rank=2, max_iter=2, random_state=0, verbose=True).fit(small_ratings())
    assert capfd.readouterr().out == ""
    ALS(rank=2, max_iter=2, random_state=0).fit(small_ratings())
    assert capfd.readouterr() == ("", "")


def fit_in_child(queue):
    queue.put(ALS(rank=3, max_iter=2, random_state=0).fit(small_ratings()).predict(small_ratings()))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_fit_in_a_forked_child():
    """multiprocessing's default on Linux is a fork after OpenMP was used: it must not hang."""
    wanted = ALS(rank=3, max_iter=2, random_state=0).fit(small_ratings()).predict(small_ratings())
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    child = context.Process(target=fit_in_child, args=(queue,))
    child.start()
    try:
        np.testing.assert_array_equal(queue.get(timeout=20), wanted)
    finally:
        child.join(5)
        child.kill()


def test_many_threads_read_one_model():
    """A web server answers from one model in many threads at once."""
    model = ALS(rank=8, max_iter=3, random_state=0).fit(small_ratings())
    users = model.users_.ids()

    def answer(_):
        found = model.recommend(users, k=5)
        return found.scores.filled(0), model.predict(small_ratings()), model.fold_in(small_ratings())

    wanted = answer(None)
    with ThreadPoolExecutor(8) as pool:
        for got in pool.map(answer, range(40)):
            for mine, theirs in zip(got, wanted, strict=True):
                np.testing.assert_array_equal(mine, theirs)


def test_random_states():
    """Seeds of every kind work, and None differs from fit to fit."""
    ratings = small_ratings()
    fits = [
        ALS(rank=2, max_iter=1, random_state=state).fit(ratings).user_factors_
        for state in (0, 1, np.random.default_rng(0), np.random.RandomState(0), None, None)
    ]
    for i, one in enumerate(fits):
        for other in fits[:i]:
            assert not np.array_equal(one, other)
