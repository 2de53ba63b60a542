"""Damage that no check of ranges can see."""

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

import eckart as ek
from eckart.base.errors import EckartError
from eckart.base.files import read_arrays, write_arrays
from eckart.completion import ALS
from eckart.testing import small_ratings


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    path = tmp_path_factory.mktemp("rot") / "model.safetensors"
    ek.save(ALS(rank=3, max_iter=2, random_state=0).fit(small_ratings()), path)
    return path


def test_any_flipped_bit_is_refused(saved, tmp_path):
    """A factor of 0.2 that became 0.4 on a bad disk is a valid number, and other recommendations."""
    whole, path = bytearray(saved.read_bytes()), tmp_path / "rotten.safetensors"
    random = np.random.default_rng(0)
    for place in random.integers(0, len(whole), 300).tolist():
        rotten = bytearray(whole)
        rotten[place] ^= 1 << int(random.integers(8))
        path.write_bytes(rotten)
        if b'"checksum"' in rotten:  # but for the name of the checksum itself
            with pytest.raises(EckartError, match=r"rotten.safetensors"):
                ek.load(path)


def test_the_checksum_is_optional(saved, tmp_path):
    """A file that another tool wrote, or rewrote without it, is still a file of the format."""
    with safe_open(str(saved), framework="numpy") as file:
        metadata = file.metadata()
    assert len(metadata.pop("checksum")) == 16
    save_file(load_file(saved), tmp_path / "other.safetensors", metadata=metadata)
    loaded, other = ek.load(saved), ek.load(tmp_path / "other.safetensors")
    np.testing.assert_array_equal(loaded.user_factors_, other.user_factors_)


def test_what_is_written_is_a_safetensors_file(tmp_path):
    """Other programs read these files with the format's own library."""
    arrays = {
        "a": np.arange(7, dtype=np.int8),
        "b": np.arange(6.0).reshape(3, 2).T,
        "c": np.empty((0, 4), np.float32),
        "d": np.arange(3, dtype=">i4"),
        "e": np.float64(2.5).reshape(()),
        "ü": np.array([True]),
    }
    write_arrays(tmp_path / "x", arrays, {"who": "é"})
    for got in (load_file(tmp_path / "x"), read_arrays(tmp_path / "x")[0]):
        assert got.keys() == arrays.keys()
        for name, array in arrays.items():
            np.testing.assert_array_equal(got[name], array)
            assert got[name].dtype == array.dtype.newbyteorder("<")
            assert got[name].flags.aligned
