"""eckart.save and eckart.load: old files stay readable, damaged ones are refused, nothing is executed."""

import json
from pathlib import Path

import eckart
import numpy as np
import pytest
from eckart import EckartError
from eckart.base.files import read_arrays, write_arrays
from eckart.completion import ALS, Baseline, Popularity
from eckart.testing import small_ratings
from safetensors.numpy import save_file

GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture(scope="module")
def model():
    return ALS(rank=2, reg=(0.1, 0.2), max_iter=2, normalize="both", random_state=3).fit(small_ratings())


@pytest.fixture
def path(model, tmp_path):
    eckart.save(model, tmp_path / "model.safetensors")
    return tmp_path / "model.safetensors"


def rewrite(path, *, meta=None, **metadata):
    """Write the file again with other metadata; `meta` edits the JSON part in place."""
    arrays, old = read_arrays(path)
    if meta is not None:
        parsed = json.loads(old["meta"])
        meta(parsed)
        old["meta"] = json.dumps(parsed)
    write_arrays(path, arrays, {name: v for name, v in (old | metadata).items() if v is not None})


def replace_array(path, name, change):
    """Write the file again with one array changed (None: left out)."""
    arrays, metadata = read_arrays(path)
    arrays = dict(arrays)
    new = change(arrays.pop(name).copy())
    if new is not None:
        arrays[name] = new
    write_arrays(path, arrays, metadata)


def test_everything_survives(model, path):
    """Parameters, history, vocabularies, titles and ratings: the loaded model goes on as the old one."""
    loaded = eckart.load(path)
    assert type(loaded) is ALS
    assert loaded.get_params() == model.get_params()
    assert loaded.history_ == model.history_
    assert (loaded.n_iter_, loaded.converged_) == (model.n_iter_, model.converged_)
    assert loaded.rating_scale_ == model.rating_scale_
    assert loaded.interactions_.data_hash == model.interactions_.data_hash
    for side in ("user", "item"):
        for name in (f"{side}_factors_", f"{side}_biases_"):
            np.testing.assert_array_equal(getattr(loaded, name), getattr(model, name))
    np.testing.assert_array_equal(loaded.fold_in(small_ratings()), model.fold_in(small_ratings()))
    assert loaded.explain(100, "item-05").prediction == model.explain(100, "item-05").prediction
    assert loaded.fit(small_ratings()).n_iter_ == 2


def test_factors_are_mapped(path):
    """A model of gigabytes opens in a moment."""
    factors = eckart.load(path).user_factors_
    while isinstance(factors.base, np.ndarray):
        factors = factors.base
    assert isinstance(factors, np.memmap)


def test_saved_twice_is_the_same_model(path):
    """A loaded model can be saved over its own file, and again."""
    for _ in range(2):
        eckart.save(eckart.load(path), path)
    again = eckart.load(path)
    np.testing.assert_array_equal(again.predict(small_ratings()), eckart.load(path).predict(small_ratings()))
    assert again.random_state == 3


def test_without_interactions_no_history_is_in_the_file(model, path, tmp_path):
    """Whoever gets the smaller file learns nobody's ratings."""
    eckart.save(model, tmp_path / "small", interactions=False)
    arrays, _ = read_arrays(tmp_path / "small")
    assert not any("interactions" in name for name in arrays)
    assert (tmp_path / "small").stat().st_size < path.stat().st_size
    assert eckart.load(tmp_path / "small").interactions_ is None


def test_provenance(path):
    """A file tells what wrote it."""
    _, metadata = read_arrays(path)
    assert metadata["format"] == "eckart"
    assert metadata["format_version"] == "1"
    provenance = json.loads(metadata["provenance"])
    assert provenance["eckart"] == eckart.__version__
    assert set(provenance) == {"eckart", "instruction_set", "saved"}
    assert json.loads(metadata["meta"])["random_state"] == 3
    assert len(json.loads(metadata["meta"])["data_hash"]) == 64


def test_generators_are_no_seed(tmp_path):
    """What cannot be written down is None in the file, not a crash."""
    model = ALS(rank=1, max_iter=1, random_state=np.random.default_rng(0)).fit(small_ratings())
    eckart.save(model, tmp_path / "m")
    assert eckart.load(tmp_path / "m").random_state is None


def test_what_cannot_be_saved(tmp_path):
    """Foreign and unfitted objects are refused before a file is touched."""
    from sklearn.exceptions import NotFittedError

    class ALS:  # a stranger of the same name
        pass

    for stranger in (object(), ALS(), {"a": 1}, None):
        with pytest.raises(TypeError, match="expected one of ALS"):
            eckart.save(stranger, tmp_path / "m")
    with pytest.raises(NotFittedError):
        eckart.save(eckart.completion.ALS(), tmp_path / "m")
    assert not (tmp_path / "m").exists()


