"""Small files that claim or unpack to much: refused before they fill the memory or the day."""

import gzip

import numpy as np
import pytest

from eckart.base.errors import EckartError
from eckart.data import Ratings, streams, text_blocks

MIB = 1 << 20


def packed(path, head, block, n_blocks):
    with gzip.open(path, "wb", compresslevel=9) as file:
        file.write(head)
        for _ in range(n_blocks):
            file.write(block)
    return path


@pytest.mark.parametrize(
    ("head", "block", "says"),
    [
        (b"user,item\n", b"12,32\n" * 40_000, "unpack to"),
        (b"user::item\n", b"12::32\n" * 40_000, "unpack to"),
        (b"", b"\0" * MIB, "unpack to"),
    ],
)
def test_a_packed_bomb_is_refused(tmp_path, monkeypatch, head, block, says):
    """A megabyte from a stranger must not take the machine's memory, nor minutes to be called no table."""
    monkeypatch.setattr(streams, "FLOOR", MIB)
    path = packed(tmp_path / "bomb.csv.gz", head, block, 20)
    with pytest.raises(EckartError, match=rf"bomb.csv.gz: .*{says}"):
        Ratings.from_file(path)


@pytest.mark.parametrize(
    ("block", "says"), [(b"\0", "a line of over"), (b"1", "a line of over"), (b"\n", "blank")]
)
def test_what_is_no_table_is_soon_refused(tmp_path, block, says):
    """Looking for the first line of a disk image must not take minutes."""
    path = tmp_path / "image.csv"
    path.write_bytes(block * (20 * MIB))
    with pytest.raises(EckartError, match=rf"image.csv: .*{says}"):
        Ratings.from_file(path)


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_a_table_that_turns_into_something_else(tmp_path, monkeypatch, pack):
    """A download that broke after good rows must not be gathered into one endless line."""
    monkeypatch.setattr(text_blocks, "BLOCK_BYTES", MIB)
    path = tmp_path / ("r.csv.gz" if pack is gzip.compress else "r.csv")
    path.write_bytes(pack(b"user,item\n1,2\n" + b"1" * (40 * MIB)))
    with pytest.raises(EckartError, match=r"r.csv.*: expected a text table, got a line of over"):
        Ratings.from_file(path)


def test_packed_ratings_are_no_bomb(tmp_path, monkeypatch):
    """The rule must let pass what people have: even sorted, round ratings shrink far less than RATIO."""
    monkeypatch.setattr(streams, "FLOOR", 0)
    rows = "".join(f"{user},{item},5\n" for user in range(300) for item in range(100))
    path = tmp_path / "ratings.csv.gz"
    path.write_bytes(gzip.compress(b"user,item,rating\n" + rows.encode()))
    assert len(Ratings.from_file(path)) == 30_000


def test_a_parquet_bomb_is_refused(tmp_path):
    """Runs of one value take no room in parquet: half a kilobyte can hold a hundred million rows."""
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    column = np.zeros(1 << 22, dtype=np.int8)
    path = tmp_path / "bomb.parquet"
    parquet.write_table(pa.table({"user": column, "item": column}), path, row_group_size=len(column))
    with pytest.raises(EckartError, match=r"bomb.parquet: .*unpack to"):
        Ratings.from_file(path)


def test_parquet_texts_must_be_utf8(tmp_path):
    """pyarrow does not look; ids that cannot be shown would fail only when they are recommended."""
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    offsets = pa.py_buffer(np.arange(4, dtype=np.int32))
    users = pa.StringArray.from_buffers(3, offsets, pa.py_buffer(b"a\xffb"))
    path = tmp_path / "latin.parquet"
    parquet.write_table(pa.table({"user": users, "item": [1, 2, 3]}), path)
    with pytest.raises(EckartError, match=r"latin.parquet: .*UTF-8"):
        Ratings.from_file(path)


def test_parquet_codes_must_lie_in_their_dictionary(tmp_path, monkeypatch):
    """A flipped bit in a page gives such codes; pyarrow hands them on, and they would reach beyond memory."""
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    codes = pa.array([0, 1, 7], pa.int32())
    damaged = pa.table(
        {"user": pa.DictionaryArray.from_arrays(codes, ["a", "b"], safe=False), "item": [1, 2, 3]}
    )
    path = tmp_path / "codes.parquet"
    parquet.write_table(pa.table({"user": ["a", "b", "a"], "item": [1, 2, 3]}), path)
    monkeypatch.setattr(parquet.ParquetFile, "read_row_group", lambda *_, **__: damaged)
    with pytest.raises(EckartError, match=r"codes.parquet: column 'user': .*out of bounds: 7"):
        Ratings.from_file(path)


@pytest.mark.parametrize("titles", [[[1], [2]], [{"a": 1}, {"a": 2}], [b"\xff", b"a"]])
def test_titles_must_be_texts(tmp_path, titles):
    """A column of lists in a parquet file is a slip, and the message says of which column."""
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    path = tmp_path / "titles.parquet"
    parquet.write_table(pa.table({"user": [1, 2], "item": [1, 2], "title": titles}), path)
    with pytest.raises(EckartError, match=r"titles.parquet: item_titles: expected texts"):
        Ratings.from_file(path)
