"""Batches: every example once, the same for a seed, from any place on."""

from functools import partial

import numpy as np
import pytest

from eckart.nn import Loader
from eckart.nn.augmentation import flip, noise, shift


@pytest.mark.parametrize("n", [1, 5, 8, 9])
@pytest.mark.parametrize("shuffle", [False, True])
def test_every_example_once(n, shuffle):
    """An epoch that lost or doubled examples would still look like training."""
    loader = Loader(np.arange(n), np.arange(n) * 10, batch_size=4, shuffle=shuffle, random_state=0)
    batches = list(loader)
    assert len(batches) == len(loader) == -(-n // 4)
    x = np.concatenate([b[0] for b in batches])
    assert sorted(x) == list(range(n))
    np.testing.assert_array_equal(np.concatenate([b[1] for b in batches]), x * 10)


def test_order_depends_on_seed_and_epoch_alone():
    """A resumed training must see what it would have seen."""
    make = partial(Loader, np.arange(50), batch_size=7, shuffle=True, random_state=3)
    first, second = make(), make()
    epochs = [np.concatenate(list(first)) for _ in range(3)]
    assert not np.array_equal(epochs[0], epochs[1])
    np.testing.assert_array_equal(np.concatenate(list(second.batches(2))), epochs[2])
    np.testing.assert_array_equal(np.concatenate(list(second.batches(2, start=4))), epochs[2][28:])


def test_augmentation_resumes_in_the_middle():
    """Batch 3 is augmented alike whether or not batches 0 to 2 were drawn."""
    x = np.random.default_rng(0).normal(size=(20, 1, 6, 6)).astype(np.float32)
    loader = Loader(x, batch_size=4, augment=[flip, partial(shift, pixels=1), noise], random_state=1)
    whole = list(loader.batches(1))
    np.testing.assert_array_equal(next(loader.batches(1, 3)), whole[3])
    assert whole[3].dtype == np.float32


def test_drop_last_and_errors():
    """Batch norm cannot take a last batch of one; lengths that differ are a mistake."""
    assert [len(b) for b in Loader(np.zeros(9), batch_size=4, drop_last=True, random_state=0)] == [4, 4]
    with pytest.raises(ValueError, match="y: expected 3 entries"):
        Loader(np.zeros(3), np.zeros(4))
    with pytest.raises(ValueError, match="at least one example"):
        Loader(np.zeros((0, 3)))
    with pytest.raises(ValueError, match="batch_size"):
        Loader(np.zeros(3), batch_size=0)
    with pytest.raises(ValueError, match="batch_size: expected at most the 3 examples with drop_last, got 4"):
        Loader(np.zeros(3), batch_size=4, drop_last=True)
    with pytest.raises(TypeError, match="augment: expected functions"):
        Loader(np.zeros(3), augment=["flip"])
    halving = Loader(np.zeros((4, 2)), np.zeros(4), augment=lambda x, rng: x[::2])
    with pytest.raises(ValueError, match="augment: expected as many examples as came, 4, got 2"):
        next(iter(halving))
