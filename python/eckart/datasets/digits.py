"""Handwritten digits: MNIST from files that the user has, and the small set that scikit-learn ships."""

import gzip
import zlib
from pathlib import Path
from typing import Any, NamedTuple
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from eckart.base.errors import EckartError, one_line
from eckart.base.files import PathLike

EXPECTED = "MNIST: an npz file of x_train, y_train, x_test, y_test, or the folder of its four idx files"
_IDX = {  # the names that the files were published under; a dot for the second dash is as common
    "x_train": "train-images?idx3-ubyte",
    "y_train": "train-labels?idx1-ubyte",
    "x_test": "t10k-images?idx3-ubyte",
    "y_test": "t10k-labels?idx1-ubyte",
}
_BYTES = 8  # the type code of unsigned bytes in an idx file


class Digits(NamedTuple):
    """x_train, x_test : (n, side, side) uint8, 0 is the background; of MNIST-1D (n, 40) float32
    y_train, y_test : (n,) int64, 0 to 9"""

    x_train: NDArray[Any]
    y_train: NDArray[np.int64]
    x_test: NDArray[Any]
    y_test: NDArray[np.int64]


def read_mnist(path: PathLike) -> Digits:
    """Return MNIST, or what has its layout, from an npz file or a folder of idx files (``.gz`` or not).

    path : a file with the arrays x_train, y_train, x_test, y_test, as Keras distributes it; or the folder of
        train-images-idx3-ubyte and its three companions (LeCun, Cortes and Burges)

    Raises EckartError for what is missing or damaged, or has another layout.
    """
    source = Path(path)
    arrays = _from_folder(source) if source.is_dir() else _from_npz(source)
    for part in ("train", "test"):
        x, y = arrays[f"x_{part}"], arrays[f"y_{part}"]
        if x.ndim != 3 or x.dtype != np.uint8 or x.shape[1] != x.shape[2] or len(x) == 0:
            raise EckartError(
                f"{source}: expected x_{part} (n, side, side) of bytes, got {x.dtype} of shape {x.shape}"
            )
        if y.shape != x.shape[:1] or y.dtype.kind not in "iu" or y.min() < 0 or y.max() > 9:
            raise EckartError(
                f"{source}: expected y_{part} ({len(x)},) of digits, got {y.dtype} of shape {y.shape}"
            )
        arrays[f"y_{part}"] = y.astype(np.int64)
    return Digits(**arrays)


def small_digits(seed: int = 0) -> Digits:
    """Return scikit-learn's 1,797 digits of 8 x 8 (Alpaydin and Kaynak 1998), 1,500 to learn from.

    Which ones are for testing is drawn by the seed.
    """
    from sklearn.datasets import load_digits

    found = load_digits()
    order = np.random.default_rng(seed).permutation(len(found.images))
    images = np.round(found.images * (255 / 16)).astype(np.uint8)[order]
    labels = found.target.astype(np.int64)[order]
    return Digits(images[:1500], labels[:1500], images[1500:], labels[1500:])


def _from_npz(source: Path) -> dict[str, NDArray[Any]]:
    if not source.is_file():
        raise EckartError(f"no such file: {source}; expected {EXPECTED}")
    try:
        with source.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            missing = [name for name in _IDX if name not in file]
            if missing:
                raise EckartError(f"{source} has no {', '.join(missing)}; expected {EXPECTED}")
            return {name: file[name] for name in _IDX}
    except (OSError, ValueError, EOFError, TypeError, AttributeError, BadZipFile, zlib.error) as error:
        raise EckartError(f"{source}: expected {EXPECTED}; {one_line(error)}") from error


def _from_folder(folder: Path) -> dict[str, NDArray[Any]]:
    arrays = {}
    for name, pattern in _IDX.items():
        found = sorted([*folder.glob(pattern), *folder.glob(f"{pattern}.gz")])
        if not found:
            raise EckartError(f"{folder} has no file {pattern.replace('?', '-')} (.gz); expected {EXPECTED}")
        arrays[name] = _read_idx(found[0])
    return arrays


def _read_idx(path: Path) -> NDArray[Any]:
    """Return the bytes of an idx file: two zeros, type, number of axes, their lengths (big-endian), data."""
    try:
        raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (OSError, EOFError, zlib.error) as error:
        raise EckartError(f"{path} is damaged: {one_line(error)}") from error
    if len(raw) < 4 or raw[:2] != b"\0\0" or raw[2] != _BYTES:
        raise EckartError(f"{path} is damaged or no idx file of bytes")
    start = 4 + 4 * raw[3]
    shape = tuple([int.from_bytes(raw[i : i + 4], "big") for i in range(4, start, 4)])
    if len(raw) != start + int(np.prod(shape, dtype=object)):
        raise EckartError(f"{path} is damaged: {len(raw)} bytes do not hold {shape}")
    return np.frombuffer(raw, np.uint8, offset=start).reshape(shape)
