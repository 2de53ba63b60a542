"""ALS beside cmfrec's exact ALS: another implementation of the same objective, solved to convergence.

cmfrec runs in a process of its own: it takes SIGINT while it fits and gives Python's handler back
for one signal only (a C99 build's `signal` is System V's), so that a later second Ctrl-C would kill us.
"""

import multiprocessing
import os
import signal

import numpy as np
import pytest

from eckart.completion import ALS
from eckart.datasets import make_ratings

pytestmark = pytest.mark.peers

RANK, REG, ITERATIONS = 4, 0.1, 60


@pytest.fixture(scope="module")
def cmfrec():
    """`fit_cmfrec`, called in another process."""
    pytest.importorskip("cmfrec", reason="cmfrec is not installed (extra `bench`)")
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        yield lambda *arguments: pool.apply_async(fit_cmfrec, arguments).get(timeout=60)


def fit_cmfrec(train, test, reg, by_count):
    """Return the learned parameters, as `objective` takes them, and the predictions for `test`."""
    from cmfrec import CMF
    from scipy import sparse

    model = CMF(
        k=RANK, lambda_=reg, method="als", use_cg=False, scale_lam=by_count, user_bias=True, item_bias=True,
        center=True, niter=ITERATIONS, random_state=0, use_float=False, verbose=False, nthreads=2,
        precompute_for_predictions=False,
    )  # fmt: skip
    entries = train.values.astype(np.float64), (train.user_index, train.item_index)
    model.fit(sparse.coo_matrix(entries, shape=(train.n_users, train.n_items)))
    parameters = model.A_, model.B_, model.user_bias_, model.item_bias_, model.glob_mean_
    return parameters, model.predict(test.user_index, test.item_index)


@pytest.fixture(scope="module")
def split():
    """Ratings of a true rank that both models can reach, the last tenth held out."""
    ratings = make_ratings(301, 211, 12_000, rank=RANK, noise=0.5, random_state=0, step=0.5).ratings
    order = np.random.default_rng(0).permutation(len(ratings))
    return ratings[order[1200:]], ratings[order[:1200]]


def objective(ratings, users, items, user_biases, item_biases, mean, reg, by_count):
    """The objective of the docstring of ALS, in plain NumPy."""
    u, i = ratings.user_index, ratings.item_index
    error = ratings.values - mean - user_biases[u] - item_biases[i] - np.sum(users[u] * items[i], axis=1)
    total = np.sum(error.astype(np.float64) ** 2)
    for index, factors, biases in ((u, users, user_biases), (i, items, item_biases)):
        counts = np.bincount(index, minlength=len(factors))
        weights = reg * counts if by_count else np.full(len(factors), reg)
        total += weights @ (np.sum(factors**2, axis=1) + biases**2)
    return total


@pytest.mark.parametrize(("scaling", "reg"), [("count", REG), ("none", 5.0)])
def test_als_reaches_the_objective_and_error_of_cmfrec(cmfrec, split, scaling, reg):
    """Two implementations of one objective end at one minimum: the penalties mean what they say."""
    train, test = split
    by_count = scaling == "count"
    ours = ALS(RANK, reg=reg, reg_scaling=scaling, max_iter=ITERATIONS, tol=0.0, random_state=0).fit(train)
    theirs, predicted = cmfrec(train, test, reg, by_count)

    mine = ours.user_factors_, ours.item_factors_, ours.user_biases_, ours.item_biases_, ours.mean_
    reached = [objective(train, *parameters, reg, by_count) for parameters in (mine, theirs)]
    assert reached[0] == pytest.approx(reached[1], rel=1e-3)
    assert -ours.score(test) == pytest.approx(np.sqrt(np.mean((predicted - test.values) ** 2)), rel=1e-3)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_peer_leaves_ctrl_c_as_it_was(cmfrec, split):
    """Whichever tests come next, those of interruption must not end the run without a word."""
    cmfrec(*split, REG, True)
    child = multiprocessing.get_context("fork").Process(target=interrupt_twice)  # has our handlers
    child.start()
    child.join(20)
    assert child.exitcode == 0


def interrupt_twice():
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
