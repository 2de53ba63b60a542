"""Model files: written whole or not at all, mapped when read, never trusted."""

import json
import os
import pickle
import signal
import stat
import subprocess
import sys
import time

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from eckart import EckartError
from eckart.base.files import read_arrays, write_arrays

DTYPES = ["f8", "f4", "f2", "i8", "i4", "i2", "i1", "u8", "u4", "u2", "u1", "?"]


def some_arrays():
    rng = np.random.default_rng(0)
    return {
        "bytes": np.arange(3, dtype=np.uint8),  # what follows starts at an odd offset if not sorted
        "factors": rng.normal(size=(7, 3)),
        "codes": np.arange(5, dtype=np.int32),
        "empty": np.empty((0, 4), np.float32),
    }


@pytest.fixture
def old(tmp_path):
    """A file that is there already, and must survive."""
    path = tmp_path / "model.safetensors"
    write_arrays(path, some_arrays(), {"version": "old"})
    return path


def assert_old(path):
    arrays, metadata = read_arrays(path)
    assert metadata == {"version": "old"}
    for name, array in some_arrays().items():
        np.testing.assert_array_equal(arrays[name], array)
    assert os.listdir(path.parent) == [path.name]


def test_round_trip_of_every_type(tmp_path):
    """What goes in comes out: bits, types, shapes, and what the safetensors library itself reads."""
    arrays = {d: (np.arange(12) % 2).astype(d).reshape(3, 4) for d in DTYPES} | some_arrays()
    write_arrays(tmp_path / "a", arrays, {"key": "välue", "empty": ""})
    read, metadata = read_arrays(tmp_path / "a")
    assert metadata == {"key": "välue", "empty": ""}
    assert set(read) == set(arrays)
    theirs = load_file(tmp_path / "a")
    for name, array in arrays.items():
        for got in (read[name], theirs[name]):
            assert (got.dtype, got.shape) == (array.dtype, array.shape)
            np.testing.assert_array_equal(got, array)


def test_strided_arrays_are_stored_right(tmp_path):
    """safetensors writes the buffer as it lies: a transposed array would come back scrambled."""
    base = np.arange(24.0).reshape(4, 6)
    arrays = {
        "transposed": base.T,
        "sliced": base[::2, 1::2],
        "reversed": base[::-1],
        "fortran": np.asfortranarray(base),
    }
    arrays["big endian"] = base.astype(">f8")
    write_arrays(tmp_path / "a", arrays, {})
    for name, array in read_arrays(tmp_path / "a")[0].items():
        np.testing.assert_array_equal(array, arrays[name], err_msg=name)
        assert array.flags.c_contiguous


def test_arrays_are_views_of_the_file(tmp_path):
    """A large model opens at once: nothing is read until it is used, and nothing can be written."""
    write_arrays(tmp_path / "a", {"x": np.zeros((1000, 8)), "y": np.ones(3, np.uint8)}, {})
    arrays, _ = read_arrays(tmp_path / "a")
    for array in arrays.values():
        owner = array
        while isinstance(owner.base, np.ndarray):
            owner = owner.base
        assert isinstance(owner, np.memmap)
        assert array.flags.aligned
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1


def test_a_mapped_file_can_be_saved_over(old):
    """Load, change, save to the same path: the mapped arrays are read while the file is replaced."""
    arrays, _ = read_arrays(old)
    write_arrays(old, arrays, {"version": "new"})
    again, metadata = read_arrays(old)
    assert metadata == {"version": "new"}
    np.testing.assert_array_equal(again["factors"], some_arrays()["factors"])
    np.testing.assert_array_equal(arrays["factors"], some_arrays()["factors"])


@pytest.mark.parametrize("place", ["eckart.base.files._write", "os.replace", "os.fsync", "os.chmod"])
@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_failing_disk(old, monkeypatch, place, error):
    """A full disk or Ctrl-C at any step: the old file is whole, and no partial file stays behind."""

    def fail(file, *rest, **named):
        if place == "eckart.base.files._write":
            file.write(b"half a fi")
        raise error

    monkeypatch.setattr(place, fail)
    if isinstance(error, OSError):
        with pytest.raises(EckartError, match=r"cannot save .*No space left"):
            write_arrays(old, {"x": np.zeros(9)}, {"version": "new"})
    else:
        with pytest.raises(KeyboardInterrupt):
            write_arrays(old, {"x": np.zeros(9)}, {"version": "new"})
    monkeypatch.undo()
    assert_old(old)


