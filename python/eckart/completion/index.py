"""Items of a factor model in an approximate nearest-neighbour index of faiss, hnswlib or usearch.

A model ranks by ``<user, item> + bias``. With the bias as one more factor (and a 1 in every query) that is
an inner product alone, which all three libraries search natively. For a library that knows only
distances, :func:`ranking_vectors` gives vectors whose distances rank the same.
"""

import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from eckart.base.errors import EckartError
from eckart.base.validation import check_int, check_option
from eckart.completion.recommendations import Recommendations, from_codes

if TYPE_CHECKING:
    from eckart.completion._factors import FactorModel

METRICS = ("inner_product", "euclidean", "cosine")
LIBRARIES = ("faiss", "hnswlib", "usearch")
LINKS, BUILD_WIDTH, SEARCH_WIDTH = 32, 200, 128  # of the graph (HNSW); recall of the top 10 is above .99
Matrix = NDArray[np.float32]


def ranking_vectors(model: "FactorModel", metric: str = "inner_product") -> tuple[Matrix, Matrix]:
    """Return (items, queries), float32, for which `metric` ranks items for a user as the model does.

    "inner_product": (n_items, d) and (n_users, d), the greatest first; d is the rank, one more with biases.
    "euclidean": one more dimension, ``sqrt(max |v|^2 - |v|^2)`` for items and 0 for queries, makes all items
    equally long, so that the nearest item is the one with the greatest inner product; "cosine": the
    same vectors (Bachrach et al. 2014, "Speeding up the Xbox recommender system", sec. 3). Search
    inner products where a library can: in the longer vectors graphs find less.
    """
    check_option(metric, "metric", METRICS)
    model._check_fitted()
    items, queries, _, _ = _vectors(model)
    if metric == "inner_product":
        return items, queries
    squared = np.einsum("ij,ij->i", items.astype(np.float64), items.astype(np.float64))
    last = np.sqrt(squared.max(initial=0.0) - squared)
    return (
        np.column_stack([items, last]).astype(np.float32),
        np.column_stack([queries, np.zeros(len(queries))]).astype(np.float32),
    )


def _vectors(model: "FactorModel") -> tuple[Matrix, Matrix, NDArray[Any], NDArray[Any]]:
    """Return items and queries for inner products, and each user's (scale, offset) to the model's scores."""
    users = np.arange(len(model.users_), dtype=np.int32)
    queries, items, bias, scale, offset = model._scoring(model._user_side, model.normalization_, users)
    if bias is not None:
        items = np.column_stack([items, bias])
        queries = np.column_stack([queries, np.ones(len(queries))])
    as_float = (np.ascontiguousarray(part, dtype=np.float32) for part in (items, queries))
    return (*as_float, scale, offset)


@dataclass(frozen=True, eq=False)
class ItemIndex:
    """Item vectors in an index of `library`, and the queries of the model's users.

    index : the library's own object; its labels are item codes, ``model.items_.decode`` gives ids
    """

    library: str
    index: Any
    model: "FactorModel"

    def search(self, users: Any = None, k: int = 10) -> Recommendations:
        """Return about the k best items of each user: what ``model.recommend(..., exclude_seen=False)``
        returns, but for items that the approximate search misses."""
        codes = self.model._user_codes(users)
        _, queries, scale, offset = _vectors(self.model)
        k = min(check_int(k, "k"), len(self.model.items_))
        labels, products = _SEARCH[self.library](self.index, queries[codes], k)
        scores = products * scale[codes][:, None] + offset[codes][:, None]
        return from_codes(
            self.model.users_.decode(codes),
            labels.astype(np.int32),
            scores.astype(np.float32),
            self.model.items_,
            self.model.item_titles_,
        )

    def save(self, path: Any) -> None:
        """Write the index in the library's own format."""
        write = {"faiss": _save_faiss, "hnswlib": _call_save("save_index"), "usearch": _call_save("save")}
        write[self.library](self.index, str(Path(path)))


def export_index(model: "FactorModel", path: Any = None, library: str = "auto") -> ItemIndex:
    """See :meth:`FactorModel.export_index`."""
    check_option(library, "library", ("auto", *LIBRARIES))
    model._check_fitted()
    if library == "auto":
        installed = [name for name in LIBRARIES if importlib.util.find_spec(name) is not None]
        if not installed:
            raise EckartError("export_index needs one of faiss-cpu, hnswlib or usearch: install one with pip")
        library = installed[0]
    elif importlib.util.find_spec(library) is None:
        raise EckartError(f"export_index(library={library!r}): {library} is not installed")
    index = ItemIndex(library, _BUILD[library](_vectors(model)[0]), model)
    if path is not None:
        index.save(path)
    return index


# -- the three libraries: build from (n, d) vectors, search (labels, inner products), save ------------------


def _build_faiss(items: Matrix) -> Any:
    import faiss

    index = faiss.IndexHNSWFlat(items.shape[1], LINKS, faiss.METRIC_INNER_PRODUCT)
    index.hnsw.efConstruction, index.hnsw.efSearch = BUILD_WIDTH, SEARCH_WIDTH
    index.add(items)
    return index


def _search_faiss(index: Any, queries: Matrix, k: int) -> tuple[Any, Any]:
    products, labels = index.search(queries, k)
    return labels, products


def _save_faiss(index: Any, path: str) -> None:
    import faiss

    faiss.write_index(index, path)


def _build_hnswlib(items: Matrix) -> Any:
    import hnswlib

    index = hnswlib.Index("ip", items.shape[1])
    index.init_index(len(items), M=LINKS, ef_construction=BUILD_WIDTH, random_seed=0)
    index.add_items(items, np.arange(len(items)))
    return index


def _search_hnswlib(index: Any, queries: Matrix, k: int) -> tuple[Any, Any]:
    index.set_ef(max(SEARCH_WIDTH, k))
    labels, distances = index.knn_query(queries, k)
    return labels, 1 - distances


def _build_usearch(items: Matrix) -> Any:
    from usearch.index import Index

    index = Index(
        ndim=items.shape[1], metric="ip", dtype="f32", connectivity=LINKS,
        expansion_add=BUILD_WIDTH, expansion_search=SEARCH_WIDTH,
    )  # fmt: skip
    index.add(np.arange(len(items)), items)
    return index


def _search_usearch(index: Any, queries: Matrix, k: int) -> tuple[Any, Any]:
    found = index.search(queries, k)
    return found.keys.reshape(len(queries), k), 1 - found.distances.reshape(len(queries), k)


def _call_save(name: str) -> Any:
    return lambda index, path: getattr(index, name)(path)


_BUILD = {"faiss": _build_faiss, "hnswlib": _build_hnswlib, "usearch": _build_usearch}
_SEARCH = {"faiss": _search_faiss, "hnswlib": _search_hnswlib, "usearch": _search_usearch}
