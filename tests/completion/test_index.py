"""Vectors that rank like the model under any metric, and recall of the libraries that are installed."""

import numpy as np
import pytest

import eckart
from eckart.base.errors import EckartError
from eckart.completion import ALS, ranking_vectors
from eckart.completion.index import LIBRARIES
from eckart.datasets import make_ratings
from eckart.testing import small_ratings

VARIANTS = [{}, {"biases": False}, {"normalize": "both", "normalize_method": "zscore"}]


def closeness(metric, items, queries):
    """(n_users, n_items), the greatest the nearest."""
    if metric == "inner_product":
        return queries @ items.T
    if metric == "euclidean":
        return -np.linalg.norm(queries[:, None] - items, axis=2)
    unit = [vectors / np.linalg.norm(vectors, axis=1, keepdims=True) for vectors in (queries, items)]
    return unit[0] @ unit[1].T


@pytest.mark.parametrize("metric", ["inner_product", "euclidean", "cosine"])
@pytest.mark.parametrize("parameters", VARIANTS, ids=str)
def test_every_metric_ranks_like_the_model(metric, parameters):
    """Brute force over the vectors gives the model's own lists, biases and normalisation included."""
    model = ALS(rank=3, random_state=0, **parameters).fit(small_ratings(np.float64))
    items, queries = ranking_vectors(model, metric)
    assert items.dtype == queries.dtype == np.float32
    near = closeness(metric, items.astype(np.float64), queries.astype(np.float64))
    found = model.recommend(k=5, exclude_seen=False)
    codes = model.items_.encode(found.items.ravel()).reshape(found.items.shape)
    agree = np.argsort(-near, axis=1)[:, :5] == codes
    assert agree.mean() > 0.98  # float32 may swap neighbours that are all but tied
    best = np.take_along_axis(near, codes, 1)
    np.testing.assert_allclose(best, -np.sort(-near, axis=1)[:, :5], atol=2e-3)


def test_augmented_items_are_equally_long():
    """That is what turns the greatest inner product into the nearest neighbour (Bachrach et al. 2014)."""
    items, queries = ranking_vectors(ALS(rank=3, random_state=0).fit(small_ratings()), "euclidean")
    lengths = np.linalg.norm(items, axis=1)
    np.testing.assert_allclose(lengths, lengths[0], rtol=1e-5)
    assert (queries[:, -1] == 0).all()


@pytest.fixture(scope="module")
def large():
    ratings = make_ratings(400, 2_000, 40_000, random_state=0).ratings
    return ALS(rank=16, reg=5.0, reg_scaling="none", max_iter=5, random_state=0).fit(ratings)


@pytest.mark.peers
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the libraries' own wrappers
@pytest.mark.parametrize("library", LIBRARIES)
def test_recall_of_the_exact_top_10(library, large, tmp_path):
    """An index that misses what the model would recommend is of no use."""
    pytest.importorskip(library, reason=f"{library} is not installed (extra `bench`)")
    path = tmp_path / "items.index"
    index = large.export_index(path, library)
    assert path.stat().st_size > 1000
    exact, found = large.recommend(k=10, exclude_seen=False), index.search(k=10)
    recall = np.mean([len(set(a) & set(b)) for a, b in zip(exact.items, found.items, strict=True)]) / 10
    assert recall > 0.98
    same = (exact.items == found.items).all(axis=1)
    assert same.mean() > 0.8
    np.testing.assert_allclose(found.scores[same], exact.scores[same], atol=1e-3)
    some = index.search([7, 3], k=4)
    assert list(some.users) == [7, 3]
    assert some.items.shape == (2, 4)


def test_auto_takes_what_is_installed(large):
    """Whoever has one of them need not say which."""
    import importlib.util

    installed = [name for name in LIBRARIES if importlib.util.find_spec(name)]
    if not installed:
        with pytest.raises(EckartError, match="faiss-cpu, hnswlib or usearch"):
            large.export_index()
        return
    assert large.export_index().library == installed[0]


def test_a_missing_library_is_named(large, monkeypatch):
    """Not a ModuleNotFoundError from somewhere inside."""
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(EckartError, match="usearch is not installed"):
        large.export_index(library="usearch")
    with pytest.raises(EckartError, match="export_index needs one of"):
        large.export_index()


def test_refused(large):
    """Names that are none, models that are not fitted."""
    from sklearn.exceptions import NotFittedError

    with pytest.raises(ValueError, match="library: expected one of 'auto', 'faiss'"):
        large.export_index(library="annoy")
    with pytest.raises(ValueError, match="metric: expected one of"):
        ranking_vectors(large, "manhattan")
    with pytest.raises(NotFittedError):
        ALS().export_index()
    assert eckart.completion.ItemIndex is not None
