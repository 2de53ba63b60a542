"""The table of shapes, parameters and work."""

import numpy as np

from eckart.nn import Module, layers, models


def test_numbers_of_lenet_by_hand():
    """Parameter counts and multiply-adds are what the lectures compare: they are known by hand."""
    net = models.LeNet5(random_state=0)
    table = net.summary((1, 28, 28))
    assert table.parameters == 156 + 2416 + 400 * 120 + 120 + 120 * 84 + 84 + 84 * 10 + 10
    work = {row.name: row.multiply_adds for row in table.rows}
    assert work["conv1"] == 6 * 28 * 28 * 25
    assert work["conv2"] == 16 * 10 * 10 * 6 * 25
    assert work["fc1"] == 400 * 120
    shapes = {row.name: row.shape for row in table.rows}
    assert shapes["conv2"] == (16, 10, 10)
    lines = str(table).splitlines()
    assert lines[0].split() == ["layer", "kind", "output", "parameters", "multiply-adds"]
    assert "61,706" in lines[-1]


def test_the_model_is_left_as_it_was():
    """A look at a model must not switch it to evaluation, move its averages or wrap its layers."""
    net = layers.Sequential(layers.BatchNorm1d(3), layers.Dropout(0.5, random_state=0))
    net[1].eval()
    net.summary((3,))
    assert net.training
    assert not net[1].training
    assert (net[0].running_mean == 0).all()
    assert "forward" not in vars(net[0])


def test_tokens_and_shared_weights():
    """Token models take integers, and a tied weight counts once."""
    net = models.GPT(11, block_size=8, n_layer=1, n_head=2, n_embd=4, random_state=0)
    table = net.summary((5,), dtype=np.int64)
    assert table.parameters == sum(p.size for p in net.parameters())
    assert table.parameters < sum(row.parameters for row in table.rows)
    assert table.rows[0].shape == (5, 11)


def test_inputs_by_name():
    """A module may hand its input on by name."""

    class Named(Module):
        def __init__(self):
            self.inner = layers.Linear(3, 2, random_state=0)

        def forward(self, x):
            return self.inner(x=x)

    assert Named().summary((3,)).multiply_adds == 6
