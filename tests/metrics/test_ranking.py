"""The ranking metrics against a plain Python reading of their definitions, and their edges."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import ndcg_score

import eckart as ek
from eckart.base.csr import Csr
from eckart.metrics import RANKING_METRICS, ranking_metrics


def csr_of(rows, n_items):
    """A Csr from one {item: grade} a user; grades None make a pattern."""
    indptr = np.cumsum([0] + [len(row) for row in rows]).astype(np.int64)
    items = [item for row in rows for item in sorted(row)]
    grades = [row[item] for row in rows for item in sorted(row)]
    values = None if any(g is None for g in grades) else np.array(grades, dtype=np.float64)
    return Csr(indptr, np.array(items, dtype=np.int32), values, n_items)


def by_definition(listed, relevant, k, gain, min_k):
    """The six metrics of one user in the plainest Python: sets, positions, full sorts."""
    if not relevant:
        return dict.fromkeys(RANKING_METRICS, math.nan)
    top = [item for item in listed if item != -1][:k]
    gain_of = {i: {"binary": lambda g: 1, "linear": lambda g: g, "exponential": lambda g: 2**g - 1}[gain](g)
               for i, g in relevant.items()}  # fmt: skip
    ranks = [rank for rank, item in enumerate(top, start=1) if item in relevant]
    n_hits = len(set(top) & set(relevant))
    best = sorted(gain_of.values(), reverse=True)[:k]
    precision_at = {rank: len(set(top[:rank]) & set(relevant)) / rank for rank in ranks}
    return {
        "precision": n_hits / k,
        "recall": n_hits / (min(k, len(relevant)) if min_k else len(relevant)),
        "hit_rate": float(n_hits > 0),
        "average_precision": sum(precision_at.values()) / min(k, len(relevant)),
        "reciprocal_rank": 1 / min(ranks) if ranks else 0.0,
        "ndcg": sum(gain_of[top[r - 1]] / math.log2(r + 1) for r in ranks)
        / sum(g / math.log2(r + 1) for r, g in enumerate(best, start=1)),
    }


def random_case(seed, n_users, n_items, width, graded=True):
    """Lists of any length up to width, and 0 to 20 relevant items a user, grades with many ties."""
    rng = np.random.default_rng(seed)
    lists = np.full((n_users, width), -1, dtype=np.int32)
    rows = []
    for u in range(n_users):
        length = rng.integers(0, min(width, n_items) + 1)
        lists[u, :length] = rng.permutation(n_items)[:length]
        items = rng.permutation(n_items)[: rng.integers(0, min(20, n_items) + 1)]
        rows.append({int(i): float(rng.integers(1, 6)) if graded else None for i in items})
    return lists, rows


@pytest.mark.parametrize("min_k", [False, True])
@pytest.mark.parametrize("gain", ["binary", "linear", "exponential"])
@pytest.mark.parametrize(
    ("n_users", "n_items", "width", "k"),
    [(1, 1, 1, 1), (7, 13, 5, 3), (53, 31, 10, 10), (601, 97, 31, 7), (0, 5, 3, 2)],
)
def test_agrees_with_the_definitions(n_users, n_items, width, k, gain, min_k):
    """Short lists, cut-off lists, empty users and tied grades, all against plain Python."""
    lists, rows = random_case(n_users, n_users, n_items, width)
    denominator = "min_k" if min_k else "relevant"
    got = ranking_metrics(lists, csr_of(rows, n_items), k, gain=gain, recall_denominator=denominator)
    assert list(got) == list(RANKING_METRICS)
    expected = [by_definition(row.tolist(), rows[u], k, gain, min_k) for u, row in enumerate(lists)]
    for name in RANKING_METRICS:
        assert got[name].dtype == np.float64
        np.testing.assert_allclose(got[name], [e[name] for e in expected], rtol=1e-12, err_msg=name)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64])
@pytest.mark.parametrize("k", [1, 5, 10, 37])
def test_ndcg_agrees_with_sklearn(k, dtype):
    """On full rankings, linear gains are what scikit-learn calls NDCG."""
    rng = np.random.default_rng(k)
    grades = rng.integers(0, 5, (29, 37))
    grades[:, 0] = 1  # everyone has something relevant
    scores = rng.permuted(np.tile(np.arange(37.0), (29, 1)), axis=1)  # no ties
    relevant = csr_of([{int(i): float(row[i]) for i in np.flatnonzero(row)} for row in grades], 37)
    relevant = Csr(relevant.indptr, relevant.indices, relevant.values.astype(dtype), 37)
    got = ek.metrics.ndcg_at_k(np.argsort(-scores, axis=1), relevant, k, gain="linear")
    expected = [ndcg_score(grades[u : u + 1], scores[u : u + 1], k=k) for u in range(29)]
    np.testing.assert_allclose(got, expected, rtol=1e-12)


def test_hand_computed_case():
    """One list worked out on paper: hits at ranks 2 and 3, three relevant items, k = 4."""
    relevant = csr_of([{0: None, 1: None, 2: None}], 10)
    got = ranking_metrics([[9, 0, 2, 8]], relevant)
    ndcg = (1 / math.log2(3) + 1 / 2) / (1 + 1 / math.log2(3) + 1 / 2)
    expected = [2 / 4, 2 / 3, 1, (1 / 2 + 2 / 3) / 3, 1 / 2, ndcg]
    assert [got[name][0] for name in RANKING_METRICS] == pytest.approx(expected, rel=1e-14)


def test_single_functions_are_the_same_numbers():
    """One definition, two ways to ask for it."""
    lists, rows = random_case(3, 41, 23, 8)
    relevant = csr_of(rows, 23)
    every = ranking_metrics(lists, relevant, 5)
    for name in RANKING_METRICS:
        np.testing.assert_array_equal(getattr(ek.metrics, f"{name}_at_k")(lists, relevant, 5), every[name])
    graded = ranking_metrics(
        lists, relevant, 5, ("ndcg", "recall"), gain="linear", recall_denominator="min_k"
    )
    assert list(graded) == ["ndcg", "recall"]
    np.testing.assert_array_equal(ek.metrics.ndcg_at_k(lists, relevant, 5, gain="linear"), graded["ndcg"])
    recall = ek.metrics.recall_at_k(lists, relevant, 5, recall_denominator="min_k")
    np.testing.assert_array_equal(recall, graded["recall"])


def test_no_relevant_item_is_nan_and_an_empty_list_is_zero():
    """Nothing to find blames nobody; finding nothing does."""
    got = ranking_metrics([[0, 1], [-1, -1]], csr_of([{}, {1: None}], 2))
    for values in got.values():
        assert np.isnan(values[0])
        assert values[1] == 0


def test_precision_of_a_short_list_divides_by_k():
    """A model that offers one sure thing instead of ten must not get precision 1."""
    assert ek.metrics.precision_at_k([[3] + [-1] * 9], csr_of([{3: None}], 5))[0] == pytest.approx(0.1)


def test_binary_gain_ignores_grades():
    """`by_user` of ratings can be passed as it is."""
    lists, rows = random_case(5, 20, 15, 6)
    graded = csr_of(rows, 15)
    pattern = Csr(graded.indptr, graded.indices, None, 15)
    np.testing.assert_array_equal(ek.metrics.ndcg_at_k(lists, graded), ek.metrics.ndcg_at_k(lists, pattern))


@pytest.mark.parametrize("layout", ["int64", "uint8", "fortran", "sliced", "read-only", "list"])
def test_any_integer_layout(layout):
    """What NumPy operations leave behind is accepted, and gives the same numbers."""
    lists, rows = random_case(6, 30, 40, 9)
    lists = np.where(lists < 0, 39, lists) if layout == "uint8" else lists
    if layout == "uint8":
        lists = np.stack([np.random.default_rng(u).permutation(40)[:9] for u in range(30)]).astype(np.int32)
    wide = np.zeros((30, 18), dtype=np.int32)
    wide[:, ::2] = lists
    frozen = lists.copy()
    frozen.setflags(write=False)
    given_lists = {
        "int64": lists.astype(np.int64),
        "uint8": lists.astype(np.uint8),
        "fortran": np.asfortranarray(lists),
        "sliced": wide[:, ::2],
        "read-only": frozen,
        "list": lists.tolist(),
    }[layout]
    relevant = csr_of(rows, 40)
    expected = ek.metrics.ndcg_at_k(np.ascontiguousarray(lists), relevant)
    np.testing.assert_array_equal(ek.metrics.ndcg_at_k(given_lists, relevant), expected)


RELEVANT = csr_of([{0: 1.0}, {1: 2.0}], 4)


@pytest.mark.parametrize(
    ("lists", "error", "message"),
    [
        ([[0, 1], [2, 2]], ValueError, "at most once in a list, got 2 at rank 2 of list 1"),
        ([[0, 1], [-1, 2]], ValueError, "only at the end of a list, got 2 at rank 2 of list 1"),
        ([[0, 4], [1, 2]], ValueError, r"in \[0, 4\), or -1 for padding, got 4 at rank 2 of list 0"),
        ([[0, 1], [-2, 2]], ValueError, "got -2 at rank 1 of list 1"),
        ([[0, 2**32], [1, 2]], ValueError, "got 4294967296 at rank 2 of list 0"),
        ([[0, 1]], ValueError, r"expected 2 lists, one a row of relevant, got 1"),
        ([0, 1], ValueError, r"expected shape \(n_users, k\), got \(2,\)"),
        ([[0.0, 1.0], [1.0, 2.0]], TypeError, "expected integer item codes, got float64"),
        (np.ma.masked_equal([[0, 1], [1, 3]], 3), TypeError, "got a masked array"),
    ],
)
def test_refuses_lists_that_are_none(lists, error, message):
    """A faulty list would silently score too high (a duplicate) or read foreign memory (a wild code)."""
    with pytest.raises(error, match=message):
        ranking_metrics(lists, RELEVANT)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"k": 0}, "k: expected an integer >= 1, got 0"),
        ({"k": 3}, "k: expected an integer <= 2, got 3"),
        ({"metrics": ("ndgc",)}, "metrics: expected one of 'precision', .* got 'ndgc'"),
        ({"gain": "graded"}, "gain: expected one of"),
        ({"recall_denominator": "k"}, "recall_denominator: expected one of"),
    ],
)
def test_refuses_bad_parameters(arguments, message):
    """A cut-off beyond the lists would understate every metric; a typo must not choose a default."""
    with pytest.raises(ValueError, match=message):
        ranking_metrics([[0, 1], [1, 2]], RELEVANT, **arguments)


@pytest.mark.parametrize("grade", [0.0, -1.0, np.nan, np.inf, 1e31])
@pytest.mark.parametrize("gain", ["linear", "exponential"])
def test_refuses_grades_that_gain_nothing_or_everything(grade, gain):
    """A gain of 0 makes 0/0, an infinite one inf/inf: the place is named instead."""
    relevant = Csr(RELEVANT.indptr, RELEVANT.indices, np.array([1.0, grade]), 4)
    with pytest.raises(ValueError, match="at stored entry 1"):
        ranking_metrics([[0, 1], [1, 2]], relevant, gain=gain)


def test_refuses_a_relevant_that_is_no_csr_or_has_no_grades():
    """The message says which type is wanted, and that a pattern has no grades."""
    with pytest.raises(TypeError, match=r"expected an eckart.base.csr.Csr, got dict"):
        ranking_metrics([[0]], {0: 1})
    with pytest.raises(ValueError, match="expected grades as values for gain='linear', got a pattern"):
        ranking_metrics([[0]], csr_of([{0: None}], 1), gain="linear")


@st.composite
def users(draw):
    """One user's list (no padding inside), grades and k."""
    n_items = draw(st.integers(1, 12))
    listed = draw(st.lists(st.integers(0, n_items - 1), unique=True, min_size=1, max_size=n_items))
    grades = draw(st.dictionaries(st.integers(0, n_items - 1), st.integers(1, 5), min_size=1))
    return n_items, listed, grades, draw(st.integers(1, len(listed)))


