"""The synthetic kernel: memory safety of its binding (its numbers: tests/datasets/test_synthetic.py)."""

import pytest

from eckart import _native

GOOD = dict(users=3, items=4, n=12, rank=1, mean=0.0, noise=0.0, step=0.0, highest=5.0, seed=0, threads=1)


@pytest.mark.parametrize(
    "change", [{"users": 0}, {"items": -1}, {"n": 13}, {"n": -1}, {"rank": 0}, {"users": 2**31}]
)
def test_refuses_impossible_sizes(change):
    """The kernel writes exactly n pairs: it would never end where there are not n."""
    with pytest.raises(ValueError, match="sizes"):
        _native.data.make_ratings(**(GOOD | change))
