"""How a record lies in a file: JSON, with the numbers of each user packed (float64, zlib, base64)."""

import base64
import dataclasses
import json
import math
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eckart.base.errors import EckartError, one_line
from eckart.base.files import PathLike, write_whole
from eckart.base.validation import check_float, check_int
from eckart.evaluation.measure import ByUser
from eckart.evaluation.titles import describe_folds, title_of

FORMAT = "eckart-record"
FORMAT_VERSION = 1
_MAX_NUMBERS = 2**31  # of one array: a file that claims more is not believed
_PLAIN = ("protocol", "seed", "settings", "data_hash", "split_hash", "folds", "left_out", "environment")


def to_dict(record: Any, *, by_user: bool = True) -> dict[str, Any]:
    """Return the record as plain values; NaN becomes None."""
    document: dict[str, Any] = {"format": FORMAT, "format_version": FORMAT_VERSION}
    document |= {name: plain(getattr(record, name)) for name in _PLAIN}
    document["results"] = {
        model: plain(dataclasses.asdict(result))
        | {"metrics": {m: plain(dataclasses.asdict(e)) for m, e in record.estimates[model].items()}}
        for model, result in record.results.items()
    }
    document["paired"] = [plain(pair.to_dict()) for pair in record.paired_comparisons()]
    if by_user:
        document["by_user"] = {
            model: {m: {side: _pack(getattr(x, side)) for side in x._fields} for m, x in of.items()}
            for model, of in record.by_user.items()
        }
    return document


def write(record: Any, path: PathLike) -> None:
    """Write the record, whole or not at all."""
    text = json.dumps(to_dict(record), indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    write_whole(path, lambda file: file.write(text.encode()) and None)


def read(record_class: Any, result_class: Any, path: PathLike) -> Any:
    """Return the record of a file. Means and comparisons are computed again from the numbers of each user."""
    source = Path(path)
    try:
        document = json.loads(source.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise EckartError(f"no such file: {source}") from None
    except (OSError, ValueError, RecursionError) as error:
        raise EckartError(f"{source} is damaged or no record: {one_line(error)}") from error
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise EckartError(
            f"{source} is no record of a protocol: expected a JSON object of the format {FORMAT!r}"
        )
    if document.get("format_version") != FORMAT_VERSION:
        version = one_line(document.get("format_version"))
        raise EckartError(f"{source} has format version {version}, this eckart reads {FORMAT_VERSION}")
    try:
        return _record(record_class, result_class, document)
    except (KeyError, TypeError, ValueError, AttributeError, zlib.error) as error:
        raise EckartError(f"{source} is damaged: {type(error).__name__} {one_line(error)}") from error


def _record(record_class: Any, result_class: Any, document: dict[str, Any]) -> Any:
    names = [f.name for f in dataclasses.fields(result_class)]
    results = {
        model: result_class(**{name: said[name] for name in names})
        for model, said in document["results"].items()
    }
    by_user = {
        model: {m: ByUser(*(_unpack(packed[side]) for side in ByUser._fields)) for m, packed in of.items()}
        for model, of in document["by_user"].items()
    }
    _check(document, results, by_user)
    return record_class(**{name: document[name] for name in _PLAIN}, results=results, by_user=by_user)


def _check(document: dict[str, Any], results: dict[str, Any], by_user: dict[str, dict[str, ByUser]]) -> None:
    """ValueError, KeyError or TypeError for what a table of the record would trip over."""
    shapes = {array.shape for of in by_user.values() for x in of.values() for array in x}
    n_folds = len(document["folds"])
    if "Popularity" not in results or set(by_user) != set(results):
        raise ValueError(f"expected the numbers of Popularity and of each model, got {sorted(by_user)}")
    if len({tuple(of) for of in by_user.values()}) != 1:
        raise ValueError("expected the same metrics of each model")
    if len(shapes) != 1 or next(iter(shapes))[0] != n_folds:
        raise ValueError(f"expected (n_folds, n_users) numbers for {n_folds} folds, got {sorted(shapes)}")
    check_int(document["seed"], "seed", low=0)
    describe_folds(document["folds"])
    for metric in by_user["Popularity"]:
        title_of(metric)
    for result in results.values():
        for number in (result.fit_seconds, result.score_seconds, result.fit_bytes or 0):
            check_float(number, "costs")
    for n in document["left_out"].values():
        check_int(n, "left_out", low=0)


def plain(value: Any) -> Any:
    """Return a value as JSON has it: NumPy's numbers as Python's, NaN as None, other objects as text."""
    if isinstance(value, dict):
        return {str(name): plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, str | int | float | bool | None) else repr(value)


def _pack(array: NDArray[np.float64]) -> dict[str, Any]:
    data = zlib.compress(np.ascontiguousarray(array, dtype="<f8").tobytes(), 6)
    return {"shape": list(array.shape), "float64": base64.b64encode(data).decode()}


def _unpack(packed: dict[str, Any]) -> NDArray[np.float64]:
    n_folds, n_users = packed["shape"]
    size = 8 * n_folds * n_users
    if not 0 < size <= 8 * _MAX_NUMBERS:
        raise ValueError(f"expected a shape of positive numbers, got {packed['shape']}")
    unpacking = zlib.decompressobj()
    data = unpacking.decompress(base64.b64decode(packed["float64"], validate=True), size + 1)
    if len(data) != size or not unpacking.eof:
        raise ValueError(f"expected {size} bytes of numbers and their checksum, got others")
    array = np.frombuffer(data, dtype="<f8").reshape(n_folds, n_users).astype(np.float64)
    if not np.isfinite(array).all():
        raise ValueError("expected finite numbers")
    return array
