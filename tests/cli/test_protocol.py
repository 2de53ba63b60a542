"""`eckart evaluate --protocol`: the figures are those of `run_protocol`, and its files are whole."""

import json

import pytest

import eckart as ek
from eckart.cli._protocol import ProtocolName
from eckart.evaluation import PROTOCOLS, load_record, run_protocol

FAST = ["--rank", "2", "--max-iter", "3"]


def data_of(path):
    return ek.data.Ratings.from_file(path)


def test_names_are_those_of_the_library():
    """A protocol that only Python knows is half a protocol."""
    assert [name.value for name in ProtocolName] == list(PROTOCOLS)


@pytest.mark.parametrize(
    "name", ["surprise-5fold", "rendle-2019", "liang-2018", "ncf-loo", "lightgcn", "time"]
)
def test_every_protocol_is_one_command(answer, ratings, name):
    """The same means, intervals and split as in Python."""
    low = ["--relevant-from", "1"] if name == "liang-2018" else []
    document = answer("evaluate", ratings, "--protocol", name, "--against", "baseline", *FAST, *low)
    models = {"ALS": ek.completion.ALS(2, max_iter=3, random_state=0), "Baseline": ek.completion.Baseline()}
    options = {"relevant_from": 1} if low else {}
    expected = run_protocol(name, models, data_of(ratings), **options).to_dict(by_user=False)
    assert document["split_hash"] == expected["split_hash"]
    assert document["paired"] == expected["paired"]
    for model in ("Popularity", "ALS", "Baseline"):
        assert document["results"][model]["metrics"] == expected["results"][model]["metrics"]


def test_folds_from_files(answer, ratings, tmp_path):
    """Official folds are files: their rows leave training, in every fold."""
    header, *lines = ratings.read_text().splitlines()
    files = []
    for fold in range(3):
        files += ["--test", tmp_path / f"u{fold}.csv"]
        files[-1].write_text("\n".join([header, *lines[fold::3]]) + "\n")
    document = answer("evaluate", ratings, "--protocol", "official-u1-u5", *files, "--model", "baseline")
    assert [fold["test_ratings"] for fold in document["folds"]] == [len(lines[f::3]) for f in range(3)]
    assert all(fold["train_ratings"] + fold["test_ratings"] == len(lines) for fold in document["folds"])


def test_negatives_from_a_file(answer, ratings, tmp_path):
    """The draw of a paper is two files."""
    data = data_of(ratings)
    train, test = ek.data.leave_last_out_split(data)
    negatives = [
        (row.user, item)
        for code, row in zip(test.user_index, test, strict=True)
        for item in data.items.ids()
        if item not in data.items.decode(train.by_user.row(code)[0])
    ]
    (tmp_path / "test.csv").write_text("user,item\n" + "".join(f"{r.user},{r.item}\n" for r in test))
    (tmp_path / "negatives.csv").write_text("user,item\n" + "".join(f"{u},{i}\n" for u, i in negatives))
    document = answer(
        "evaluate", ratings, "--protocol", "ncf-loo", "--model", "popularity",
        "--test", tmp_path / "test.csv", "--negatives", tmp_path / "negatives.csv",
    )  # fmt: skip
    means = {m: e["mean"] for m, e in document["results"]["Popularity"]["metrics"].items()}
    assert means["sampled hit_rate@10"] == means["hit_rate@10"]  # all unrated items were the candidates
    assert document["left_out"]["negatives that are the user's own test item, dropped there"] == len(test)


def test_record_figure_and_comparison(run, answer, ratings, tmp_path):
    """A run is kept, drawn, and compared with a later one."""
    pytest.importorskip("matplotlib", reason="figures need matplotlib (extra plot)")
    record, figure = tmp_path / "record.json", tmp_path / "figure.png"
    first = run("evaluate", ratings, "--protocol", "surprise-5fold", "--model", "baseline",
                "--record", record, "--figure", figure)  # fmt: skip
    assert first.exit_code == 0, first.output
    assert first.stderr == ""
    for text in ("surprise-5fold, seed 0", "Popularity", "RMSE", "Baseline minus Popularity", "fit MB"):
        assert text in first.stdout
    assert figure.read_bytes().startswith(b"\x89PNG")
    assert list(load_record(record).results) == ["Popularity", "Baseline"]
    again = ["evaluate", ratings, "--protocol", "surprise-5fold", "--compare-with", record]
    document = answer(*again, *FAST)
    old = json.loads(record.read_text())["results"]["Baseline"]["metrics"]["rmse"]["mean"]
    new = document["results"]["ALS"]["metrics"]["rmse"]["mean"]
    assert document["change"]["differences"]["rmse"]["mean"] == pytest.approx(new - old)
    assert "ALS minus Baseline" in run(*again, *FAST).stdout


def test_a_model_against_its_defaults(answer, ratings):
    """The same class twice is two rows."""
    document = answer("evaluate", ratings, "--protocol", "rendle-2019", "--model", "baseline", "--reg", "50",
                      "--against", "baseline")  # fmt: skip
    assert list(document["results"]) == ["Popularity", "Baseline", "Baseline (defaults)"]


def test_the_seed_of_the_folds_is_the_published_one(answer, ratings):
    """--seed is of the models; folds move only when asked to."""
    command = ["evaluate", ratings, "--protocol", "surprise-5fold", "--model", "baseline"]
    published = answer(*command)
    assert answer(*command, "--seed", "7")["split_hash"] == published["split_hash"]
    assert answer(*command, "--split-seed", "7")["split_hash"] != published["split_hash"]


def test_what_a_protocol_refuses(fails, ratings, model, tmp_path):
    """An option that would be ignored is an error, before any work."""
    protocol = ["evaluate", ratings, "--protocol", "lightgcn"]
    fails(*protocol, "-k", "5", says=["-k: lightgcn has its own"])
    fails(*protocol, "--split", "time", says=["--split"])
    fails(*protocol, "--test-size", "0.5", says=["--test-size: lightgcn has its own"])
    fails(*protocol, "--load", model, says=["--load"])
    fails(*protocol, "--test", ratings, "--test", ratings, says=["one test part, got 2"])
    fails(*protocol, "--negatives", ratings, says=["negatives: lightgcn has no such option"])
    fails(*protocol, "--figure", tmp_path / "x.txt", says=["x.txt", ".png"])
    fails(*protocol, "--record", tmp_path / "no" / "x.json", says=["no folder"])
    fails(*protocol, "--compare-with", tmp_path / "x.json", says=["no such file"])
    fails("evaluate", ratings, "--protocol", "official-u1-u5", says=["test:"])
    for option in ("--against=baseline", f"--record={tmp_path / 'x.json'}", "--split-seed=0"):
        fails("evaluate", ratings, option, says=["only with --protocol"])
