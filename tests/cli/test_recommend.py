"""`eckart recommend` and `eckart similar`: the same lists as from Python, for people, machines and files."""

import numpy as np
import pyarrow.csv
import pyarrow.parquet
import pytest

import eckart as ek


def test_lists_are_those_of_the_model(answer, model):
    """Text ids of the command line stand for the integers of the file, in the order asked for."""
    document = answer("recommend", model, "--user", "40", "--user", "10", "-k", "5")
    expected = ek.load(model).recommend([40, 10], k=5)
    assert [entry["user"] for entry in document["users"]] == [40, 10]
    for entry, row, titles in zip(document["users"], expected, expected.titles, strict=True):
        assert [film["id"] for film in entry["list"]] == [item for item, _ in row]
        assert [film["score"] for film in entry["list"]] == [score for _, score in row]
        assert [film["title"] for film in entry["list"]] == list(titles)
        assert [film["rank"] for film in entry["list"]] == [1, 2, 3, 4, 5]


def test_text_ids(answer, run, tmp_path):
    """Ids are whatever the file has."""
    path = tmp_path / "r.csv"
    path.write_text("user,item,rating\nann,tea,3\nbob,tea,4\nann,pie,5\nbob,jam,2\n")
    assert run("fit", path, "-o", tmp_path / "m", "--rank", "1").exit_code == 0
    document = answer("recommend", tmp_path / "m", "--user", "ann")
    assert [e["id"] for e in document["users"][0]["list"]] == ["jam"]
    assert "title" not in document["users"][0]["list"][0]


def test_a_list_ends_where_the_items_end(answer, model):
    """Padding must not appear as an item that nobody sells."""
    entry = answer("recommend", model, "--user", "10", "-k", "1000")["users"][0]
    loaded = ek.load(model)
    seen = loaded.interactions_.by_user.counts[loaded.users_.code(10)]
    assert len(entry["list"]) == len(loaded.items_) - seen
    everything = answer("recommend", model, "--user", "10", "-k", "1000", "--include-seen")["users"][0][
        "list"
    ]
    assert len(everything) == len(loaded.items_)


def test_min_ratings_keeps_to_known_items(answer, model):
    """A film that one person rated is seldom what was wanted."""
    loaded = ek.load(model)
    counts = loaded.interactions_.by_item.counts
    least = int(np.median(counts)) + 1
    entry = answer("recommend", model, "--user", "10", "-k", "1000", "--min-ratings", least)["users"][0]
    codes = [loaded.items_.code(film["id"]) for film in entry["list"]]
    assert codes
    assert all(counts[code] >= least for code in codes)


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_everyone_into_a_file(answer, model, tmp_path, suffix):
    """The nightly job of a shop: one table for all."""
    out = tmp_path / f"recs.{suffix}"
    document = answer("recommend", model, "--all", "-k", "3", "--out", out)
    table = pyarrow.csv.read_csv(out) if suffix == "csv" else pyarrow.parquet.read_table(out)
    expected = ek.load(model).recommend(k=3).to_dict()
    assert document["rows"] == table.num_rows == len(expected["user"])
    assert table.column_names == ["user", "rank", "item", "score", "title"]
    for name in ("user", "rank", "item", "title"):
        assert table[name].to_pylist() == expected[name]
    np.testing.assert_allclose(table["score"].to_numpy(), expected["score"], rtol=1e-6)
    assert list(tmp_path.iterdir()) == [out]


def test_everyone_as_json(answer, model):
    """Without a file the document itself holds all lists."""
    assert len(answer("recommend", model, "--all", "-k", "2")["users"]) == 30


def test_tables_have_titles_and_names(run, model):
    """A person reads names, not ids."""
    result = run("recommend", model, "--user", "10", "-k", "3")
    assert result.exit_code == 0
    assert result.stderr == ""
    assert "Recommended to user 10" in result.stdout
    assert result.stdout.count("Film ") == 3


def test_brackets_in_titles_are_no_markup(run, tmp_path):
    """The film "[REC]" exists."""
    path = tmp_path / "r.csv"
    path.write_text("user,item,rating,title\n1,1,3,[REC]\n2,1,4,[REC]\n1,2,5,[/b] x\n2,3,5,tea\n")
    assert run("fit", path, "-o", tmp_path / "m", "--rank", "1").exit_code == 0
    result = run("similar", tmp_path / "m", "--item", "3")
    assert "[REC]" in result.stdout
    assert "[/b] x" in result.stdout


def test_similar_items_and_users(answer, run, model):
    """Both sides of the factors answer."""
    loaded = ek.load(model)
    items = answer("similar", model, "--item", "507", "-k", "4")["items"]
    assert items[0]["item"] == 507
    assert [(e["id"], e["score"]) for e in items[0]["list"]] == next(iter(loaded.similar_items(507, k=4)))
    users = answer("similar", model, "--user", "10", "-k", "4")["users"]
    assert [(e["id"], e["score"]) for e in users[0]["list"]] == next(iter(loaded.similar_users(10, k=4)))
    assert "Most like item 507, Film 1" in run("similar", model, "--item", "507").stdout


def test_popularity_has_no_factors(fails, popularity):
    """A model that cannot answer says so."""
    fails("similar", popularity, "--item", "507", says=["Popularity", "no factors"])


def test_item_models_answer_too(answer, fails, ratings, tmp_path):
    """Lists, likeness of items, but no users to compare: they are rows of ratings."""
    out = tmp_path / "knn.safetensors"
    answer("fit", ratings, "-o", out, "--model", "itemknn")
    loaded = ek.load(out)
    lists = answer("recommend", out, "--user", "10", "-k", "3")["users"]
    assert [(e["id"], e["score"]) for e in lists[0]["list"]] == next(iter(loaded.recommend(10, k=3)))
    items = answer("similar", out, "--item", "507", "-k", "3")["items"]
    assert [(e["id"], e["score"]) for e in items[0]["list"]] == next(iter(loaded.similar_items(507, k=3)))
    fails("similar", out, "--user", "10", says=["ItemKNN", "no factors of users"])
