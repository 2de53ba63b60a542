"""Files opened for reading, with a bound on what a small one may unpack to.

A packed file of a megabyte can hold gigabytes (a "decompression bomb", or a page header with a flipped
bit). What unpacks to more than RATIO times its size is refused, past FLOOR bytes; ratings as text
shrink some 3 to 10 times. Whoever means it unpacks the file first, and then its size is its own.
"""

import os
from pathlib import Path
from typing import Any

from eckart.base.errors import EckartError

RATIO = 200
FLOOR = 1 << 26


def check_unpacked(path: Path, n_bytes: int) -> None:
    """EckartError if `n_bytes` are too many for a file of this size."""
    size = os.path.getsize(path)
    if n_bytes > max(FLOOR, RATIO * size):
        raise EckartError(
            f"{path}: {size} bytes unpack to {n_bytes} or more, which no table of ratings does; "
            "unpack the file first if it is what you mean"
        )


def open_stream(path: Path) -> Any:
    """Return a binary stream of a file for pyarrow, decompressed by its suffix.

    Reading raises OSError for damaged data and EckartError for a bomb (see the module).
    """
    import pyarrow as pa

    stream = pa.input_stream(str(path))
    packed = isinstance(stream, pa.CompressedInputStream)
    return pa.PythonFile(_Counted(stream, path), mode="r") if packed else stream


def read_all(stream: Any) -> bytes:
    """Return what is left of a stream of :func:`open_stream`, whose size is known only at its end."""
    return b"".join(iter(lambda: stream.read(1 << 20), b""))


class _Counted:
    """A stream that knows how much it has given out."""

    closed = False

    def __init__(self, stream: Any, path: Path) -> None:
        self._stream, self._path, self._given = stream, path, 0

    def read(self, n: int) -> bytes:
        block = self._stream.read(n)
        self._given += len(block)
        check_unpacked(self._path, self._given)
        return block

    def tell(self) -> int:
        return self._given

    def close(self) -> None:
        self._stream.close()
        self.closed = True
