"""Flatten, identity, dropout."""

import numpy as np

from eckart.nn import Tensor, layers


def test_flatten():
    """Axes from the second on become one; those of an example alone can be kept."""
    x = np.zeros((2, 3, 4, 5))
    assert layers.Flatten()(x).shape == (2, 60)
    assert layers.Flatten(2)(x).shape == (2, 3, 20)
    assert layers.Identity()(x) is x


def test_dropout_draws_anew_each_call_and_repeats_with_the_seed():
    """The same mask every step would be a smaller network, not dropout."""
    x = Tensor(np.ones(10_000, np.float32))
    layer, twin = layers.Dropout(0.3, random_state=0), layers.Dropout(0.3, random_state=0)
    first, second = layer(x).data, layer(x).data
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(twin(x).data, first)
    assert abs((first == 0).mean() - 0.3) < 0.02
    np.testing.assert_allclose(first[first > 0], 1 / 0.7, rtol=1e-6)
    assert layer.eval()(x) is x
    assert layers.Dropout(0.3, random_state=1).stream[0] != layer.stream[0]


def test_stream_is_in_checkpoints_but_not_in_state_dicts():
    """PyTorch's state dicts have no such entry; a resumed training needs it."""
    layer = layers.Dropout(0.3, random_state=0)
    assert layer.state_dict() == {}
    assert [name for name, _ in layer.named_buffers()] == ["stream"]
