"""safetensors files: written whole or not at all, read memory-mapped and checked.

The format is eight bytes of length, a JSON header, and the arrays one after another. It is written here,
since the library's writer copies every array and leaves temporary files of its own names; reading, the
`safetensors` library validates the header, and arrays are mapped straight from the file, which its NumPy
reader does not do. A checksum of all contents stands in the metadata, so that a flipped bit is an error and
no silent other answer. Nothing in a file is ever executed.
"""

import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from eckart import _native
from eckart.base.errors import EckartError, one_line
from eckart.base.threads import get_num_threads

PathLike = str | os.PathLike[str]

_DTYPES = {
    "F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "|i1",
    "U64": "<u8", "U32": "<u4", "U16": "<u2", "U8": "|u1", "BOOL": "|b1",
}  # fmt: skip
_BRAIN = "BF16"  # of networks from elsewhere; NumPy has no such type
_CHECKSUM = "checksum"  # a key of the metadata
_CODES = {kind: code for code, kind in _DTYPES.items()}


def write_arrays(path: PathLike, arrays: dict[str, NDArray[Any]], metadata: dict[str, str]) -> None:
    """Write arrays and metadata as :func:`write_whole` does."""
    write_whole(path, lambda file: _write(file, arrays, metadata))


def write_whole(path: PathLike, write: Callable[[BinaryIO], None]) -> None:
    """Write beside `path`, flush to the disk, then rename: a crash leaves the old file or the new one.

    A process that is killed while it writes leaves ``.NAME.XXXXXXXX.partial`` in the folder as well. It
    does no harm, nothing reads it, and it can be deleted.

    Raises EckartError when the folder is missing, not writable or full; the old file is then whole.
    """
    target = check_target(path)
    temporary = None
    try:
        handle, temporary = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".partial", dir=target.parent)
        with os.fdopen(handle, "wb") as file:
            write(file)
        # mkstemp made the file private; give it the permissions of any new file (or of the old one).
        os.chmod(temporary, target.stat().st_mode & 0o777 if target.exists() else 0o666 & ~_umask())
        _flush(temporary)
        os.replace(temporary, target)
        temporary = None
        _flush(target.parent)
    except Exception as error:
        raise EckartError(f"cannot save {target}: {error}") from error
    finally:
        if temporary is not None:
            with contextlib.suppress(OSError):
                os.unlink(temporary)


def check_target(path: PathLike) -> Path:
    """Return the path; EckartError where no file can be written there: known before long work."""
    target = Path(path)
    if not target.parent.is_dir():
        raise EckartError(f"cannot save {target}: the folder {target.parent} does not exist")
    if target.is_dir():
        raise EckartError(f"cannot save {target}: it is a folder")
    return target


def read_arrays(path: PathLike) -> tuple[dict[str, NDArray[Any]], dict[str, str]]:
    """Return (arrays, metadata); arrays are read-only views of the mapped file, bfloat16 copied as float32.

    Raises EckartError for a missing, damaged, truncated or foreign file.
    """
    from safetensors import SafetensorError, safe_open

    source = Path(path)
    if not source.is_file():
        raise EckartError(f"no such file: {source}")
    try:
        with safe_open(str(source), framework="numpy") as file:  # validates header, offsets and sizes
            metadata = dict(file.metadata() or {})
    except (SafetensorError, OSError, ValueError) as error:
        raise EckartError(f"{source} is damaged or no safetensors file: {one_line(error)}") from error
    size = os.path.getsize(source)
    mapped = np.memmap(source, dtype=np.uint8, mode="r")
    length = int.from_bytes(mapped[:8].tobytes(), "little")
    header = json.loads(mapped[8 : 8 + length].tobytes())
    arrays: dict[str, NDArray[Any]] = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        kind = "U16" if entry["dtype"] == _BRAIN else entry["dtype"]
        if kind not in _DTYPES:
            raise EckartError(f"cannot load {source}: array {name!r} has the type {entry['dtype']}")
        begin, end = (8 + length + int(o) for o in entry["data_offsets"])
        if end > size:
            raise EckartError(f"{source} is truncated: array {name!r} ends at byte {end} of {size}")
        data = mapped[begin:end].view(np.ndarray).view(_DTYPES[kind])
        if entry["dtype"] == _BRAIN:  # the upper half of a float32
            data = (data.astype(np.uint32) << 16).view(np.float32)
        arrays[name] = np.require(data, requirements="A").reshape(entry["shape"])
    stored = metadata.pop(_CHECKSUM, None)  # files of others have none
    if stored is not None and stored != checksum(arrays, metadata):
        raise EckartError(f"{source} is damaged: its contents are not those that were written (checksum)")
    return arrays, metadata


def checksum(arrays: dict[str, NDArray[Any]], metadata: dict[str, str]) -> str:
    """Return 16 hexadecimal digits that change with any bit of the arrays (C-contiguous) or metadata."""
    threads = get_num_threads()
    sums = {
        name: [a.dtype.str, a.shape, _native.base.checksum(_as_bytes(a), threads)]
        for name, a in arrays.items()
    }
    said = json.dumps([sums, metadata], sort_keys=True)
    return hashlib.sha256(said.encode()).hexdigest()[:16]


def _as_bytes(array: NDArray[Any]) -> NDArray[np.uint8]:
    return array.reshape(-1).view(np.uint8)


def _write(file: BinaryIO, arrays: dict[str, NDArray[Any]], metadata: dict[str, str]) -> None:
    """Write in safetensors' format; the widest types first, so that every array is aligned."""
    packed = {name: np.asarray(a, dtype=a.dtype.newbyteorder("<"), order="C") for name, a in arrays.items()}
    names = sorted(packed, key=lambda name: (-packed[name].itemsize, name))
    header: dict[str, Any] = {"__metadata__": metadata | {_CHECKSUM: checksum(packed, metadata)}}
    end = 0
    for name in names:
        array = packed[name]
        begin, end = end, end + array.nbytes
        header[name] = {"dtype": _CODES[array.dtype.str], "shape": array.shape, "data_offsets": [begin, end]}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    file.write(len(text).to_bytes(8, "little") + text)
    for name in names:
        file.write(_as_bytes(packed[name]))


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current


def _flush(path: PathLike) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError:
        if not Path(path).is_dir():  # some file systems cannot flush a folder
            raise
    finally:
        os.close(handle)
