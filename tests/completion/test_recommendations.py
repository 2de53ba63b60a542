"""Lists as tables and files of the caller's choice."""

import numpy as np
import pytest

from eckart.base.errors import EckartError
from eckart.completion import Popularity
from eckart.data import Ratings


@pytest.fixture
def found():
    """Two lists of different lengths, ids and titles as texts."""
    ratings = Ratings.from_arrays(
        ["u1", "u1", "u2"], ["a", "b", "a"], [3.0, 4.0, 5.0], item_titles={"a": "Ã", "b": "Brazil"}
    )
    return Popularity().fit(ratings).recommend(k=2)


@pytest.mark.parametrize("backend", ["pandas", "polars", "pyarrow"])
def test_tables(found, backend):
    """The same columns and rows whichever library reads them; padding is no row."""
    pytest.importorskip(backend)
    table = found.to_frame(backend)
    names = list(table.column_names if backend == "pyarrow" else table.columns)
    assert names == ["user", "rank", "item", "score", "title"]
    columns = {name: table[name].to_pylist() if backend == "pyarrow" else list(table[name]) for name in names}
    assert columns == found.to_dict()
    assert columns == {"user": ["u2"], "rank": [1], "item": ["b"], "score": [1.0], "title": ["Brazil"]}


def test_parquet(found, tmp_path):
    """What is written is what is read back, by anything that reads parquet."""
    import pyarrow.parquet as pq

    found.to_parquet(tmp_path / "lists.parquet")
    assert pq.read_table(tmp_path / "lists.parquet").to_pydict() == found.to_dict()
    assert [p.name for p in tmp_path.iterdir()] == ["lists.parquet"]


def test_integers_stay_integers():
    """Ids and ranks are numbers in the table as they were in the data, scores keep their precision."""
    matrix = np.array([[1.0, np.nan, 2.0], [np.nan, 3.0, 1.0]])
    table = Popularity().fit(matrix).recommend(k=3).to_frame("pyarrow")
    assert [str(field.type) for field in table.schema] == ["int64", "int64", "int64", "double"]


def test_files_that_cannot_be_written(found, tmp_path):
    """One readable error, and nothing left behind."""
    with pytest.raises(EckartError, match="cannot write"):
        found.to_parquet(tmp_path / "nowhere" / "lists.parquet")
    with pytest.raises(ValueError, match="parquet"):
        found.to_parquet(tmp_path / "lists.csv")
    assert list(tmp_path.iterdir()) == []
