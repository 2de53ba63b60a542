"""MNIST from the files that it is passed around in."""

import gzip

import numpy as np
import pytest
from tests.shared import shared_file

from eckart.base.errors import EckartError
from eckart.datasets import Digits, read_mnist, small_digits

NAMES = {
    "x_train": "train-images-idx3-ubyte",
    "y_train": "train-labels-idx1-ubyte",
    "x_test": "t10k-images-idx3-ubyte",
    "y_test": "t10k-labels-idx1-ubyte",
}


@pytest.fixture
def arrays():
    rng = np.random.default_rng(0)
    return {
        "x_train": rng.integers(0, 256, (7, 5, 5), np.uint8),
        "y_train": rng.integers(0, 10, 7, np.uint8),
        "x_test": rng.integers(0, 256, (3, 5, 5), np.uint8),
        "y_test": rng.integers(0, 10, 3, np.uint8),
    }


def write_idx(folder, arrays, zipped=False):
    for name, array in arrays.items():
        shape = b"".join([n.to_bytes(4, "big") for n in array.shape])
        raw = bytes([0, 0, 8, array.ndim]) + shape + array.tobytes()
        path = folder / (NAMES[name] + (".gz" if zipped else ""))
        path.write_bytes(gzip.compress(raw) if zipped else raw)


def same(found, arrays):
    return all(np.array_equal(getattr(found, name), array) for name, array in arrays.items())


@pytest.mark.parametrize("layout", ["npz", "idx", "idx, zipped", "idx, dots"])
def test_every_layout_gives_the_same(layout, arrays, tmp_path):
    """Users have one or the other; labels come out as the losses want them."""
    path = tmp_path
    if layout == "npz":
        path = tmp_path / "mnist.npz"
        np.savez_compressed(path, **arrays)
    else:
        write_idx(tmp_path, arrays, "zipped" in layout)
    if layout == "idx, dots":
        for name in NAMES.values():
            (tmp_path / name).rename(tmp_path / name.replace("-idx", ".idx"))
    found = read_mnist(path)
    assert isinstance(found, Digits)
    assert same(found, arrays)
    assert found.x_train.dtype == np.uint8
    assert found.y_test.dtype == np.int64


def test_what_is_missing_is_named(arrays, tmp_path):
    """Which file, which array, and what was expected."""
    with pytest.raises(EckartError, match=r"no such file: .*none\.npz; expected MNIST"):
        read_mnist(tmp_path / "none.npz")
    np.savez(tmp_path / "half.npz", x_train=arrays["x_train"])
    with pytest.raises(EckartError, match=r"half\.npz has no y_train, x_test, y_test; expected MNIST"):
        read_mnist(tmp_path / "half.npz")
    write_idx(tmp_path, arrays)
    (tmp_path / NAMES["y_test"]).unlink()
    with pytest.raises(EckartError, match="has no file t10k-labels-idx1-ubyte"):
        read_mnist(tmp_path)


def test_damage_is_an_error(arrays, tmp_path):
    """A file that is cut off or is something else must not train a network quietly."""
    (tmp_path / "text.npz").write_text("not an archive")
    with pytest.raises(EckartError, match=r"text\.npz: expected MNIST"):
        read_mnist(tmp_path / "text.npz")
    np.savez(tmp_path / "whole.npz", **arrays)
    raw = (tmp_path / "whole.npz").read_bytes()
    (tmp_path / "cut.npz").write_bytes(raw[: len(raw) // 2])
    with pytest.raises(EckartError, match=r"cut\.npz: expected MNIST"):
        read_mnist(tmp_path / "cut.npz")
    write_idx(tmp_path, arrays)
    images = tmp_path / NAMES["x_train"]
    whole = images.read_bytes()
    for broken in (whole[:-1], whole + b"0", b"", b"\0\0\x0d" + whole[3:], whole[:9]):
        images.write_bytes(broken)
        with pytest.raises(EckartError, match="train-images-idx3-ubyte is damaged"):
            read_mnist(tmp_path)
    images.unlink()
    (tmp_path / f"{NAMES['x_train']}.gz").write_bytes(gzip.compress(whole)[:-9])
    with pytest.raises(EckartError, match=r"train-images-idx3-ubyte\.gz is damaged"):
        read_mnist(tmp_path)


@pytest.mark.parametrize(
    ("name", "wrong", "says"),
    [
        ("x_train", np.zeros((7, 5, 5), np.float32), r"x_train \(n, side, side\) of bytes, got float32"),
        ("x_test", np.zeros((3, 5, 4), np.uint8), r"x_test \(n, side, side\) of bytes"),
        ("x_test", np.zeros((0, 5, 5), np.uint8), r"x_test \(n, side, side\) of bytes"),
        ("y_train", np.zeros(6, np.uint8), r"y_train \(7,\) of digits, got uint8 of shape \(6,\)"),
        ("y_test", np.full(3, 10, np.uint8), r"y_test \(3,\) of digits"),
        ("y_test", np.zeros(3, np.float64), r"y_test \(3,\) of digits, got float64"),
        ("y_test", np.array([1, 2, None]), "expected MNIST"),
    ],
)
def test_another_layout_is_an_error(name, wrong, says, arrays, tmp_path):
    """Other arrays under these names are told at once; objects, which could execute code, are not read."""
    np.savez(tmp_path / "a.npz", **(arrays | {name: wrong}))
    with pytest.raises(EckartError, match=says):
        read_mnist(tmp_path / "a.npz")


def test_mnist():
    """The set that everybody knows: its sizes, and the mean that everybody subtracts."""
    digits = read_mnist(shared_file("images/mnist.npz"))
    assert digits.x_train.shape == (60_000, 28, 28)
    assert digits.x_test.shape == (10_000, 28, 28)
    assert digits.x_train.mean() / 255 == pytest.approx(0.1306605, abs=1e-6)
    assert np.array_equal(np.bincount(digits.y_test)[:3], [980, 1135, 1032])


def test_small_digits():
    """What stands for MNIST without a file: all of scikit-learn's digits, cut by the seed."""
    digits = small_digits(0)
    assert (len(digits.x_train), len(digits.x_test)) == (1500, 297)
    assert digits.x_train.dtype == np.uint8
    assert digits.x_train.max() == 255
    counts = np.bincount(np.concatenate([digits.y_train, digits.y_test]))
    assert np.array_equal(counts, [178, 182, 177, 183, 181, 182, 181, 179, 174, 180])
    assert not np.array_equal(small_digits(1).y_test, digits.y_test)