KILLED = """
import sys
import numpy as np
from eckart.base.files import write_arrays
n = 0
while True:
    n += 1
    write_arrays(sys.argv[1], {"x": np.full(300_000, n), "n": np.array([n])}, {"n": str(n)})
    if n == 2:
        print("ready", flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
@pytest.mark.parametrize("wait", [0.0, 0.013, 0.05])
def test_kill_while_saving(tmp_path, wait):
    """kill -9 at any moment: there is one whole file, the last or the one before."""
    path = tmp_path / "model.safetensors"
    child = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        while "ready" not in (line := child.stdout.readline()):
            assert line, "the child has died"
        time.sleep(wait)
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()
    arrays, metadata = read_arrays(path)
    assert (arrays["x"] == int(metadata["n"])).all()
    assert arrays["n"][0] == int(metadata["n"]) >= 2


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_permissions(tmp_path):
    """A new file is as readable as any other of the user's; a file that was there keeps its mode."""
    path = tmp_path / "a"
    before = os.umask(0o027)
    try:
        write_arrays(path, {}, {})
        assert stat.S_IMODE(path.stat().st_mode) == 0o640
        path.chmod(0o604)
        write_arrays(path, {}, {})
        assert stat.S_IMODE(path.stat().st_mode) == 0o604
    finally:
        os.umask(before)


def test_impossible_targets(tmp_path):
    """The message says which folder is missing, not a number of the operating system."""
    with pytest.raises(EckartError, match=r"nowhere does not exist"):
        write_arrays(tmp_path / "nowhere" / "a", {}, {})
    with pytest.raises(EckartError, match="it is a folder"):
        write_arrays(tmp_path, {}, {})
    for missing in (tmp_path / "missing", tmp_path):
        with pytest.raises(EckartError, match="no such file"):
            read_arrays(missing)


def test_truncated_anywhere(old):
    """A broken download is damaged, wherever it broke off."""
    whole = old.read_bytes()
    for size in [*range(0, len(whole), 97), len(whole) - 1, 7, 8, 9]:
        old.write_bytes(whole[:size])
        with pytest.raises(EckartError, match="damaged"):
            read_arrays(old)
    old.write_bytes(whole + b"more")
    with pytest.raises(EckartError, match="damaged"):
        read_arrays(old)


def test_flipped_bits_of_the_header(old):
    """Whatever a header claims, the answer is an array within the file or an EckartError."""
    whole = old.read_bytes()
    length = 8 + int.from_bytes(whole[:8], "little")
    rng = np.random.default_rng(0)
    refused = 0
    for place in range(length):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << int(rng.integers(8))
        old.write_bytes(damaged)
        try:
            arrays, _ = read_arrays(old)
        except EckartError:
            refused += 1
        else:
            assert sum(a.nbytes for a in arrays.values()) <= len(whole)
            for array in arrays.values():
                array.tobytes()
    assert refused > length / 2


def test_foreign_files(tmp_path):
    """Text, pickles and archives are named as foreign; a pickle is never opened."""

    class Bomb:
        def __reduce__(self):
            return (os.mkdir, (str(tmp_path / "boom"),))

    path = tmp_path / "a"
    for content in (
        b"",
        b"user,item,rating\n1,2,3\n",
        pickle.dumps(Bomb()),
        b"PK\x03\x04" * 20,
        b"\xff" * 64,
    ):
        path.write_bytes(content)
        with pytest.raises(EckartError, match=r"a is damaged or no safetensors file"):
            read_arrays(path)
    assert not (tmp_path / "boom").exists()


def test_files_of_others_are_read(tmp_path):
    """A plain safetensors file without metadata is arrays and nothing else."""
    save_file({"x": np.arange(3)}, tmp_path / "a")
    arrays, metadata = read_arrays(tmp_path / "a")
    assert metadata == {}
    np.testing.assert_array_equal(arrays["x"], np.arange(3))


def test_bfloat16_of_others(tmp_path):
    """Published networks often come in it: every number is a float32 exactly; other odd types are named."""
    path, values = tmp_path / "b", np.array([1.0, -2.5, 0.0, 3.140625], np.float32)
    header = {"w": {"dtype": "BF16", "shape": [2, 2], "data_offsets": [0, 8]}}
    halves = (values.view(np.uint32) >> 16).astype("<u2").tobytes()
    for kind, size in (("BF16", 8), ("F8_E4M3", 4)):
        header["w"].update(dtype=kind, data_offsets=[0, size])
        text = json.dumps(header).encode()
        path.write_bytes(len(text).to_bytes(8, "little") + text + halves[:size])
        if kind == "BF16":
            found = read_arrays(path)[0]["w"]
            assert found.dtype == np.float32
            np.testing.assert_array_equal(found, values.reshape(2, 2))
    with pytest.raises(EckartError, match="array 'w' has the type F8_E4M3"):
        read_arrays(path)
