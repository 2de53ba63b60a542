"""Products and attention of float32 on the matrix unit, by parts of bf16: as exact as float32 itself.

Without such a unit the same tests run on the ordinary kernels, which must pass them too.
"""

import itertools
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from eckart._native import base as native_base
from eckart._native import nn as native

SHAPES = [  # m, n, k: ragged strips; several slabs of the sum; several parts of the shared side
    (97, 151, 333),
    (32, 160, 1731),
    (700, 801, 65),
    (512, 640, 512),
]


def operands(m, n, k, seed=0):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((m, k)).astype(np.float32), rng.standard_normal((k, n)).astype(np.float32)


def error(found, a, b):
    """Return the largest error of an entry, relative to the sum of its products' sizes."""
    a, b = a.astype(np.float64), b.astype(np.float64)
    return np.max(np.abs(found - a @ b) / (np.abs(a) @ np.abs(b)))


@pytest.mark.parametrize("shape", SHAPES)
def test_products_are_as_exact_as_float32(shape):
    """bf16 alone keeps 8 bits: the three parts together must keep all 24, in every layout of the operands."""
    a, b = operands(*shape)
    plain = native.matmul(a, b, 1)
    assert error(plain, a, b) < 4e-7
    for left, right in itertools.product((a, np.asfortranarray(a)), (b, np.asfortranarray(b))):
        assert error(native.matmul(left, right, 2), a, b) < 4e-7


def test_numbers_of_very_different_size():
    """Each number is cut by itself: a row of small ones is not lost beside a large one."""
    a, b = operands(128, 160, 300)
    a *= np.exp2(np.arange(128) % 61 - 30).astype(np.float32)[:, None]
    b *= np.exp2(np.arange(160) % 41 - 20).astype(np.float32)
    assert error(native.matmul(a, b, 2), a, b) < 4e-7


@pytest.mark.parametrize("shape", SHAPES)
def test_the_same_bits_for_all_thread_counts(shape):
    """A few threads pack for themselves and many together: neither may show."""
    a, b = operands(*shape)
    for left in (a, np.asfortranarray(a)):
        expected = native.matmul(left, b, 1)
        for threads in (2, 3, 5, 8):
            np.testing.assert_array_equal(native.matmul(left, b, threads), expected)


@pytest.mark.parametrize("k", [300, 1700])
@pytest.mark.parametrize("activation", ["none", "relu", "tanh"])
def test_bias_and_activation_come_last(activation, k):
    """They belong to the whole sum, however many slabs it has."""
    x, w = operands(130, 77, k)
    w, bias = np.ascontiguousarray(w.T) / np.float32(k**0.5), np.linspace(-1, 1, 77).astype(np.float32)
    z = x.astype(np.float64) @ w.T + bias
    expected = {"none": z, "relu": np.maximum(z, 0), "tanh": np.tanh(z)}[activation]
    np.testing.assert_allclose(native.linear(x, w, bias, activation, 2), expected, atol=1e-5)


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
@pytest.mark.parametrize("side", [0, 1])
def test_what_is_not_finite_spreads_as_it_should(value, side):
    """Infinity has no parts, and would come out as NaN: such products are computed otherwise."""
    pair = operands(128, 130, 300)
    pair[side][3, 5] = value
    found = native.matmul(*pair, 2)
    with np.errstate(invalid="ignore"):
        expected = pair[0].astype(np.float64) @ pair[1].astype(np.float64)
    np.testing.assert_allclose(found, expected, atol=1e-3)


def test_numbers_near_the_ends_of_the_range():
    """Cutting rounds towards zero, so that the largest numbers stay finite."""
    a, b = operands(64, 64, 1024)
    a[:, 0] = np.finfo(np.float32).max
    b[0] = 0.5
    assert error(native.matmul(a, b, 1), a, b) < 4e-7


def test_attention_of_an_infinite_score():
    """A key that one query likes infinitely little must not disturb the others, nor that one."""
    rng = np.random.default_rng(0)
    q, k, v = (rng.standard_normal((1, 2, 64, 32)).astype(np.float32) for _ in range(3))
    q[..., 0] = np.abs(q[..., 0])
    k[0, 1, 7, 0] = -np.inf
    y, lse = native.attention(q, k, v, None, 0.2, False, 2)
    without = [np.delete(x[:, 1:], 7, axis=2) for x in (k, v)]
    expected, _ = native.attention(q[:, 1:].copy(), *without, None, 0.2, False, 2)
    np.testing.assert_allclose(y[:, 1:], expected, atol=1e-6)
    assert np.isfinite(y).all()
    assert np.isfinite(lse).all()


@pytest.mark.skipif(
    not native_base.amx_available() or os.environ.get("ECKART_AMX") == "0", reason="no AMX here, or ruled out"
)
def test_the_ordinary_kernels_still_serve():
    """On most machines they are all there is; here they are hidden, unless the unit is ruled out."""
    here = Path(__file__).parent
    kernels = ("attention", "product", "split", "convolution", "convolution_split")
    names = [str(here / f"test_{name}.py") for name in kernels]
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "--import-mode=importlib",
        "-p",
        "no:cacheprovider",
        *names,
    ]
    environment = {**os.environ, "ECKART_AMX": "0"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout[-2000:]
