"""The files that are damaged: one of every format and every class that can be saved, small and whole."""

import gzip
import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tests.strength.mutations import Random, damage, damage_safetensors

import eckart as ek


@dataclass(frozen=True)
class Subject:
    """A whole file, ways to damage it, and what must work if it can be read all the same."""

    suffix: str
    data: bytes
    ways: tuple[Callable[[bytes, Random], bytes], ...]
    use: Callable[[Path], Any]


def subjects(folder: Path) -> list[Subject]:
    """Build them all; `folder` is for the models on their way through ``ek.save``."""
    random = np.random.default_rng(0)
    cells = random.permutation(40 * 25)[:220]
    users, items = cells // 25 + 3, cells % 25
    values = random.integers(1, 11, len(cells)) / 2
    found = _tables(users, items, values)
    numbers = ek.data.Ratings.from_arrays(users * 7, items, values, timestamps=cells)
    names = [f"é-{item}" for item in items]
    titles = {name: f"Ξ {name}" for name in names}
    texts = ek.data.Ratings.from_arrays([f"u{u}" for u in users], names, values, item_titles=titles)
    grown = ek.completion.ALS(rank=2, max_iter=2, random_state=0).fit(texts)
    grown.update(ek.data.Ratings.from_arrays(["a", "zz", "b"], ["new", "é-1", "é-0"], [1, 2, 3]))
    models = (
        ek.completion.ALS(rank=3, max_iter=2, random_state=0).fit(numbers),
        ek.completion.ALS(rank=2, max_iter=2, random_state=0, biases=False, normalize="both").fit(texts),
        grown,
        ek.completion.ImplicitALS(rank=2, max_iter=2, biases=True, random_state=0).fit(numbers),
        ek.completion.Baseline().fit(texts),
        ek.completion.Popularity().fit(numbers),
        ek.completion.EASE(5.0).fit(texts),
        ek.completion.ItemKNN(5).fit(texts),
        ek.completion.ItemKNN(5, feedback="explicit").fit(numbers),
        numbers,
        texts,
    )
    path = folder / "whole.safetensors"
    for number, model in enumerate(models):
        ek.save(model, path, interactions=number != 1)
        found.append(Subject(".safetensors", path.read_bytes(), (damage, damage_safetensors), use_saved))
    return found


def _tables(users: Any, items: Any, values: Any) -> list[Subject]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = list(zip(users.tolist(), items.tolist(), values.tolist(), strict=True))
    text = "".join(f'{u},"film, {i}",{v},{86400 * u}\n' for u, i, v in rows)
    csv = f"userId,movieId,rating,timestamp\n{text}".encode()
    dat = "".join(f"{u}::{i}::{v}::2020-01-{u % 28 + 1:02d}\n" for u, i, v in rows).encode()
    table = pa.table(
        {"user": users, "item": pa.array([f"é{i}" for i in items]).dictionary_encode(), "rating": values}
    )
    sink = io.BytesIO()
    pq.write_table(table, sink, row_group_size=64)
    plain = io.BytesIO()
    pq.write_table(table, plain, compression="gzip", use_dictionary=False, data_page_version="2.0")
    parquet = (damage,)
    return [
        Subject(".csv", csv, (damage,), use_table),
        Subject(".dat", dat, (damage,), use_table),
        Subject(".csv.gz", gzip.compress(csv, mtime=0), (damage, _damaged_inside), use_table),
        Subject(".parquet", sink.getvalue(), parquet, use_table),
        Subject(".parquet", plain.getvalue(), parquet, use_table),
    ]


def _damaged_inside(data: bytes, random: Random) -> bytes:
    """What a gzip file holds is damaged, its checksum is not."""
    return gzip.compress(damage(gzip.decompress(data), random), compresslevel=1, mtime=0)


def use_table(path: Path) -> None:
    """Read a file of ratings and look at all of it."""
    _use_ratings(ek.data.Ratings.from_file(path, duplicates="last"))


def use_saved(path: Path) -> None:
    """Load, and ask for everything that a saved object answers."""
    loaded = ek.load(path)
    with np.errstate(all="ignore"):  # a number may be huge and still be one
        if isinstance(loaded, ek.data.Ratings):
            _use_ratings(loaded)
        else:
            _use_model(loaded)


def _use_ratings(ratings: Any) -> None:
    repr(ratings)
    assert len(list(ratings)) == len(ratings)  # every id can be decoded
    assert len(ratings.by_user.indices) == len(ratings)
    if ratings.n_items < 10**6:  # the empty columns of a matrix may be many
        assert len(ratings.by_item.indices) == len(ratings)
        assert ratings.item_titles is None or len(ratings.item_titles) == ratings.n_items
    assert len(ratings.data_hash) == 64


def _use_model(model: Any) -> None:
    users = model.users_.decode(np.arange(min(3, len(model.users_))))
    items = model.items_.decode(np.arange(min(3, len(model.items_))))
    repr(model)
    if len(users) == 0 or len(items) == 0:
        return
    histories = model.interactions_ is not None
    if histories or not hasattr(model, "_weigh"):  # a model of rows answers with them alone
        assert len(model.predict(users[:1], items)) == len(items)
        model.predict(["no such user"], items[:1])
        found = model.recommend(users, k=4, exclude_seen=histories)
        assert set(found.items.compressed()) <= set(model.items_.ids())
    if hasattr(model, "similar_items"):
        model.similar_items(items[:1], k=2)
        if histories:
            model.explain(users[0], items[0])
            model.fold_in(model.interactions_)
            model.recommend_new(model.interactions_, k=2)
