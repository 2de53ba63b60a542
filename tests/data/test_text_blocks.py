"""Text files in blocks: what the reader says must not depend on where a block ends."""

import bz2
import gzip

import numpy as np
import pytest

from eckart.base.errors import EckartError
from eckart.data import Ratings, text_blocks

BLOCKS = (64, 1000, 10**6)


@pytest.fixture(params=BLOCKS)
def block_bytes(request, monkeypatch):
    """Blocks of a few lines, of many, and the file in one."""
    monkeypatch.setattr(text_blocks, "BLOCK_BYTES", request.param)
    return request.param


def written(folder, lines, name="r.csv", pack=lambda raw: raw):
    path = folder / name
    path.write_bytes(pack("\n".join(lines).encode()))
    return path


def rows(n=300, seed=0):
    rng = np.random.default_rng(seed)
    cells = rng.permutation(40 * 30)[:n]
    return cells // 30 * 7, cells % 30, rng.integers(1, 11, n) / 2


def lines_of(users, items, values):
    triples = zip(users, items, values, strict=True)
    return ["user,item,rating", *(f"{u},{i},{v:g}" for u, i, v in triples)]


@pytest.mark.parametrize(
    ("name", "pack"),
    [("r.csv", bytes), ("r.csv.gz", gzip.compress), ("r.csv.bz2", bz2.compress)],
)
def test_the_same_ratings_from_any_blocks(tmp_path, block_bytes, name, pack):
    """Whole and half ratings make integer and float blocks: they are one column all the same."""
    users, items, values = rows()
    got = Ratings.from_file(written(tmp_path, lines_of(users, items, values), name, pack))
    want = Ratings.from_arrays(users, items, values)
    assert got.data_hash == want.data_hash
    np.testing.assert_array_equal(got.user_index, want.user_index)
    np.testing.assert_array_equal(got.values, want.values)


def test_texts_of_many_blocks(tmp_path, block_bytes, monkeypatch):
    """Every block brings a dictionary of its own; the codes must be those of one."""
    monkeypatch.setattr("eckart.data.collect._FEW", 5)
    users, items, values = rows()
    users, items = [f"ü{u}" for u in users], [f"i{i}" for i in items]
    lines = [
        f"{line},Film {item[1:]}"
        for line, item in zip(lines_of(users, items, values)[1:], items, strict=True)
    ]
    got = Ratings.from_file(written(tmp_path, ["user,item,rating,title", *lines]))
    want = Ratings.from_arrays(users, items, values)
    assert got.data_hash == want.data_hash
    assert list(got) == list(want)
    assert [got.title(code) for code in range(got.n_items)] == [f"Film {i[1:]}" for i in want.items.ids()]


def test_an_id_that_is_text_makes_all_of_them_text(tmp_path, block_bytes):
    """The first blocks look like integers; "007" must still be "007" and not 7."""
    users = [f"{u:03d}" for u in range(200)] + ["x1"]
    ratings = Ratings.from_file(written(tmp_path, lines_of(users, users, [1] * 201)))
    assert ratings.users.ids().tolist() == sorted(users)
    assert ratings.users.kind == ratings.items.kind == "string"


def test_dates_after_times(tmp_path, block_bytes):
    """Two ways of writing a time in one column are still times."""
    lines = [f"{u},1,2020-01-02" for u in range(50)] + [f"{u},1,2020-01-02 00:00:01" for u in range(50, 99)]
    ratings = Ratings.from_file(written(tmp_path, ["user,item,date", *lines]))
    assert np.unique(ratings.timestamps).tolist() == [1577923200, 1577923201]


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ("1,2", "line 252: expected 3 fields, got 2: '1,2'"),
        ("1,2,nan", "line 252: values: expected finite numbers of float32, got nan"),
        ("1,2,high", "line 252: values: expected a number, got 'high'"),
        ("1,,3", "line 252: items: the id is missing"),
        ("1,2.5,3", "line 252: items: expected whole numbers as ids, got 2.5"),
    ],
)
def test_the_line_is_that_of_the_file(tmp_path, block_bytes, bad, message):
    """A block knows its own rows only; the message must count all of them, blank lines too."""
    lines = lines_of(*rows())
    lines[250] = bad
    lines.insert(100, "")
    with pytest.raises(EckartError, match=message):
        Ratings.from_file(written(tmp_path, lines))


def test_other_separators_and_encodings(tmp_path, block_bytes):
    """Two bytes as separator and two bytes a letter: neither may be cut in two."""
    users, items, values = rows()
    lines = [line.replace(",", "::") for line in lines_of(users, items, values)[1:]]
    want = Ratings.from_arrays(users, items, values)
    assert Ratings.from_file(written(tmp_path, lines)).data_hash == want.data_hash
    path = tmp_path / "chinese.csv"
    lines = [f"李{line}" for line in lines_of(users, items, values)[1:]]
    path.write_bytes("\n".join(lines).encode("gb18030"))
    got = Ratings.from_file(path, encoding="gb18030", header=False)
    assert got.users.ids().tolist() == sorted(f"李{u}" for u in set(users.tolist()))


def test_a_line_longer_than_a_block(tmp_path, block_bytes):
    """A title of a thousand letters is read whole."""
    path = written(tmp_path, ["user,item,title", f"1,2,{'x' * 5000}", "1,3,y"])
    assert [len(title) for title in Ratings.from_file(path).item_titles] == [5000, 1]


def test_blank_lines_alone_are_no_block(tmp_path, block_bytes):
    """A file that ends in a thousand blank lines has the ratings that stand before them."""
    path = written(tmp_path, [*lines_of([1, 2], [3, 4], [5, 1]), *[""] * 1000, "5,6,2", *[""] * 1000])
    assert len(Ratings.from_file(path)) == 3


def test_progress(tmp_path, block_bytes, capfd):
    """Twenty million rows take seconds; on a terminal a bar shows them, elsewhere nothing is written."""
    path = written(tmp_path, lines_of(*rows()))
    Ratings.from_file(path, verbose=True)
    assert capfd.readouterr().out == ""
    with pytest.raises(ValueError, match="verbose"):
        Ratings.from_file(path, verbose=2)
