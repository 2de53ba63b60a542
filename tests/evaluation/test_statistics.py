"""Means over folds, intervals and paired tests against NumPy, SciPy and leave-one-out."""

import numpy as np
import pytest
from scipy import stats

from eckart.base.threads import get_num_threads, set_num_threads
from eckart.evaluation.measure import ByUser
from eckart.evaluation.statistics import N_RESAMPLES, _parts, difference, estimate, resample
from eckart.metrics import summarize

RNG = np.random.default_rng(0)


def lists(n_users=83, gain=0.0, seed=0):
    """One fold of values in [0, 1], every fifth user with nothing to find."""
    rng = np.random.default_rng(seed)
    counts = (np.arange(n_users) % 5 > 0).astype(float)[None]
    return ByUser(counts * np.clip(rng.random((1, n_users)) + gain, 0, 1), counts)


def errors(n_folds=4, n_users=83, scale=1.0, seed=0):
    """Squared errors of 0 to 9 ratings a user and fold."""
    rng = np.random.default_rng(seed)
    counts = np.random.default_rng(7).integers(0, 10, (n_folds, n_users)).astype(float)
    return ByUser(scale * rng.gamma(counts + 1e-9), counts)


def of(metric, **models):
    by_user = {name: {metric: x} for name, x in models.items()}
    resampled = resample(by_user, 3)
    return {name: (x, resampled[name][metric]) for name, x in models.items()}


def test_one_fold_of_lists_is_the_summary_of_its_users():
    """The same mean and the same interval as eckart.metrics.summarize, users without a value left out."""
    x = lists()
    counted = x.counts[0] > 0
    only = ByUser(x.sums[:, counted], x.counts[:, counted])
    found = estimate("ndcg@10", *of("ndcg@10", a=only)["a"])
    expected = summarize(only.sums[0], random_state=3, n_resamples=N_RESAMPLES)
    assert (found.mean, found.low, found.high) == pytest.approx((expected.mean, expected.low, expected.high))
    assert found.n_users == counted.sum()


@pytest.mark.parametrize("metric", ["rmse", "mae"])
def test_mean_over_folds(metric):
    """The published figure is the mean of the folds' figures, not the figure of the pooled errors."""
    x = errors()
    found = estimate(metric, *of(metric, a=x)["a"])
    folds = x.sums.sum(axis=1) / x.counts.sum(axis=1)
    folds = np.sqrt(folds) if metric == "rmse" else folds
    assert found.folds == pytest.approx(folds)
    assert found.mean == pytest.approx(folds.mean())
    assert found.low < found.mean < found.high


def test_interval_is_that_of_a_bootstrap_in_numpy():
    """Another generator, the same distribution: the ends agree within the noise of resampling."""
    x = errors()
    found = estimate("rmse", *of("rmse", a=x)["a"])
    draws = RNG.integers(0, x.counts.shape[1], (4000, x.counts.shape[1]))
    means = np.sqrt(x.sums[:, draws].sum(axis=2) / x.counts[:, draws].sum(axis=2)).mean(axis=0)
    low, high = np.quantile(means, [0.025, 0.975])
    width = high - low
    assert found.low == pytest.approx(low, abs=0.1 * width)
    assert found.high == pytest.approx(high, abs=0.1 * width)


def test_p_value_is_that_of_the_paired_t_test():
    """For plain means over users, SciPy's ttest_rel to the last digit."""
    first, second = lists(seed=1, gain=0.1), lists(seed=2)
    both = of("recall@5", a=first, b=second)
    found = difference("recall@5", first, second, both["a"][1] - both["b"][1])
    counted = first.counts[0] > 0
    mine, theirs = first.sums[0, counted], second.sums[0, counted]
    assert found.p_value == pytest.approx(stats.ttest_rel(mine, theirs).pvalue, rel=1e-9)
    assert found.mean == pytest.approx((mine - theirs).mean())
    assert (found.better, found.worse) == ((mine > theirs).sum(), (mine < theirs).sum())
    assert found.better + found.worse + found.equal == counted.sum()


def test_parts_of_an_rmse_are_those_of_leave_one_out():
    """A user's part is, to first order, how the mean over folds moves when the user is left out."""
    x = errors(n_users=301)
    whole = np.sqrt(x.sums.sum(1) / x.counts.sum(1)).mean()
    without = [
        np.sqrt((x.sums.sum(1) - x.sums[:, u]) / (x.counts.sum(1) - x.counts[:, u])).mean()
        for u in range(301)
    ]
    np.testing.assert_allclose(_parts("rmse", x), 300 * (whole - np.array(without)), atol=0.02)


def test_lower_errors_are_better():
    """Counting users the wrong way round would crown the worse model."""
    good, bad = errors(scale=0.5), errors(scale=1.0)
    both = of("mae", good=good, bad=bad)
    found = difference("mae", good, bad, both["good"][1] - both["bad"][1])
    assert found.high < 0
    assert found.worse == 0
    assert found.p_value < 1e-6


def test_the_same_model_twice_differs_by_nothing():
    """Exactly zero, p = 1: no rounding may look like a discovery."""
    x = errors()
    twice = of("rmse", a=x, b=errors())
    found = difference("rmse", x, errors(), twice["a"][1] - twice["b"][1])
    assert (found.mean, found.low, found.high, found.p_value) == (0, 0, 0, 1)


@pytest.mark.parametrize("n_users", [0, 1, 2])
def test_few_users(n_users):
    """Nobody, or one user, gives NaN where there is no answer, and no warning."""
    x = ByUser(np.full((2, n_users), 0.25), np.ones((2, n_users)))
    both = of("ndcg@3", a=x, b=x)
    found = estimate("ndcg@3", *both["a"])
    assert found.n_users == n_users
    assert np.isnan(found.mean) == (n_users == 0)
    p = difference("ndcg@3", x, x, both["a"][1] - both["b"][1]).p_value
    assert np.isnan(p) if n_users < 2 else p == 1


def test_a_fold_in_which_nobody_counts_is_left_out():
    """One empty fold must not make the mean NaN."""
    x = ByUser(np.array([[1.0, 2.0], [0.0, 0.0]]), np.array([[1.0, 1.0], [0.0, 0.0]]))
    found = estimate("mae", *of("mae", a=x)["a"])
    assert found.mean == 1.5
    assert np.isnan(found.folds[1])


def test_same_bits_for_any_number_of_threads():
    """An interval that moved with the machine's load could not be compared."""
    before, answers = get_num_threads(), []
    try:
        for threads in (1, 2, 3, 5):
            set_num_threads(threads)
            answers.append(resample({"a": {"rmse": errors()}}, 0)["a"]["rmse"])
    finally:
        set_num_threads(before)
    assert all(np.array_equal(answers[0], answer) for answer in answers[1:])
