"""Means and their bootstrap intervals: against theory, SciPy and their own promises."""

import json
import math

import numpy as np
import pytest
from scipy import stats

import eckart as ek
from eckart.metrics import Summary, summarize, summarize_all


@pytest.fixture
def two_threads():
    ek.set_num_threads(2)
    yield
    ek.set_num_threads(None)


def test_agrees_with_scipys_bootstrap():
    """The percentile interval of a skewed sample, up to the noise of the draws."""
    x = np.random.default_rng(0).exponential(size=400)
    got = summarize(x, 0.9, 4000)
    reference = stats.bootstrap(
        (x,),
        np.mean,
        confidence_level=0.9,
        n_resamples=4000,
        method="percentile",
        rng=np.random.default_rng(1),
    ).confidence_interval
    noise = 0.05 * (reference.high - reference.low)
    assert got.mean == pytest.approx(x.mean(), rel=1e-14)
    assert got.low == pytest.approx(reference.low, abs=noise)
    assert got.high == pytest.approx(reference.high, abs=noise)


def test_interval_covers_the_true_mean_as_often_as_it_says():
    """80 % intervals of 300 samples with a known mean: between 72 % and 88 % must hold it."""
    rng = np.random.default_rng(2)
    held = 0
    for trial in range(300):
        s = summarize(rng.normal(1.0, 2.0, 80), 0.8, 200, random_state=trial)
        held += s.low <= 1.0 <= s.high
    assert 0.72 <= held / 300 <= 0.88


def test_nan_users_are_skipped_and_counted():
    """Users without a relevant item must not pull a mean down, nor vanish without trace."""
    x = np.array([0.5, np.nan, 1.0, np.nan, 0.0])
    got = summarize(x)
    assert (got.mean, got.n_users, got.n_skipped) == (0.5, 3, 2)
    assert got.low == summarize([0.5, 1.0, 0.0]).low


@pytest.mark.parametrize("x", [[], [np.nan, np.nan]])
def test_nobody_gives_nan(x):
    """A mean over nobody is unknown, and JSON gets None."""
    got = summarize(x)
    assert math.isnan(got.mean)
    assert math.isnan(got.low)
    assert math.isnan(got.high)
    assert (got.n_users, got.n_skipped) == (0, len(x))
    assert json.loads(json.dumps(got.to_dict(), allow_nan=False))["mean"] is None


def test_one_user_has_no_spread():
    """With one user every resample is that user."""
    assert summarize([0.25]) == Summary(0.25, 0.25, 0.25, 1, 0)


@pytest.mark.usefixtures("two_threads")
def test_same_seed_same_interval_on_any_number_of_threads():
    """A reported interval can be reproduced; another seed gives another one."""
    x = np.random.default_rng(3).random(5003)
    first = summarize(x, random_state=7)
    ek.set_num_threads(1)
    assert summarize(x, random_state=7) == first
    assert summarize(x, random_state=8) != first


def test_weighted_mean_by_brute_force():
    """With weights the numbers are those of sum(w x) / sum(w) in each resample."""
    rng = np.random.default_rng(4)
    x, w = rng.random(50), rng.integers(1, 100, 50)
    got = summarize(x, 0.9, 3000, weights=w)
    draws = rng.integers(0, 50, (3000, 50))
    low, high = np.quantile((w[draws] * x[draws]).sum(1) / w[draws].sum(1), [0.05, 0.95])
    assert got.mean == pytest.approx(np.average(x, weights=w), rel=1e-14)
    assert got.low == pytest.approx(low, abs=0.05 * (high - low))
    assert got.high == pytest.approx(high, abs=0.05 * (high - low))


def test_summarize_all_is_summarize_of_each():
    """One pass over shared draws gives what separate calls give."""
    rng = np.random.default_rng(5)
    x = {name: rng.random(101) for name in "abc"}
    for values in x.values():
        values[3] = np.nan
    together = summarize_all(x, n_resamples=50, weights=np.arange(1, 102))
    for name, values in x.items():
        assert together[name] == summarize(values, n_resamples=50, weights=np.arange(1, 102))
    assert summarize_all({}) == {}


def test_prints_mean_and_interval():
    """What a notebook shows."""
    assert str(Summary(0.12345, 0.1, 0.2, 10, 0)) == "0.1235 [0.1000, 0.2000]"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"per_user": [[1.0]]}, r"per_user: expected shape \(n_users,\)"),
        ({"per_user": [1.0, np.inf]}, "per_user: expected finite numbers or NaN, got infinity for user 1"),
        ({"confidence": 0}, "confidence: expected a finite number > 0 and <= 1"),
        ({"confidence": 1.5}, "confidence: expected"),
        ({"n_resamples": 0}, "n_resamples: expected an integer >= 1"),
        ({"random_state": "x"}, "random_state: expected"),
        ({"weights": [1.0]}, r"weights: expected shape \(2,\), got \(1,\)"),
        ({"weights": [1.0, 0.0]}, "weights: expected finite numbers > 0, got 0"),
    ],
)
def test_refuses_bad_input(arguments, message):
    """Messages name the parameter, what was expected and what came."""
    with pytest.raises(ValueError, match=message):
        summarize(**{"per_user": [0.0, 1.0], **arguments})


def test_refuses_vectors_about_different_users():
    """Shared draws need the same users behind every number."""
    with pytest.raises(ValueError, match="NaN for the same users in each of a, b"):
        summarize_all({"a": [1.0, np.nan], "b": [1.0, 2.0]})
    with pytest.raises(ValueError, match=r"b: expected shape \(n_users,\), the same for all, got \(1,\)"):
        summarize_all({"a": [1.0, 2.0], "b": [1.0]})
