"""Plans: a recorded step is the step itself, to the bit, and what cannot be recorded is refused."""

import numpy as np
import pytest

import eckart as ek
from eckart import nn
from eckart.base.errors import EckartError
from eckart.nn import functional as F
from eckart.nn import layers, models, optim


def network(seed=0, dtype=np.float32):
    nn.manual_seed(seed)
    net = layers.Sequential(
        layers.Conv2d(1, 3, 3), layers.Tanh(), layers.MaxPool2d(2), layers.Flatten(), layers.Linear(27, 5)
    )
    return net.to(dtype)


def batches(n, size=4, seed=0, dtype=np.float32):
    rng = np.random.default_rng(seed)
    for _ in range(n):
        yield rng.standard_normal((size, 1, 8, 8)).astype(dtype), rng.integers(0, 5, size)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("threads", [1, 2, 3])
def test_planned_training_is_the_training(dtype, threads):
    """After ten steps every parameter has the bits that the engine itself would have given it."""
    results = []
    before = ek.get_num_threads()
    ek.set_num_threads(threads)
    try:
        for planned in (False, True):
            net = network(dtype=dtype)
            optimizer = optim.Adam(net.parameters(), lr=1e-2)
            data = list(batches(10, dtype=dtype))
            plan = nn.Plan(lambda x, y, net=net: F.cross_entropy(net(x), y), *data[0]) if planned else None
            for x, y in data:
                if plan is not None:
                    plan(x, y)
                else:
                    optimizer.zero_grad()
                    F.cross_entropy(net(nn.Tensor(x)), y).backward()
                optimizer.step()
            results.append([p.data.copy() for p in net.parameters()])
    finally:
        ek.set_num_threads(before)
    for eager, recorded in zip(*results, strict=True):
        np.testing.assert_array_equal(eager, recorded)


def test_the_loss_is_that_of_the_batch():
    """A plan returns the loss of what it was given, not of what it was recorded with."""
    net = network()
    optim.SGD(net.parameters(), lr=0.1)
    data = list(batches(3))
    plan = nn.Plan(lambda x, y: F.cross_entropy(net(x), y), *data[0])
    for x, y in data:
        assert plan(x, y) == F.cross_entropy(net(nn.Tensor(x)), y).item()


def test_work_outside_kernels_is_refused():
    """What NumPy computes while recording would stay as it was: the plan says so instead."""
    net = network()
    optim.SGD(net.parameters(), lr=0.1)
    x, y = next(batches(1))
    with pytest.raises(EckartError, match="cannot be planned"):
        nn.Plan(lambda x, y: F.cross_entropy(net(nn.Tensor(np.sin(x))), y), x, y)


def test_parameters_without_a_place_are_refused():
    """Without an optimiser each backward pass makes new gradients, and a replay would write into old ones."""
    net = network()
    x, y = next(batches(1))
    with pytest.raises(EckartError, match="optimiser"):
        nn.Plan(lambda x, y: F.cross_entropy(net(x), y), x, y)


def test_each_shape_has_a_recording_of_its_own():
    """A smaller last batch is no special case; beyond `shapes` the step itself is run, to the same bits."""
    net = network()
    optim.SGD(net.parameters(), lr=0.1)
    plan = nn.Plan(lambda x, y: (F.cross_entropy(out := net(x), y), out), shapes=2)
    x, y = next(batches(1))
    for n in (4, 3, 2, 1, 4, 3, 2):
        value, gradients = plan(x[:n], y[:n]), [p.grad.copy() for p in net.parameters()]
        loss = F.cross_entropy(out := net(nn.Tensor(x[:n])), y[:n])
        np.testing.assert_array_equal(plan.outputs[0], out.data)
        net.zero_grad()
        loss.backward()
        assert value == loss.item()
        for p, gradient in zip(net.parameters(), gradients, strict=True):
            np.testing.assert_array_equal(p.grad, gradient)
    with pytest.raises(ValueError, match="expected float64 as x has, got float32"):
        nn.Plan(lambda x, y: F.cross_entropy(net(x), y), x.astype(np.float64), y)


def test_a_new_optimiser_gets_the_gradients():
    """It gives parameters and gradients other places: a plan of before must not leave stale ones there."""
    nets = [network(), network()]
    plan = None
    for _ in range(2):
        optimizers = [optim.SGD(net.parameters(), lr=0.1) for net in nets]
        plan = plan or nn.Plan(lambda x, y: F.cross_entropy(nets[0](x), y))
        for x, y in batches(2):
            value = plan(x, y)
            optimizers[1].zero_grad()
            loss = F.cross_entropy(nets[1](nn.Tensor(x)), y)
            loss.backward()
            for optimizer in optimizers:
                optimizer.step()
            assert value == loss.item()


