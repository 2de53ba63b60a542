"""The checksum of files: a plain loop in Python gives the same, and every flipped bit shows."""

import numpy as np
import pytest

from eckart._native import base

CHUNK = 1 << 20


def rotate(x, bits):
    return (x << bits | x >> (64 - bits)) % 2**64


def mix(h, word):
    word = rotate(word * 0x87C37B91114253D5 % 2**64, 31) * 0x4CF5AD432745937F % 2**64
    return (rotate(h ^ word, 27) * 5 + 0x52DCE729) % 2**64


def reference(data):
    h = len(data)
    for start in range(0, len(data), CHUNK):
        chunk = data[start : start + CHUNK]
        words = np.frombuffer(chunk + b"\0" * (-len(chunk) % 64), dtype="<u8").tolist()
        lanes = list(range(1, 9))
        for i, word in enumerate(words):
            lanes[i % 8] = mix(lanes[i % 8], word)
        part = len(chunk)
        for lane in lanes:
            part = mix(part, lane)
        h = mix(h, part)
    return h


@pytest.mark.parametrize("n", [0, 1, 7, 63, 64, 65, 997, CHUNK, CHUNK + 1])
def test_equals_the_formula(n):
    """Files are read by other versions and on other machines: the number must never change."""
    data = np.random.default_rng(n).bytes(n)
    assert base.checksum(np.frombuffer(data, dtype=np.uint8), 2) == reference(data)


def test_same_bits_on_any_number_of_threads():
    """A file written on a server is read on a laptop."""
    data = np.random.default_rng(0).integers(0, 256, 5 * CHUNK + 13, dtype=np.uint8)
    assert len({base.checksum(data, threads) for threads in (1, 2, 3, 5)}) == 1


def test_every_flipped_bit_and_every_length_shows():
    """This is what it is for: no two of these damages cancel each other, so no pair of them hides."""
    data = np.zeros(200, dtype=np.uint8)
    seen = {base.checksum(data, 1)}
    for bit in range(8 * len(data)):
        data[bit // 8] ^= 1 << bit % 8
        seen.add(base.checksum(data, 1))
        data[bit // 8] = 0
    seen |= {base.checksum(data[:n], 1) for n in range(200)}
    assert len(seen) == 1 + 1600 + 200


def test_other_types_are_refused():
    """A silent conversion would give another number."""
    with pytest.raises(TypeError):
        base.checksum(np.zeros(3), 1)
    with pytest.raises(ValueError, match="bytes"):
        base.checksum(np.zeros((2, 2), np.uint8), 1)
