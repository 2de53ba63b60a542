"""Ranking metrics beside trec_eval, the program that the definitions of the field are taken from."""

import numpy as np
import pytest

from eckart.base.csr import Csr
from eckart.linalg.topk import top_k
from eckart.metrics import ranking_metrics

pytestmark = pytest.mark.peers

THEIRS = {
    "precision": "P_{k}",
    "recall": "recall_{k}",
    "hit_rate": "success_{k}",
    "average_precision": "map_cut_{k}",
    "reciprocal_rank": "recip_rank",
    "ndcg": "ndcg_cut_{k}",
}


@pytest.fixture(scope="module")
def trec():
    return pytest.importorskip("pytrec_eval", reason="pytrec_eval is not installed (extra `bench`)")


@pytest.mark.parametrize("gain", ["binary", "linear"])
@pytest.mark.parametrize("k", [1, 5, 17])
def test_random_rankings_with_ties_and_empty_users(trec, k, gain):
    """Tied scores, tied grades, short lists, users with nothing relevant: the same number for every user."""
    rng = np.random.default_rng(k)
    n_users, n_items = 97, 61
    scores = rng.integers(0, 6, n_items).astype(np.float64)  # of the items: many ties
    seen = rng.random((n_users, n_items)) < rng.uniform(0.1, 0.99, (n_users, 1))
    seen[3] = True  # nothing can be recommended to this user
    nothing = np.zeros((n_users, 1)), np.zeros((n_items, 1))
    lists, _ = top_k(*nothing, k, bias=scores, exclude=csr_of(seen))
    grades = rng.integers(1, 4, seen.shape) * (rng.random(seen.shape) < 0.1)
    grades[::7] = 0
    found = ranking_metrics(lists, csr_of(grades), k, gain=gain)

    assert (lists < 0).any()
    judged = np.flatnonzero(grades.any(axis=1) & (lists[:, 0] >= 0))
    given = np.minimum(grades, 1) if gain == "binary" else grades
    qrels = {str(u): {str(i): int(given[u, i]) for i in np.flatnonzero(given[u])} for u in judged}
    # trec_eval ranks by score: the ranks that our rule for ties gave are its scores.
    run = {str(u): {str(i): float(k - rank) for rank, i in enumerate(lists[u]) if i >= 0} for u in judged}
    names = [name.format(k=k) for name in THEIRS.values()]
    asked = {name.replace(f"_{k}", f".{k}") for name in names}
    theirs = trec.RelevanceEvaluator(qrels, asked).evaluate(run)
    n_relevant = (grades > 0).sum(axis=1)[judged]
    for ours, name in zip(THEIRS, names, strict=True):
        expected = np.array([theirs[str(u)][name] for u in judged])
        if ours == "average_precision":  # theirs is over all relevant items, ours over those a list can hold
            expected *= n_relevant / np.minimum(n_relevant, k)
        np.testing.assert_allclose(found[ours][judged], expected, rtol=1e-9, err_msg=ours)
    empty = ~grades.any(axis=1)
    assert np.isnan(found["ndcg"][empty]).all()
    assert not np.isnan(found["ndcg"][~empty]).any()


def csr_of(values):
    rows, columns = np.nonzero(values)
    indptr = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=len(values)))]).astype(np.int64)
    return Csr(indptr, columns.astype(np.int32), values[rows, columns].astype(np.float64), values.shape[1])