@pytest.mark.parametrize("threads", [1, 2])
def test_arrangements_and_sums_are_part_of_a_plan(threads):
    """Padding, slices, transposes, sums and a tensor used twice run as kernels: the plan is the step."""

    def loss(x, t):
        wide = nn.ops.pad(nn.Tensor(x), ((0, 0), (1, 2)), value=-1.0)
        a, b = nn.ops.split(wide @ weight, 2, axis=1)
        c = nn.ops.concatenate([a, nn.ops.take(b, [1, 0, 1], axis=1)], axis=1)
        y = (c + shift).T.reshape(5, 2, -1)
        return F.mse_loss((y[1:, 0] + y[:-1, 1]) + y[:-1, 0], t), y

    rng = np.random.default_rng(0)
    weight = nn.Tensor(rng.standard_normal((6, 4)), requires_grad=True)
    shift = nn.Tensor(rng.standard_normal(5), requires_grad=True)
    optim.SGD([weight, shift], lr=0.1)
    x, t = rng.standard_normal((4, 3)), rng.standard_normal((4, 2))
    before = ek.get_num_threads()
    ek.set_num_threads(threads)
    try:
        plan = nn.Plan(loss, x, t)
        x = rng.standard_normal((4, 3))
        value, found = plan(x, t), [weight.grad.copy(), shift.grad.copy()]
        weight.grad = shift.grad = None
        out, y = loss(x, t)
        out.backward()
    finally:
        ek.set_num_threads(before)
    assert value == float(out)
    np.testing.assert_array_equal(plan.outputs[0], y.data)
    np.testing.assert_array_equal(found[0], weight.grad)
    np.testing.assert_array_equal(found[1], shift.grad)


def test_the_net_of_1989_has_a_plan():
    """It is trained one digit at a time: without a plan Python would take most of the time."""
    net = models.LeCun1989(random_state=0)
    optimizer = optim.SGD(net.parameters(), lr=0.1)
    rng = np.random.default_rng(0)
    x, t = rng.uniform(-1, 1, (3, 1, 1, 16, 16)).astype(np.float32), -np.ones((1, 10), np.float32)
    plan = nn.Plan(lambda x, t: F.mse_loss(net(nn.Tensor(x)), t), x[0], t)
    for image in x[1:]:
        assert plan(image, t) == F.mse_loss(net(nn.Tensor(image)), t).item()
        optimizer.step()


def test_a_batch_with_impossible_classes_or_tokens_is_refused():
    """Memory beyond a table is never read, though no binding checks a replayed batch; the next one runs."""
    table = nn.Tensor(np.random.default_rng(0).standard_normal((7, 5)), requires_grad=True)
    optim.SGD([table], lr=0.1)

    def loss(tokens, places, y):
        return F.cross_entropy(nn.ops.take(F.embedding(tokens, table), places, axis=0), y)

    good = np.array([1, 6, 2]), np.array([0, -1]), np.array([4, 0])
    plan = nn.Plan(loss, *good)
    for bad, error, match in (
        ((np.array([1, 7, 2]), *good[1:]), ValueError, r"input: expected integers in \[0, 7\), got 7"),
        ((good[0], np.array([0, 3]), good[2]), IndexError, r"index: expected integers in \[-3, 3\), got 3"),
        ((*good[:2], np.array([4, 5])), ValueError, r"target: expected classes in \[0, 5\), got 4 to 5"),
    ):
        with pytest.raises(error, match=match):
            plan(*bad)
    assert plan(*good) == loss(*good).item()


def test_an_error_while_recording_leaves_no_recording_open():
    """The next plan must not find the last one's kernels."""
    net = network()
    optim.SGD(net.parameters(), lr=0.1)
    x, y = next(batches(1))
    with pytest.raises(ValueError, match="convolution: x"):
        nn.Plan(lambda x, y: F.cross_entropy(net(x[:, :, :2]), y), x, y)
    nn.Plan(lambda x, y: F.cross_entropy(net(x), y), x, y)


def network_that_moves(seed=0):
    """Convolution, batch norm and dropout: statistics and streams move with each training step."""
    return layers.Sequential(
        layers.Conv2d(1, 3, 3, random_state=seed), layers.BatchNorm2d(3), layers.Flatten(),
        layers.Linear(108, 9, random_state=seed), layers.BatchNorm1d(9),
        layers.Dropout(0.4, random_state=seed), layers.Linear(9, 5, random_state=seed),
    )  # fmt: skip


def test_dropout_and_running_averages_move_in_a_plan():
    """Each replay drops others and moves the averages, as the step does; making the plan moved nothing."""
    nets = [network_that_moves(), network_that_moves()]
    optimizers = [optim.SGD(net.parameters(), lr=0.1) for net in nets]
    data = list(batches(4))

    def loss(net):
        return lambda x, y: F.cross_entropy(net(nn.Tensor(x)), y)

    plan = nn.Plan(loss(nets[0]), *data[0])
    assert_same_buffers(*nets)
    for x, y in data:
        planned = plan(x, y)
        optimizers[0].step()
        optimizers[1].zero_grad()
        out = loss(nets[1])(x, y)
        out.backward()
        optimizers[1].step()
        assert planned == out.item()
        assert_same_buffers(*nets)
    assert nets[0].state_dict()["1.num_batches_tracked"] == len(data)


def assert_same_buffers(a, b):
    for (name, x), (_, y) in zip(a.named_buffers(), b.named_buffers(), strict=True):
        np.testing.assert_array_equal(x, y, err_msg=name)


def test_a_step_that_fails_puts_averages_back():
    """An error while a plan is recorded leaves the model as it was."""
    net = network_that_moves()
    optim.SGD(net.parameters(), lr=0.1)
    x, y = next(batches(1))
    with pytest.raises(ValueError, match="target"):
        nn.Plan(lambda x, y: F.cross_entropy(net(nn.Tensor(x)), y[:1]), x, y)
    assert_same_buffers(net, network_that_moves())
