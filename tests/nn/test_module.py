"""Modules: what is found within, states, files, types."""

import copy
import pickle

import numpy as np
import pytest

from eckart import EckartError
from eckart.nn import Module, Parameter, Tensor, layers, manual_seed


class Twice(Module):
    """A layer used twice, a parameter of its own, and no constructor call upwards."""

    def __init__(self):
        self.inner = layers.Linear(3, 3, random_state=0)
        self.scale = Parameter(np.ones(3, np.float32))
        self.again = self.inner
        self.register_buffer("seen", np.zeros(2, np.float32))
        self.register_buffer("calls", np.zeros(1, np.int64), persistent=False)

    def forward(self, x):
        return self.again(self.inner(x)) * self.scale


def test_parameters_are_found_once_and_in_order():
    """An optimiser that got a shared weight twice would step it twice."""
    net = Twice()
    assert [n for n, _ in net.named_parameters()] == ["scale", "inner.weight", "inner.bias"]
    assert len(net.parameters()) == 3
    assert [n for n, _ in net.named_modules()] == ["", "inner", "again"]


def test_state_dict_holds_every_name_and_copies():
    """PyTorch lists a shared weight under each name; a kept state must not change with training."""
    net = Twice()
    state = net.state_dict()
    assert sorted(state) == sorted(
        ["scale", "inner.weight", "inner.bias", "again.weight", "again.bias", "seen"]
    )
    net.scale.data[...] = 7
    assert (state["scale"] == 1).all()
    net.load_state_dict(state)
    assert (net.scale.data == 1).all()


def test_load_writes_in_place():
    """An optimiser owns the memory: replacing the arrays would leave it stepping the old ones."""
    net = layers.Linear(2, 2, random_state=0)
    before = net.weight.data
    net.load_state_dict({"weight": np.eye(2), "bias": [0, 1]})
    assert net.weight.data is before
    np.testing.assert_array_equal(before, np.eye(2, dtype=np.float32))


def test_a_wrong_state_names_everything_and_changes_nothing():
    """A user with a state dict of another version must see all differences at once."""
    net = layers.Linear(2, 3, random_state=0)
    before = net.state_dict()
    with pytest.raises(ValueError, match=r"missing bias.*unexpected offset.*weight of shape \(2, 3\)"):
        net.load_state_dict({"weight": np.zeros((2, 3)), "offset": np.zeros(3)})
    np.testing.assert_array_equal(net.weight.data, before["weight"])
    with pytest.raises(ValueError, match="weight of shape"):
        net.load_state_dict({"weight": np.zeros((2, 3))}, strict=False)
    with pytest.raises(ValueError, match="bias of complex128"):
        net.load_state_dict({"bias": np.full(3, 1j)}, strict=False)
    with pytest.raises(TypeError, match="state: expected names and arrays, got Linear"):
        net.load_state_dict(net)
    net.load_state_dict({"bias": np.ones(3), "offset": 0}, strict=False)
    assert (net.bias.data == 1).all()


def test_modules_in_a_plain_list_are_an_error():
    """In PyTorch such a list silently trains nothing."""

    class Wrong(Module):
        def __init__(self):
            self.parts = [layers.Linear(2, 2, random_state=0)]

    with pytest.raises(TypeError, match="parts: expected a ModuleList"):
        Wrong().parameters()
    wrong = Twice()
    wrong.scales = {"a": Parameter(np.ones(2, np.float32))}
    with pytest.raises(
        TypeError, match=r"scales: expected .* got a dict: what is in it would never be trained"
    ):
        wrong.parameters()


def test_file_round_trip_and_foreign_file(tmp_path):
    """Weights must come back bit for bit, and a file of another net must say what differs."""
    net, path = Twice(), tmp_path / "net.safetensors"
    net.seen[...] = 3
    net.save(path)
    other = Twice()
    other.scale.data[...] = 0
    assert other.load(path) is other
    assert all(np.array_equal(other.state_dict()[name], a) for name, a in net.state_dict().items())
    assert (other.seen == 3).all()
    with pytest.raises(EckartError, match="missing weight"):
        layers.Linear(3, 3, random_state=0).load(path)
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(EckartError):
        other.load(path)


def test_safetensors_of_others_load(tmp_path):
    """Weights that PyTorch users publish are plain safetensors without our metadata."""
    from safetensors.numpy import save_file

    save_file({"weight": np.eye(2, dtype=np.float32), "bias": np.ones(2, np.float32)}, tmp_path / "w")
    net = layers.Linear(2, 2, random_state=0).load(tmp_path / "w")
    np.testing.assert_array_equal(net(np.eye(2, dtype=np.float32)).data, np.eye(2) + 1)


def test_modes_types_and_gradients():
    """eval must reach every layer; float64 is for checks; integers stay integers."""
    net = layers.Sequential(layers.Linear(2, 2, random_state=0), layers.BatchNorm1d(2), Twice())
    assert not any(m.training for m in net.eval().modules())
    assert all(m.training for m in net.train().modules())
    net.to(np.float64)
    assert {p.dtype for p in net.parameters()} == {np.dtype(np.float64)}
    assert net[1].running_mean.dtype == np.float64
    assert net[1].num_batches_tracked.dtype == np.int64
    for wrong in (np.int32, np.float16, "cuda"):  # kernels know two types
        with pytest.raises(ValueError, match="dtype: expected float32 or float64, got"):
            net.to(wrong)
    net[0](Tensor(np.ones((1, 2)))).sum().backward()
    assert net[0].weight.grad is not None
    net.zero_grad()
    assert all(p.grad is None for p in net.parameters())
    assert not any(p.requires_grad for p in net.requires_grad_(False).parameters())


def test_apply_children_first():
    """Initialisation by a function wants inner layers before outer ones, as in PyTorch."""
    names = []
    layers.Sequential(layers.ReLU(), layers.Tanh()).apply(lambda m: names.append(type(m).__name__))
    assert names == ["ReLU", "Tanh", "Sequential"]


@pytest.mark.parametrize("twin", [copy.deepcopy, lambda net: pickle.loads(pickle.dumps(net))])
def test_copies_share_within_but_not_with_the_original(twin):
    """Copies are trained beside the original; weights shared inside must stay shared."""
    net = Twice()
    other = twin(net)
    x = np.ones((2, 3), np.float32)
    np.testing.assert_array_equal(net(x).data, other(x).data)
    assert other.inner is other.again
    other.scale.data[...] = 0
    assert (net.scale.data == 1).all()


def test_manual_seed_repeats():
    """Without random_state, one call makes a script reproducible."""
    manual_seed(3)
    first = layers.Linear(4, 4).weight.data
    manual_seed(3)
    np.testing.assert_array_equal(first, layers.Linear(4, 4).weight.data)
    assert not np.array_equal(first, layers.Linear(4, 4).weight.data)


def test_repr_shows_the_tree():
    """What is printed is how users check what they built."""
    text = repr(layers.Sequential(layers.Linear(2, 3, random_state=0), layers.ReLU()))
    assert text == "Sequential(\n  (0): Linear(in_features=2, out_features=3)\n  (1): ReLU()\n)"


def test_forward_must_be_written():
    """A forgotten forward names the class."""
    with pytest.raises(NotImplementedError, match=r"Module\.forward"):
        Module()(1)