GAINS = st.sampled_from(["binary", "linear", "exponential"])


@settings(max_examples=150, deadline=None)
@given(users(), GAINS)
def test_bounds(user, gain):
    """Whatever the list, every metric is in [0, 1], and is 0 exactly where nothing is hit."""
    n_items, listed, grades, k = user
    got = ranking_metrics([listed], csr_of([grades], n_items), k, gain=gain)
    hit = bool(set(listed[:k]) & set(grades))
    for name, values in got.items():
        assert 0 <= values[0] <= 1, name
        assert (values[0] > 0) == hit, name


@settings(max_examples=150, deadline=None)
@given(users(), GAINS)
def test_a_perfect_list_scores_one(user, gain):
    """The best list a user can get: recall over min(k, n), AP, RR and NDCG are exactly 1."""
    n_items, _, grades, _ = user
    best = sorted(grades, key=lambda i: (-grades[i], i)) + [i for i in range(n_items) if i not in grades]
    for k in range(1, n_items + 1):
        got = ranking_metrics([best], csr_of([grades], n_items), k, gain=gain, recall_denominator="min_k")
        for name in ("recall", "hit_rate", "reciprocal_rank", "ndcg"):
            assert got[name][0] == 1, (name, k)
        assert got["average_precision"][0] == pytest.approx(1, rel=1e-15)


@settings(max_examples=150, deadline=None)
@given(users(), GAINS, st.data())
def test_moving_a_better_item_up_never_hurts(user, gain, data):
    """Swap an item with a less relevant one above it: no metric falls, and NDCG rises within the cut-off."""
    n_items, listed, grades, k = user
    gained = [grades.get(i, 0) if gain != "binary" else int(i in grades) for i in listed]
    swaps = [(a, b) for a in range(len(listed)) for b in range(a) if gained[a] > gained[b]]
    if not swaps:
        return
    low, high = data.draw(st.sampled_from(swaps))
    better = list(listed)
    better[low], better[high] = better[high], better[low]
    got = ranking_metrics([listed, better], csr_of([grades, grades], n_items), k, gain=gain)
    for name, (before, after) in got.items():
        assert after >= before - 1e-15, name
    if high < k:
        assert got["ndcg"][1] > got["ndcg"][0]
