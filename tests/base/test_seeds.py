"""From random_state to the seed of the native streams."""

import numpy as np
import pytest

from eckart.base.seeds import generator, seed_from


@pytest.mark.parametrize("value", [0, 1, 2**63 - 1, np.int32(7), np.uint64(9)])
def test_an_integer_is_taken_as_it_is(value):
    """random_state=0 must mean the same stream in every release and on every machine."""
    seed = seed_from(value)
    assert type(seed) is int
    assert seed == value


def test_none_differs_every_time():
    """Two models without a seed must not be the same model."""
    seeds = {seed_from(None) for _ in range(20)}
    assert len(seeds) == 20
    assert all(0 <= seed < 2**63 for seed in seeds)


@pytest.mark.parametrize("make", [np.random.default_rng, np.random.RandomState])
def test_a_generator_is_advanced(make):
    """The same state gives the same seed, the next draw another: scikit-learn's convention."""
    one, two = make(3), make(3)
    first = seed_from(one)
    assert first == seed_from(two)
    assert seed_from(one) != first
    assert 0 <= first < 2**63


@pytest.mark.parametrize("value", [-1, 2**63])
def test_an_integer_out_of_range_is_refused(value):
    """Wrapping around would give two seeds one stream."""
    with pytest.raises(
        ValueError, match=rf"random_state: expected an integer in \[0, 2\*\*63\), got {value}"
    ):
        seed_from(value)


@pytest.mark.parametrize("value", [1.0, "0", True, np.random])
def test_another_type_is_refused(value):
    """True taken for 1 would hide a slip of the argument's place."""
    with pytest.raises(ValueError, match="random_state: expected None, an integer"):
        seed_from(value)


def test_generator_repeats_and_passes_through():
    """Python-side draws follow the same rule as the native ones."""
    np.testing.assert_array_equal(generator(5).random(4), generator(5).random(4))
    assert not np.array_equal(generator(5).random(4), generator(6).random(4))
    given = np.random.default_rng(0)
    assert generator(given) is given
