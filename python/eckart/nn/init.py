"""Where weights begin: PyTorch's initialisations, and the random stream that layers draw from by default.

Every function takes a shape, (out, in, ...) as weights have, and `random_state`; it returns a float32 array.
"""

import math

import numpy as np

from eckart.base.seeds import RandomState, generator
from eckart.nn.tensor import Array

GAINS = {"linear": 1.0, "sigmoid": 1.0, "tanh": 5 / 3, "relu": math.sqrt(2)}

_default = generator(None)


_calls: Array | None = None


def manual_seed(seed: int) -> None:
    """Start anew the stream that layers and loaders use where no `random_state` is given."""
    global _default, _calls
    _default, _calls = generator(seed), None


def calls() -> Array:
    """Return (seed, calls so far) of `functional.dropout` where no layer counts: int64, counted in place."""
    global _calls
    if _calls is None:
        _calls = np.array([int(_default.integers(2**62)), 0])
    return _calls


def stream(random_state: RandomState) -> np.random.Generator:
    """Return the generator of a `random_state`; of None, the one that :func:`manual_seed` starts."""
    return _default if random_state is None else generator(random_state)


def zeros(shape: tuple[int, ...]) -> Array:
    return np.zeros(shape, np.float32)


def ones(shape: tuple[int, ...]) -> Array:
    return np.ones(shape, np.float32)


def uniform(shape: tuple[int, ...], bound: float, random_state: RandomState = None) -> Array:
    """Uniform in [-bound, bound)."""
    return ((2 * stream(random_state).random(shape, np.float32) - 1) * np.float32(bound)).astype(np.float32)


def normal(shape: tuple[int, ...], std: float = 1.0, random_state: RandomState = None) -> Array:
    """Gaussian with mean 0."""
    return (stream(random_state).standard_normal(shape, np.float32) * np.float32(std)).astype(np.float32)


def fans(shape: tuple[int, ...]) -> tuple[int, int]:
    """Return how many inputs an output has, and how many outputs an input: of weights (out, in, *kernel)."""
    if len(shape) < 2:
        raise ValueError(f"shape: expected (out, in, ...), got {shape}")
    field = math.prod(shape[2:])
    return shape[1] * field, shape[0] * field


def gain(nonlinearity: str) -> float:
    """Return by what an activation shrinks, to be made good by the weights before it."""
    if nonlinearity not in GAINS:
        raise ValueError(f"nonlinearity: expected one of {', '.join(GAINS)}, got {nonlinearity!r}")
    return GAINS[nonlinearity]


def kaiming_uniform(
    shape: tuple[int, ...], nonlinearity: str = "relu", random_state: RandomState = None
) -> Array:
    """Uniform of variance gain² / fan_in: activations keep their scale going forward (He et al. 2015)."""
    return uniform(shape, gain(nonlinearity) * math.sqrt(3 / fans(shape)[0]), random_state)


def kaiming_normal(
    shape: tuple[int, ...], nonlinearity: str = "relu", random_state: RandomState = None
) -> Array:
    """Gaussian of variance gain² / fan_in."""
    return normal(shape, gain(nonlinearity) / math.sqrt(fans(shape)[0]), random_state)


def xavier_uniform(shape: tuple[int, ...], scale: float = 1.0, random_state: RandomState = None) -> Array:
    """Uniform of variance 2 scale² / (fan_in + fan_out): both ways at once (Glorot and Bengio 2010)."""
    return uniform(shape, scale * math.sqrt(6 / sum(fans(shape))), random_state)


def xavier_normal(shape: tuple[int, ...], scale: float = 1.0, random_state: RandomState = None) -> Array:
    """Gaussian of variance 2 scale² / (fan_in + fan_out)."""
    return normal(shape, scale * math.sqrt(2 / sum(fans(shape))), random_state)


def orthogonal(shape: tuple[int, ...], scale: float = 1.0, random_state: RandomState = None) -> Array:
    """A random matrix (out, in * kernel) with orthonormal rows or columns, times scale (Saxe et al. 2014)."""
    from eckart.linalg.dense import single_threaded

    rows, columns = shape[0], fans(shape)[0]
    gaussian = stream(random_state).standard_normal((max(rows, columns), min(rows, columns)))
    with single_threaded():
        q, r = np.linalg.qr(gaussian)
    q = q * np.sign(np.diag(r))  # otherwise the sign convention of the factorisation shows
    return (scale * (q if rows >= columns else q.T)).reshape(shape).astype(np.float32)


def default_weight(shape: tuple[int, ...], fan_in: int, random_state: RandomState = None) -> Array:
    """What PyTorch's layers begin with, weights and biases alike: uniform within 1 / sqrt(fan_in)."""
    return uniform(shape, 1 / math.sqrt(fan_in) if fan_in else 0.0, random_state)
