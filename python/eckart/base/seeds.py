"""From ``random_state`` to the 64-bit seed of the native random streams."""

import numbers
from typing import Any

import numpy as np

RandomState = int | np.integer[Any] | np.random.Generator | np.random.RandomState | None


def seed_from(random_state: RandomState) -> int:
    """Return a seed in [0, 2**63): an int is taken as it is, None draws one from the system.

    A ``Generator`` or ``RandomState`` is advanced by one draw, as scikit-learn's models do.
    """
    if random_state is None:
        return int(np.random.SeedSequence().generate_state(1, np.uint64)[0] >> 1)
    if isinstance(random_state, np.random.Generator):
        return int(random_state.integers(2**63))
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(2**31 - 1))
    if isinstance(random_state, numbers.Integral) and not isinstance(random_state, bool):
        if 0 <= int(random_state) < 2**63:
            return int(random_state)
        raise ValueError(f"random_state: expected an integer in [0, 2**63), got {random_state}")
    raise ValueError(
        "random_state: expected None, an integer, a numpy.random.Generator or a numpy.random.RandomState, "
        f"got {random_state!r}"
    )


def generator(random_state: RandomState) -> np.random.Generator:
    """Return a NumPy generator whose stream depends on `random_state` alone (Philox)."""
    if isinstance(random_state, np.random.Generator):
        return random_state
    return np.random.Generator(np.random.Philox(seed_from(random_state)))
