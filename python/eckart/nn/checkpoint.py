"""Nested states (dictionaries, lists, numbers, arrays) in one safetensors file, and back, bit for bit."""

import json
from typing import Any

import numpy as np

from eckart.base.errors import EckartError
from eckart.base.files import PathLike, read_arrays, write_arrays

FORMAT, FORMAT_VERSION = "eckart-checkpoint", "1"


def write_checkpoint(path: PathLike, state: Any) -> None:
    """Write a state, whole or not at all. EckartError where that fails, TypeError for other objects."""
    arrays: dict[str, Any] = {}
    tree = _packed(state, "", arrays)
    write_arrays(
        path, arrays, {"format": FORMAT, "format_version": FORMAT_VERSION, "state": json.dumps(tree)}
    )


def read_checkpoint(path: PathLike) -> Any:
    """Return the state of a file, its arrays copied. EckartError for a missing, damaged or foreign file."""
    arrays, metadata = read_arrays(path)
    if metadata.get("format") != FORMAT or metadata.get("format_version") != FORMAT_VERSION:
        raise EckartError(f"cannot load {path}: it is no checkpoint of eckart that this version reads")
    try:
        return _unpacked(json.loads(metadata["state"]), arrays)
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise EckartError(f"cannot load {path}: damaged file ({type(error).__name__})") from error


def _packed(value: Any, path: str, arrays: dict[str, Any]) -> Any:
    """Return a value as JSON, [kind, content], with its arrays put aside under their paths."""
    if isinstance(value, np.ndarray):
        arrays[path] = value
        return ["array", path]
    if isinstance(value, dict):  # pairs: JSON would make its keys strings
        return ["dict", [[k, _packed(v, f"{path}/{k}", arrays)] for k, v in value.items()]]
    if isinstance(value, list | tuple):
        kind = "list" if isinstance(value, list) else "tuple"
        return [kind, [_packed(v, f"{path}/{i}", arrays) for i, v in enumerate(value)]]
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool | int | float | str):
        return ["plain", value]
    raise TypeError(f"state{path}: expected arrays, numbers and text, got {type(value).__name__}")


def _unpacked(node: Any, arrays: dict[str, Any]) -> Any:
    kind, content = node
    if kind == "array":
        return arrays[content].copy()
    if kind == "dict":
        return {key: _unpacked(child, arrays) for key, child in content}
    if kind in ("list", "tuple"):
        values = [_unpacked(child, arrays) for child in content]
        return values if kind == "list" else tuple(values)
    return content
