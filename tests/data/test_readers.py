"""Files in, and what a user reads when one is broken."""

import bz2
import gzip

import numpy as np
import pytest
from tests.shared import shared_file

from eckart.base.errors import EckartError
from eckart.data import Ratings
from eckart.data.streams import Stream

ROWS = [(1, 31, 2.5, 1260759144), (1, 1029, 3.0, 1260759179), (7, 31, 4.0, 851866703)]
EXPECTED = [row[:3] for row in ROWS]


def text(separator, header=None, quote=""):
    lines = [separator.join(f"{quote}{field}{quote}" for field in row) for row in ROWS]
    return "\n".join(([header] if header else []) + lines) + "\n"


def written(folder, content, name="ratings.csv"):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("ratings.csv", text(",", "userId,movieId,rating,timestamp")),
        ("u.data", text("\t")),
        ("ratings.dat", text("::")),
        ("r.txt", text(" ")),
        ("r.csv", text(";", '"User-ID";"ISBN";"Book-Rating";"Time"', quote='"')),
        ("r.tsv", text("\t", "UID\tItem\tStars\tts").replace("\n", "\r\n")),
        ("bom.csv", "\ufeff" + text(",", "user,item,rating,date")),
        ("blank.csv", "\n\n" + text(",", "user,item,rating,date").replace("\n", "\n\n")),
        ("no_end.csv", text("|").rstrip("\n")),
        ("r.csv.gz", gzip.compress(text(",", "user_id,item_id,score,timestamp").encode())),
        ("r.csv.bz2", bz2.compress(text(",", "user_id,item_id,score,timestamp").encode())),
    ],
)
def test_common_layouts_need_no_options(tmp_path, name, content):
    """A newcomer types one line; these are the layouts of the well-known files."""
    ratings = Ratings.from_file(written(tmp_path, content, name))
    assert list(ratings) == EXPECTED
    assert ratings.timestamps.tolist() == [row[3] for row in ROWS]
    assert not ratings.counted


def test_parquet(tmp_path):
    """Parquet goes in as it came out, and only the columns needed are read."""
    path = tmp_path / "r.parquet"
    frame = Ratings.from_arrays(["é", "b"], [1, 2], [3, 4], item_titles={1: "x"}).to_frame()
    frame.assign(junk=[[1], [2]]).to_parquet(path)
    ratings = Ratings.from_file(path)
    assert list(ratings) == [("é", 1, 3.0), ("b", 2, 4.0)]
    assert ratings.title(0) == "x"
    frame.assign(value=[1, None]).to_parquet(path)
    with pytest.raises(EckartError, match=r"r\.parquet: row 1: values: the number is missing"):
        Ratings.from_file(path)
    with pytest.raises(
        EckartError, match=r"no column 'z'; .*r\.parquet has the columns 'user', 'item', 'value'"
    ):
        Ratings.from_file(path, user="z")


def test_strings_titles_and_quotes(tmp_path):
    """A title may hold the separator; a missing title is none."""
    path = written(tmp_path, 'user,asin,stars,title\nA2S,0000013714,5,"Hymns, old"\nA1,B00X,1.5,\n')
    ratings = Ratings.from_file(path)
    assert list(ratings) == [("A2S", "0000013714", 5.0), ("A1", "B00X", 1.5)]
    assert ratings.item_titles.tolist() == ["Hymns, old", ""]


def test_events_without_values(tmp_path):
    """Clicks: the repeated row counts twice."""
    ratings = Ratings.from_file(written(tmp_path, "user,item\na,x\na,x\nb,x\n"))
    assert (ratings.counted, list(ratings)) == (True, [("a", "x", 2.0), ("b", "x", 1.0)])
    rated = written(tmp_path, "user,item,rating\na,x,5\na,x,4\n")
    assert Ratings.from_file(rated, value=False).values.tolist() == [2]
    assert Ratings.from_file(rated, duplicates="mean").values.tolist() == [4.5]
    with pytest.raises(ValueError, match="user 'a' and item 'x'"):
        Ratings.from_file(rated)


def test_columns_by_place_and_layout_by_hand(tmp_path):
    """Every guess can be overridden."""
    path = written(tmp_path, "A2S,B00,5.0\nA2T,B01,4.0\n")
    with pytest.raises(EckartError, match="header=False if its first line is a rating already"):
        Ratings.from_file(path)
    assert list(Ratings.from_file(path, header=False)) == [("A2S", "B00", 5.0), ("A2T", "B01", 4.0)]
    assert Ratings.from_file(path, header=False, user=1, item=0).users.ids().tolist() == ["B00", "B01"]
    times = written(tmp_path, "1,2,977\n1,3,978\n")
    ratings = Ratings.from_file(times, value=False, timestamp=2)
    assert (ratings.timestamps.tolist(), ratings.counted) == ([977, 978], True)
    odd = written(tmp_path, "1/2/3.5\n")
    assert list(Ratings.from_file(odd, separator="/")) == [(1, 2, 3.5)]
    latin = written(tmp_path, "user,item,rating\né,1,2\n".encode("latin-1"))
    assert Ratings.from_file(latin, encoding="latin-1")[0] == ("é", 1, 2.0)
    with pytest.raises(EckartError, match=r"not text in 'utf8'.*latin-1"):
        Ratings.from_file(latin)


