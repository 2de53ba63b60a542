"""Tables of vectors."""

import numpy as np
import pytest

from eckart.nn import layers


def test_rows_and_their_gradients():
    """A token that comes twice gets both gradients."""
    table = layers.Embedding(5, 3, random_state=0)
    y = table([[1, 4], [1, 0]])
    np.testing.assert_array_equal(y.data[0, 1], table.weight.data[4])
    y.sum().backward()
    np.testing.assert_array_equal(table.weight.grad.sum(axis=1), [3, 6, 0, 0, 3])
    with pytest.raises(ValueError, match=r"expected integers in \[0, 5\)"):
        table([5])


def test_positions():
    """In cached sampling, a single token must get the vector of its own place."""
    places = layers.PositionEmbedding(6, 3, random_state=0)
    x = np.zeros((2, 6, 3), np.float32)
    whole = places(x).data
    np.testing.assert_array_equal(whole[1], places.weight.data)
    np.testing.assert_array_equal(places(x[:, :1], start=4).data, whole[:, 4:5])
    with pytest.raises(ValueError, match="expected at most 6 places, got 7"):
        places(x, start=1)