DAMAGES = {
    "newer format": dict(format_version="2"),
    "version zero": dict(format_version="0"),
    "version of letters": dict(format_version="one"),
    "no format": dict(format=None),
    "other format": dict(format="pt"),
    "unknown class": dict(**{"class": "os.system"}),
    "no class": dict(**{"class": None}),
    "wrong class": dict(**{"class": "Baseline"}),
    "wrong class 2": dict(**{"class": "Ratings"}),
    "no meta": dict(meta=lambda m: m.clear()),
    "no params": dict(meta=lambda m: m.pop("params")),
    "unknown parameter": dict(meta=lambda m: m["params"].update(evil=1)),
    "bad parameter": dict(meta=lambda m: m["params"].update(reg="lots")),
    "bad rank": dict(meta=lambda m: m["params"].update(rank={})),
    "parameters a list": dict(meta=lambda m: m.update(params=[1, 2])),
    "mean of NaN": dict(meta=lambda m: m.update(mean=float("nan"))),
    "mean a word": dict(meta=lambda m: m.update(mean="3.5")),
    "infinite global mean": dict(meta=lambda m: m.update(global_mean=float("inf"))),
    "mean too large for a float": dict(meta=lambda m: m.update(mean=10**400)),
    "scale of one": dict(meta=lambda m: m.update(rating_scale=[1])),
    "scale of NaN": dict(meta=lambda m: m.update(rating_scale=[1, float("nan")])),
    "no training": dict(meta=lambda m: m.pop("training")),
    "garbage history": dict(meta=lambda m: m["training"].update(history=[7])),
    "no vocabulary": dict(meta=lambda m: m["interactions"].pop("items")),
    "vocabulary kind": dict(meta=lambda m: m["interactions"]["items"].update(kind="complex")),
    "vocabulary size": dict(meta=lambda m: m["interactions"]["items"].update(size=39)),
    "vocabulary size negative": dict(meta=lambda m: m["interactions"]["users"].update(size=-1)),
    "vocabulary huge": dict(meta=lambda m: m["interactions"]["users"].update(kind="range", size=2**31 - 1)),
    "normalization": dict(meta=lambda m: m["normalization"].update(method="magic")),
    "interactions a number": dict(meta=lambda m: m.update(interactions=3)),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_damaged_metadata(path, name):
    """Each claim of a file is checked before it is relied on."""
    rewrite(path, **DAMAGES[name])
    with pytest.raises(EckartError, match=r"cannot load .*model\.safetensors"):
        eckart.load(path)


@pytest.mark.parametrize("text", ["", "[", "[]", "3", "null", "[" * 100_000, '"' + "x" * 100])
def test_meta_that_is_no_object(path, text):
    """Broken JSON, other JSON, and JSON that would exhaust a parser."""
    arrays, metadata = read_arrays(path)
    write_arrays(path, arrays, metadata | {"meta": text})
    with pytest.raises(EckartError, match="cannot load"):
        eckart.load(path)


def poke(index, value):
    def change(array):
        array[index] = value
        return array

    return change


BAD_ARRAYS = {
    "factors are missing": ("user_factors_", lambda a: None),
    "one side of biases is missing": ("item_biases_", lambda a: None),
    "other rank": ("item_factors_", lambda a: a[:, :1]),
    "other length": ("user_factors_", lambda a: a[:-1]),
    "one dimension": ("user_factors_", lambda a: a.ravel()),
    "other type": ("item_factors_", lambda a: a.astype(np.float64)),
    "integers": ("user_factors_", lambda a: a.astype(np.int32)),
    "NaN factors": ("user_factors_", poke((3, 1), np.nan)),
    "infinite biases": ("item_biases_", poke(0, np.inf)),
    "index above": ("interactions.indices", poke(5, 40)),
    "index below": ("interactions.indices", poke(5, -1)),
    "index enormous": ("interactions.indices", poke(5, 2**31 - 1)),
    "indices of another length": ("interactions.indices", lambda a: a[:-1]),
    "pointers fall": ("interactions.indptr", poke(3, 10**6)),
    "pointers negative": ("interactions.indptr", poke(1, -5)),
    "first pointer": ("interactions.indptr", poke(0, 1)),
    "last pointer": ("interactions.indptr", poke(-1, 3)),
    "pointers missing": ("interactions.indptr", lambda a: None),
    "NaN ratings": ("interactions.values", poke(0, np.nan)),
    "ratings of another type": ("interactions.values", lambda a: a.astype(np.float16)),
    "ids not sorted": ("interactions.users.ids", poke(0, 10**6)),
    "ids twice": ("interactions.users.ids", poke(1, 100)),
    "text offsets": ("interactions.items.offsets", poke(2, 10**6)),
    "text offsets negative": ("interactions.items.offsets", poke(2, -3)),
    "scale of zero": ("normalization.user_scale", poke(0, 0.0)),
    "NaN offsets": ("normalization.item_offset", poke(0, np.nan)),
    "statistics of another length": ("normalization.user_offset", lambda a: a[:-1]),
}


@pytest.mark.parametrize("name", BAD_ARRAYS)
def test_damaged_arrays(path, name):
    """A code outside its range would be read as memory of others: it ends here."""
    array, change = BAD_ARRAYS[name]
    assert array in read_arrays(path)[0]
    replace_array(path, array, change)
    with pytest.raises(EckartError, match="cannot load"):
        eckart.load(path)


@pytest.mark.parametrize(
    ("model", "array"),
    [(Baseline(), "user_biases_"), (Popularity(), "item_means_"), (Popularity(), "item_counts_")],
)
def test_damaged_baselines(tmp_path, model, array):
    """The small models check their arrays as well."""
    path = tmp_path / "m"
    for change in (lambda a: None, lambda a: a[1:], lambda a: a.astype(np.int16)):
        eckart.save(model.fit(small_ratings()), path)
        replace_array(path, array, change)
        with pytest.raises(EckartError, match="cannot load"):
            eckart.load(path)
    if array != "item_counts_":
        eckart.save(model, path)
        replace_array(path, array, poke(0, np.nan))
        with pytest.raises(EckartError, match="NaN"):
            eckart.load(path)


def test_flipped_bits_never_crash(path):
    """Random damage anywhere: an EckartError, or an object that answers without going out of bounds."""
    whole = path.read_bytes()
    rng = np.random.default_rng(1)
    for place in rng.integers(0, len(whole), 400):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << int(rng.integers(8))
        path.write_bytes(damaged)
        try:
            loaded = eckart.load(path)
        except EckartError:
            continue
        assert loaded.recommend(k=3).items.shape[1] == 3


def test_truncated_models(path):
    """The same through `load`, with the path in the message."""
    whole = path.read_bytes()
    for size in range(0, len(whole), max(97, len(whole) // 60)):
        path.write_bytes(whole[:size])
        with pytest.raises(EckartError, match=r"model\.safetensors"):
            eckart.load(path)


def test_foreign_safetensors(tmp_path):
    """A file of weights from elsewhere is not a model of ours."""
    save_file({"weight": np.zeros(3)}, tmp_path / "m", metadata={"format": "pt"})
    with pytest.raises(EckartError, match="not written by eckart"):
        eckart.load(tmp_path / "m")


def test_a_newer_format_says_so(path):
    """The way out is in the message."""
    rewrite(path, format_version="99")
    with pytest.raises(EckartError, match=r"format version is 99.*upgrade eckart"):
        eckart.load(path)


def test_golden_file():
    """Version 1 of the format stays readable for ever, and means what it meant."""
    model = eckart.load(GOLDEN / "als_v1.safetensors")
    wanted = np.loadtxt(GOLDEN / "als_v1_predictions.txt")
    users, items = model.users_.ids(), model.items_.ids()
    got = np.array([model.predict(user, items) for user in users])
    np.testing.assert_allclose(got, wanted, atol=1e-6)
    assert (model.rank, model.reg, model.normalize, model.random_state) == (3, (0.1, 0.2), "user", 7)
    assert list(users[:2]) == ["user 0", "user 1"]
    assert items.tolist() == list(range(3, 93, 10))
    assert model.item_titles_[6] == "蜘蛛巣城"
    ratings = model.interactions_
    assert (len(ratings), ratings.timestamps.min() >= 1_600_000_000) == (73, True)
    assert ratings.data_hash == "bf49a7ac9266cc4cce2275ee02c2af30d42ed156b1e774a021792c058edcd74f"
    np.testing.assert_allclose(model.fold_in(ratings), model.user_factors_, atol=1e-5)
    assert model.recommend("user 3", k=2).titles.shape == (1, 2)


def test_golden_file_is_small():
    """It stays in the repository for ever."""
    assert (GOLDEN / "als_v1.safetensors").stat().st_size < 20_000
