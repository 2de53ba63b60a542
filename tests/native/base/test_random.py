"""The counter-based random streams against the published vectors and a NumPy reference."""

import numpy as np
import pytest
from scipy import stats

from eckart._native import base

# Random123's file kat_vectors, "philox4x32 10": counter, key, result.
KNOWN_ANSWERS = [
    ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    ((2**32 - 1,) * 4, (2**32 - 1,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xA4093822, 0x299F31D0),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
]


def philox(counter: np.ndarray, seed: int) -> np.ndarray:
    """Return the Philox4x32-10 blocks of `counter` (n, 4), after Salmon et al. (2011), section 3.3."""
    c = counter.astype(np.uint64)
    key = [seed & 0xFFFFFFFF, seed >> 32]
    for _ in range(10):
        p0, p1 = c[:, 0] * np.uint64(0xD2511F53), c[:, 2] * np.uint64(0xCD9E8D57)
        low = np.uint64(0xFFFFFFFF)
        a = (p1 >> np.uint64(32)) ^ c[:, 1] ^ np.uint64(key[0])
        b = (p0 >> np.uint64(32)) ^ c[:, 3] ^ np.uint64(key[1])
        c = np.stack([a, p1 & low, b, p0 & low], axis=1)
        key = [(key[0] + 0x9E3779B9) % 2**32, (key[1] + 0xBB67AE85) % 2**32]
    return c


def stream_words(seed: int, stream: int, substream: int, n_blocks: int) -> np.ndarray:
    """Return the 32-bit words of a stream, (4 n_blocks,)."""
    counter = np.zeros((n_blocks, 4), dtype=np.uint64)
    counter[:, 0] = np.arange(n_blocks)
    counter[:, 1:] = substream, stream & 0xFFFFFFFF, stream >> 32
    return philox(counter, seed).ravel()


def stream_uniforms(seed: int, stream: int, substream: int, n: int) -> np.ndarray:
    words = stream_words(seed, stream, substream, (n + 1) // 2)
    return (((words[::2] << np.uint64(32)) | words[1::2]) >> np.uint64(11))[:n] * 2.0**-53


@pytest.mark.parametrize(("counter", "key", "answer"), KNOWN_ANSWERS)
def test_philox_gives_the_published_answers(counter, key, answer):
    """A wrong constant or round would still look random; only the authors' vectors tell."""
    assert tuple(base.philox(counter, key)) == answer


@pytest.mark.parametrize(
    ("seed", "stream", "substream"), [(0, 0, 0), (2**63 - 1, 5, 7), (3, 2**40 + 1, 2**32 - 1)]
)
def test_uniforms_are_the_documented_bits(seed, stream, substream):
    """Seed, stream and substream each reach the generator whole, so no two streams coincide."""
    drawn = base.stream_probe(seed, stream, substream, 101, 0)
    np.testing.assert_array_equal(drawn, stream_uniforms(seed, stream, substream, 101))


def test_uniforms_are_uniform():
    """Moments and distribution of a long stream: what every initialisation and sampler relies on."""
    u = base.stream_probe(1, 2, 3, 200_000, 0)
    assert u.min() >= 0.0
    assert u.max() < 1.0
    for power in (1, 2, 3, 4):
        deviation = np.sqrt((1 / (2 * power + 1) - 1 / (power + 1) ** 2) / len(u))
        assert abs((u**power).mean() - 1 / (power + 1)) < 4 * deviation
    assert stats.kstest(u, "uniform").pvalue > 1e-3
    assert abs(np.corrcoef(u[:-1], u[1:])[0, 1]) < 4 / np.sqrt(len(u))


@pytest.mark.parametrize("n", [1, 2, 3, 7, 1000, 3_000_000_000])
def test_integers_below_are_unbiased(n):
    """Sampling an item with a bias would skew every sampled model towards low or high ids."""
    drawn = base.stream_probe(11, 0, 0, 60_000, n)
    assert drawn.min() >= 0
    assert drawn.max() <= n - 1
    counts = np.histogram(drawn, bins=min(n, 50), range=(0, n))[0]
    if n > 1:
        share = np.diff(np.linspace(0, n, min(n, 50) + 1)) / n
        assert stats.chisquare(counts, share * len(drawn)).pvalue > 1e-3


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_normals_are_box_muller_of_the_stream(dtype):
    """Row i draws from stream first_row + i alone: a matrix that grows keeps the rows it had."""
    out = np.empty((3, 7), dtype=dtype)
    base.fill_normal(out, 42, 10, 0.5, 1)
    for i, row in enumerate(out):
        u = stream_uniforms(42, 10 + i, 0, 8)
        radius, angle = np.sqrt(-2 * np.log(1 - u[::2])), 2 * np.pi * u[1::2]
        expected = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1).ravel()[:7]
        np.testing.assert_allclose(row, 0.5 * expected, rtol=4 * np.finfo(dtype).eps, atol=1e-15)


def test_normals_are_normal():
    """The factors' initial distribution is the one the methods are stated for."""
    out = np.empty((400, 251))
    base.fill_normal(out, 7, 0, 1.0, 2)
    assert stats.kstest(out.ravel(), "norm").pvalue > 1e-3
    assert abs(np.corrcoef(out[:-1].ravel(), out[1:].ravel())[0, 1]) < 4 / np.sqrt(
        out.size
    )  # neighbouring rows


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (1, 1), (64, 64), (257, 31), (1009, 17)])
def test_same_bits_on_any_number_of_threads(dtype, shape):
    """The promise of the package: results never depend on how many threads drew them."""
    reference = np.empty(shape, dtype=dtype)
    base.fill_normal(reference, 3, 0, 1.0, 1)
    for threads in (2, 3, 5, 2):
        out = np.empty(shape, dtype=dtype)
        base.fill_normal(out, 3, 0, 1.0, threads)
        assert out.tobytes() == reference.tobytes()


def test_a_wrong_array_is_refused():
    """A copy made silently would leave the caller's array unfilled."""
    with pytest.raises(TypeError):
        base.fill_normal(np.empty((4, 4), dtype=np.int32), 0, 0, 1.0, 1)
    with pytest.raises(TypeError):
        base.fill_normal(np.empty((8, 8))[:, ::2], 0, 0, 1.0, 1)
    with pytest.raises(ValueError, match="out: expected a matrix"):
        base.fill_normal(np.empty(4), 0, 0, 1.0, 1)
    read_only = np.empty((4, 4))
    read_only.flags.writeable = False
    with pytest.raises(ValueError, match="not writeable"):
        base.fill_normal(read_only, 0, 0, 1.0, 1)