def test_dates_become_seconds(tmp_path):
    """ISO dates order the ratings as well as numbers do."""
    ratings = Ratings.from_file(written(tmp_path, "user,item,date\n1,1,2020-01-02\n1,2,1970-01-01\n"))
    assert ratings.timestamps.tolist() == [1577923200, 0]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            "user,item,rating\n1,1,5\n\n1,2,nan\n",
            "line 4: values: expected finite numbers of float32, got nan",
        ),
        ("user,item,rating\n1,1,5\n1,2,inf\n", "line 3: .*got inf"),
        ("user,item,rating\n1,1,5\n1,2,NA\n", "line 3: values: expected a number, got 'NA'"),
        ("user,item,rating\r\n1,1,5\r\n1,2,\r\n", "line 3: values: the number is missing"),
        ("user,item,rating\na,1,5\n,2,3\n", "line 3: users: the id is missing"),
        ("user,item,rating\n1,1,5\n1,2.5,3\n", "line 3: items: expected whole numbers as ids, got 2.5"),
        ("user,item,rating\n1,1,5\n1,2\n1,3,4\n", "line 3: expected 3 fields, got 2: '1,2'"),
        ("1::2::3\n1::3\n", "line 2: expected 3 fields, got 2: '1::3'"),
        (
            "user,item,rating,date\n1,1,1,2020-13-45\n",
            "line 2: timestamps: expected an ISO date .*'2020-13-45'",
        ),
        ("user,item,rating\ntrue,1,5\n", "users: expected integers or texts as ids, got truth values"),
        ("", "the file is empty"),
        ("\n \n", "the file is empty"),
        ("user,item,rating\n", "there is not one rating in it"),
        ("user,item,rating", "there is not one rating in it"),
        ("who,what,rating\n1,2,3\n", "has the columns 'who', 'what', 'rating'; say which with user="),
        (b"PK\x03\x04\0\0", "got binary data"),
    ],
)
def test_broken_files_name_the_line(tmp_path, content, message):
    """In a file of a million lines, the number of the line is the whole difference."""
    path = written(tmp_path, content)
    with pytest.raises(EckartError, match=message) as error:
        Ratings.from_file(path)
    assert str(path) in str(error.value)


def test_the_line_is_right_far_down_a_compressed_file(tmp_path):
    """pyarrow reads in blocks and threads and does not count lines; we must."""
    lines = [f"{i},{i % 97},3.5" for i in range(200_000)]
    lines[170_001] = "1,x"
    path = written(tmp_path, gzip.compress("\n".join(["user,item,rating", *lines]).encode()), "big.csv.gz")
    with pytest.raises(EckartError, match="line 170003: expected 3 fields, got 2"):
        Ratings.from_file(path)
    lines[170_001] = "1,2,high"
    path = written(tmp_path, gzip.compress("\n".join(["user,item,rating", *lines]).encode()), "big.csv.gz")
    with pytest.raises(EckartError, match="line 170003: values: expected a number, got 'high'"):
        Ratings.from_file(path)


def test_files_that_are_no_files(tmp_path):
    """The first mistake everyone makes is a wrong path."""
    for path, message in (
        (tmp_path / "none.csv", "none.csv: no such file"),
        (tmp_path, "expected a file, got a folder"),
        (written(tmp_path, b"abc", "x.parquet"), "not a readable parquet file"),
        (written(tmp_path, b"abc", "x.csv.gz"), "cannot be read"),
    ):
        with pytest.raises(EckartError, match=message):
            Ratings.from_file(path)


def test_ctrl_c_while_the_file_is_closed_after_its_first_line(tmp_path, monkeypatch):
    """Python prints and forgets a Ctrl-C in a finalizer: the user would have to press it again."""
    path = written(tmp_path, text(","))
    close = Stream.__exit__

    def interrupted(self, *_):
        close(self)
        monkeypatch.undo()
        raise KeyboardInterrupt

    monkeypatch.setattr(Stream, "__exit__", interrupted)
    with pytest.raises(KeyboardInterrupt):
        Ratings.from_file(path)


def test_movielens_100k_through_a_file(tmp_path):
    """Real ratings in the layout of u.data: the published facts come out."""
    table = np.load(shared_file("ratings/ml100k.npz"))
    rows = np.stack(
        [table[name].astype(np.int64) for name in ("user", "item", "rating", "timestamp")], axis=1
    )
    np.savetxt(tmp_path / "u.data", rows, fmt="%d", delimiter="\t")
    ratings = Ratings.from_file(tmp_path / "u.data")
    assert (len(ratings), ratings.n_users, ratings.n_items) == (100_000, 943, 1_682)
    assert ratings.mean == pytest.approx(3.52986)
    np.testing.assert_array_equal(ratings.users.decode(ratings.user_index), table["user"])
    np.testing.assert_array_equal(ratings.timestamps, table["timestamp"])


def test_epinions_has_the_duplicates_it_is_known_for():
    """Real data contradicts itself: the count is named, and a policy resolves it."""
    table = np.load(shared_file("ratings/epinions.npz"))
    columns = table["user"], table["item"], table["rating"]
    with pytest.raises(ValueError, match="repeated row"):
        Ratings.from_arrays(*columns)
    ratings = Ratings.from_arrays(*columns, duplicates="last")
    assert len(ratings) == len(set(zip(columns[0].tolist(), columns[1].tolist(), strict=True)))
