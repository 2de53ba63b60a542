"""Ways to damage a file, each drawn from a random generator: the same seed gives the same damage."""

import json
import re
from collections.abc import Callable
from typing import Any

import numpy as np

from eckart.base import files

Random = np.random.Generator

_INTEGERS = (0, 1, -1, 127, 2**15, 2**31 - 1, -(2**31), 2**32, 2**53, 2**63 - 1, -(2**63), 2**64 - 1)
_TEXTS = (b"", b"-1", b"0", b"nan", b"inf", b"1e400", b"-1e-400", b"2147483648", b"99999999999999999999",
          b"\xff\xfe", b"\xed\xa0\x80", b"\x00", b'"', b"\r", b",", b"9" * 5000, b"\xef\xbb\xbf")  # fmt: skip
_JSON = (None, True, [], {}, "", "nan", -1, 0, 1, 2**31, 2**63, 2**64, 1e308, -0.5, [1, 2, 3], "x" * 9999)


def damage(data: bytes, random: Random) -> bytes:
    """Damage bytes whose format is not known: one to three of the ways below."""
    for _ in range(int(random.integers(1, 4))):
        way = _BYTE_WAYS[int(random.integers(len(_BYTE_WAYS)))]
        data = way(data, random) if data else random.bytes(7)
    return data


def damage_safetensors(data: bytes, random: Random) -> bytes:
    """Damage what the header says or what an array holds, and keep the rest of the format whole.

    Mostly the checksum is made right again: what is behind it must stand on its own.
    """
    length = int.from_bytes(data[:8], "little")
    header, body = json.loads(data[8 : 8 + length]), bytearray(data[8 + length :])
    way = int(random.integers(5))
    if way == 0:
        _change_leaf(header, random)
    elif way == 1:
        metadata = header["__metadata__"]
        key = _pick([k for k in ("meta", "provenance") if k in metadata], random)
        inner = json.loads(metadata[key])
        _change_leaf(inner, random)
        metadata[key] = json.dumps(inner)
    elif way == 2:
        name = _pick([n for n in header if n != "__metadata__"], random)
        header[_pick([n for n in header if n != "__metadata__"], random)] = header.pop(name)
    elif way == 3:
        key = _pick(list(header["__metadata__"]), random)
        header["__metadata__"][key] = "[" * 10_000 if random.random() < 0.2 else str(_pick(_JSON, random))
    else:
        _change_elements(header, body, random)
    if random.random() < 0.9:
        _seal(header, body)
    packed = json.dumps(header).encode()
    if random.random() < 0.05:
        packed += b" " * int(random.integers(1, 10**6))
    return len(packed).to_bytes(8, "little") + packed + bytes(body)


def _seal(header: dict[str, Any], body: bytearray) -> None:
    """Make the checksum that of the damaged contents, where the header still makes sense."""
    try:
        metadata = header["__metadata__"]
        metadata.pop("checksum", None)
        arrays = {}
        for name, entry in header.items():
            if name != "__metadata__":
                begin, end = entry["data_offsets"]
                kind = files._DTYPES[entry["dtype"]]
                arrays[name] = np.frombuffer(bytes(body[begin:end]), dtype=kind).reshape(entry["shape"])
        metadata["checksum"] = files.checksum(arrays, metadata)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError):
        return


def _change_leaf(tree: Any, random: Random) -> None:
    """Replace one value somewhere in nested JSON, or take it away."""
    while True:
        keys = list(tree) if isinstance(tree, dict) else range(len(tree))
        key = _pick(list(keys), random)
        inner = tree[key]
        if isinstance(inner, dict | list) and inner and random.random() < 0.9:
            tree = inner
            continue
        if random.random() < 0.2:
            del tree[key]
        else:
            tree[key] = _pick(_JSON, random)
        return


def _change_elements(header: dict[str, Any], body: bytearray, random: Random) -> None:
    """Replace elements of one array by extremes of its type; its shape stays."""
    name = _pick([n for n, e in header.items() if n != "__metadata__" and e["shape"] != [0]], random)
    begin, end = header[name]["data_offsets"]
    kind = {"F32": "<f4", "F64": "<f8", "I32": "<i4", "I64": "<i8"}.get(header[name]["dtype"], "|u1")
    values = np.frombuffer(body[begin:end], dtype=kind).copy()
    if len(values) == 0:
        return
    if values.dtype.kind == "f":
        extremes: Any = (np.nan, np.inf, np.finfo(kind).max, np.finfo(kind).tiny / 2, -1.0, 0.0)
    else:
        bounds = np.iinfo(kind)
        extremes = (bounds.min, bounds.max, 0, 1, min(len(values), bounds.max), int(values[0]), 128)
    for _ in range(int(random.integers(1, 4))):
        values[int(random.integers(len(values)))] = _pick(extremes, random)
    body[begin:end] = values.tobytes()


def _flip_bits(data: bytes, random: Random) -> bytes:
    changed = bytearray(data)
    for _ in range(int(random.integers(1, 9))):
        changed[int(random.integers(len(data)))] ^= 1 << int(random.integers(8))
    return bytes(changed)


def _truncate(data: bytes, random: Random) -> bytes:
    return data[: int(random.integers(len(data)))]


def _splice(data: bytes, random: Random) -> bytes:
    """Write one part over another."""
    begin, end = _block(data, random)
    place = int(random.integers(len(data)))
    return data[:place] + data[begin:end] + data[place + end - begin :]


def _duplicate(data: bytes, random: Random) -> bytes:
    begin, end = _block(data, random)
    return data[:end] * int(random.integers(1, 4)) + data[begin:]


def _delete(data: bytes, random: Random) -> bytes:
    begin, end = _block(data, random)
    return data[:begin] + data[end:]


def _insert(data: bytes, random: Random) -> bytes:
    place = int(random.integers(len(data) + 1))
    junk = random.bytes(int(random.integers(1, 200))) if random.random() < 0.5 else _pick(_TEXTS, random)
    return data[:place] + junk + data[place:]


def _length_field(data: bytes, random: Random) -> bytes:
    """A little-endian number of 4 or 8 bytes becomes extreme: at the start, at the end, or anywhere."""
    width = int(_pick((4, 8), random))
    place = int(_pick((0, max(0, len(data) - 8), int(random.integers(len(data)))), random))
    value = _pick(_INTEGERS, random) % 2 ** (8 * width)
    return data[:place] + value.to_bytes(width, "little") + data[place + width :]


def _number(data: bytes, random: Random) -> bytes:
    """A number that stands there as text becomes something else."""
    found = list(re.finditer(rb"-?\d[\d.]*", data[:100_000]))
    if not found:
        return _flip_bits(data, random)
    place = found[int(random.integers(len(found)))]
    return data[: place.start()] + _pick(_TEXTS, random) + data[place.end() :]


def _block(data: bytes, random: Random) -> tuple[int, int]:
    begin = int(random.integers(len(data)))
    return begin, min(len(data), begin + int(random.integers(1, 1 + max(1, len(data) // 4))))


def _pick(options: Any, random: Random) -> Any:
    return options[int(random.integers(len(options)))]


_BYTE_WAYS: tuple[Callable[[bytes, Random], bytes], ...] = (
    _flip_bits, _truncate, _splice, _duplicate, _delete, _insert, _length_field, _number, _number,
)  # fmt: skip
