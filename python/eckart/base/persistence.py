"""``eckart.save`` and ``eckart.load``: one safetensors file for a model or a data set.

The metadata say what the file is (format, version, class), the parameters and where it came from;
the class is looked up in a table of names, so a file can never name code to run.
"""

import datetime
import importlib
import json
from typing import Any

from eckart.base.errors import EckartError, one_line
from eckart.base.files import PathLike, read_arrays, write_arrays
from eckart.base.state import State

FORMAT = "eckart"
FORMAT_VERSION = 1

# Every class that a file may name, and where it lives.
STORABLE = {
    "ALS": "eckart.completion.als",
    "Baseline": "eckart.completion.baseline",
    "EASE": "eckart.completion.ease",
    "GaussNewton": "eckart.completion.gauss_newton",
    "LinearAutoencoder": "eckart.decomposition.autoencoder",
    "PCA": "eckart.decomposition.pca",
    "ItemKNN": "eckart.completion.itemknn",
    "ImplicitALS": "eckart.completion.implicit_als",
    "NMF": "eckart.decomposition.nmf",
    "Popularity": "eckart.completion.popularity",
    "Ratings": "eckart.data.ratings",
    "SVP": "eckart.completion.svp",
    "SVT": "eckart.completion.svt",
    "SoftImpute": "eckart.completion.soft_impute",
    "SpectralGD": "eckart.completion.spectral_gd",
    "TruncatedSVD": "eckart.decomposition.truncated_svd",
}


def save(obj: Any, path: PathLike, *, interactions: bool = True) -> None:
    """Write a fitted model or a data set to `path`, whole or not at all, with a checksum of its contents.

    A process killed meanwhile may leave a hidden ``.NAME.XXXXXXXX.partial`` beside it, which can be deleted.

    interactions : keep a model's training ratings in the file. ``recommend(exclude_seen=True)``,
        ``explain`` and ``update`` need them; without them the file is smaller and holds no user's history.

    Raises EckartError when the file cannot be written (the old one is then untouched), TypeError for
    an object that has no file format, and scikit-learn's NotFittedError for an unfitted model.
    """
    name = type(obj).__name__
    if STORABLE.get(name) != type(obj).__module__:
        raise TypeError(f"obj: expected one of {', '.join(STORABLE)}, got {name}")
    state = obj._get_state(interactions)
    metadata = {
        "format": FORMAT,
        "format_version": str(FORMAT_VERSION),
        "class": name,
        "meta": json.dumps(state.meta),
        "provenance": json.dumps(_provenance()),
    }
    write_arrays(path, state.arrays, metadata)


def load(path: PathLike) -> Any:
    """Read what :func:`save` wrote; arrays stay on the disk until they are used (memory-mapped).

    Raises EckartError for a missing, damaged, truncated or foreign file. Nothing is executed.
    """
    arrays, metadata = read_arrays(path)
    try:
        if metadata.get("format") != FORMAT:
            raise EckartError("it was not written by eckart")
        version = int(metadata.get("format_version", "0"))
        if not 1 <= version <= FORMAT_VERSION:
            raise EckartError(
                f"its format version is {version}, this eckart reads up to {FORMAT_VERSION}: upgrade eckart"
            )
        name = metadata.get("class", "")
        if name not in STORABLE:
            raise EckartError(f"it holds a {name!r}, known are {', '.join(STORABLE)}")
        cls = getattr(importlib.import_module(STORABLE[name]), name)
        obj = cls._from_state(State(arrays, json.loads(metadata["meta"])))
    except EckartError as error:
        raise EckartError(f"cannot load {path}: {one_line(error)}") from error
    except (
        KeyError, TypeError, ValueError, IndexError, AttributeError, OverflowError, RecursionError,
    ) as error:  # fmt: skip
        said = f"{type(error).__name__}: {one_line(error)}"
        raise EckartError(f"cannot load {path}: damaged file ({said})") from error
    return obj


def _provenance() -> dict[str, Any]:
    from eckart import _native
    from eckart._version import version

    now = datetime.datetime.now(datetime.timezone.utc)
    return {"eckart": version, "instruction_set": _native.LEVEL, "saved": now.isoformat(timespec="seconds")}
