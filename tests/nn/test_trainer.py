"""Training: it learns, it resumes bit for bit, it stops when it should, and it can be stopped."""

import os
import signal
from functools import partial

import numpy as np
import pytest

import eckart
from eckart import EckartError
from eckart.base.errors import DivergenceError
from eckart.nn import Loader, Trainer, layers, optim
from eckart.nn import functional as F
from eckart.nn.augmentation import flip, noise


def data(n=192, seed=0):
    """Three classes of small images, told apart by where they are bright."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, n)
    images = rng.normal(0, 0.5, (n, 1, 6, 6)).astype(np.float32)
    for row in range(3):
        images[labels == row, :, 2 * row : 2 * row + 2] += 1
    return images, labels


def net(seed=0):
    parts = (
        layers.Conv2d(1, 4, 3, padding=1, random_state=seed),
        layers.BatchNorm2d(4),
        layers.ReLU(),
        layers.MaxPool2d(2),
        layers.Flatten(),
        layers.Dropout(0.2, random_state=seed + 1),
        layers.Linear(36, 3, random_state=seed + 2),
    )
    return layers.Sequential(*parts)


def trainer(model=None, **options):
    model = model or net()
    optimizer = optim.Adam(model.parameters(), lr=0.01)
    schedule = optim.ExponentialLR(optimizer, 0.9)
    return Trainer(model, optimizer, F.cross_entropy, metrics=["top1"], schedule=schedule, **options)


def steady(seed=0):
    """A network that does the same at every step."""
    parts = (layers.Conv2d(1, 4, 3, random_state=seed), layers.Tanh(), layers.MaxPool2d(2), layers.Flatten())
    return layers.Sequential(*parts, layers.Linear(16, 3, random_state=seed + 2))


def test_a_planned_training_is_the_training():
    """Same bits, with clipping, a schedule, a smaller last batch and a state loaded on the way."""
    found = []
    for plan in (False, True):
        model = steady()
        run = trainer(model, clip_norm=0.5, plan=plan)
        x, y = data(100)
        batches = Loader(x.astype(np.float64), y.astype(np.int32), batch_size=32, random_state=0)
        run.fit(batches, 2)
        model.load_state_dict({name: 0.9 * array for name, array in model.state_dict().items()})
        run.fit(batches, 2)
        found.append(
            (model.state_dict(), [{k: v for k, v in r.items() if k != "seconds"} for r in run.history_])
        )
    for name, array in found[0][0].items():
        np.testing.assert_array_equal(array, found[1][0][name])
    assert found[0][1] == found[1][1]


@pytest.mark.parametrize("plan", [False, True])
def test_gradients_are_clipped_before_the_step(plan):
    """Plain descent at rate 1 moves by the gradient itself: as far as the bound, where that is small."""
    model = steady()
    before = [p.data.copy() for p in model.parameters()]
    run = Trainer(model, optim.SGD(model.parameters(), lr=1.0), F.cross_entropy, clip_norm=1e-2, plan=plan)
    run.fit(Loader(*data(32), batch_size=32, random_state=0), 1)
    moved = sum(((p.data - b) ** 2).sum() for p, b in zip(model.parameters(), before, strict=True))
    assert np.sqrt(moved) == pytest.approx(1e-2, rel=1e-3)


def loader():
    augment = [flip, partial(noise, std=0.1)]
    return Loader(*data(), batch_size=32, shuffle=True, augment=augment, random_state=5)


def test_it_learns_and_says_so():
    """The whole of the loop: loss falls, accuracy rises, on data never seen too."""
    found = trainer(clip_norm=1.0).fit(loader(), 6, validation=data(90, seed=1))
    first, last = found.history_[0], found.history_[-1]
    assert last["loss"] < first["loss"] / 2
    assert last["validation_top1"] > 0.95
    assert [r["epoch"] for r in found.history_] == [1, 2, 3, 4, 5, 6]
    assert last["learning_rate"] == pytest.approx(0.01 * 0.9**5)
    assert not found.model.training
    x, y = data(90, seed=1)
    scores = found.predict(x, batch_size=7)
    assert (scores.argmax(axis=1) == y).mean() == pytest.approx(found.evaluate((x, y))["top1"])


@pytest.mark.parametrize("plan", [False, True])
def test_resume_is_bit_exact(tmp_path, plan):
    """Six epochs are three, a new process, and three: weights, moments, averages, dropout, order, noise.

    By plans too, which move averages and dropout without Python.
    """
    whole = trainer().fit(loader(), 6)
    trainer(plan=plan).fit(loader(), 3, checkpoint=tmp_path / "c")
    resumed = trainer(net(seed=9), plan=plan).load_checkpoint(tmp_path / "c").fit(loader(), 3)
    for (name, a), b in zip(
        whole.model.state_dict().items(), resumed.model.state_dict().values(), strict=True
    ):
        assert np.array_equal(a, b), name
    plain = [[{k: v for k, v in r.items() if k != "seconds"} for r in t.history_] for t in (whole, resumed)]
    assert plain[0] == plain[1]
    assert len(plain[0]) == 6


def test_resume_in_the_middle_of_an_epoch(tmp_path):
    """Ctrl-C after some batch, a checkpoint, and on: the same bits as if nothing had been."""
    whole = trainer().fit(loader(), 2)

    def interrupted_loss(output, y, calls=[]):  # noqa: B006 - counts
        calls.append(1)
        if len(calls) == 9:  # six batches an epoch
            os.kill(os.getpid(), signal.SIGINT)
        return F.cross_entropy(output, y)

    stopped, before = trainer(), signal.getsignal(signal.SIGINT)
    stopped.loss = interrupted_loss
    with pytest.raises(KeyboardInterrupt):
        stopped.fit(loader(), 2)
    assert (stopped.epoch_, stopped.position_) == (1, 3)  # the step under way was finished
    assert signal.getsignal(signal.SIGINT) is before
    assert not stopped.model.training
    stopped.save_checkpoint(tmp_path / "c")
    resumed = trainer(net(seed=9)).load_checkpoint(tmp_path / "c").fit(loader(), 1)
    for a, b in zip(whole.model.state_dict().values(), resumed.model.state_dict().values(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert resumed.history_[-1]["loss"] == whole.history_[-1]["loss"]


def test_same_bits_for_any_number_of_threads():
    """A result that depends on the machine's cores cannot be reproduced elsewhere."""
    states = []
    before = eckart.get_num_threads()
    try:
        for threads in (1, 2, 3, 5):
            eckart.set_num_threads(threads)
            states.append(trainer().fit(loader(), 1).model.state_dict())
    finally:
        eckart.set_num_threads(before)
    for state in states[1:]:
        assert all(np.array_equal(state[name], states[0][name]) for name in state)


def test_early_stopping_keeps_the_best():
    """Noise labels: validation gets worse, and the weights of the best epoch must come back."""
    x, y = data()
    rng = np.random.default_rng(3)
    valid = (x[:64], rng.integers(0, 3, 64))
    found = trainer().fit((x, y), 30, validation=valid, patience=3)
    losses = [r["validation_loss"] for r in found.history_]
    assert len(losses) == int(np.argmin(losses)) + 1 + 3 < 30
    assert found.evaluate(valid)["loss"] == pytest.approx(min(losses), rel=1e-6)


def test_accuracy_is_to_rise():
    """The best epoch by top1 is the one with the most hits; of a measure of one's own, `mode` says it."""
    valid = data(60, seed=1)
    found = trainer().fit(loader(), 4, validation=valid, patience=4, monitor="validation_top1")
    best = max(r["validation_top1"] for r in found.history_)
    assert found.evaluate(valid)["top1"] == best > found.history_[0]["validation_top1"]
    model = net()
    run = Trainer(
        model, optim.SGD(model.parameters(), lr=0.1), F.cross_entropy, metrics={"one": lambda o, y: 1.0}
    )
    assert len(run.fit(loader(), 9, patience=2, monitor="one", mode="max").history_) == 3
    assert len(run.fit(loader(), 9, patience=2, monitor="one", mode="max").history_) == 6  # patient anew


def test_callbacks():
    """A callback sees each epoch's record and may stop."""
    seen = []
    found = trainer().fit(loader(), 9, callbacks=[seen.append, lambda record: record["epoch"] == 2])
    assert seen == found.history_
    assert len(seen) == 2
    assert len(trainer().fit(loader(), 9, callbacks=lambda record: True).history_) == 1


def test_schedule_by_batch():
    """Warm-up is counted in steps, not in epochs."""
    model = net()
    optimizer = optim.SGD(model.parameters(), lr=1.0)
    schedule = optim.ExponentialLR(optimizer, 0.5)
    Trainer(model, optimizer, F.cross_entropy, schedule=schedule, schedule_every="batch").fit(loader(), 1)
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.5**6)


def test_schedule_that_waits_for_a_plateau():
    """It needs to be told how the epoch went: labels of noise, and the rate falls."""
    model = net()
    optimizer = optim.SGD(model.parameters(), lr=1e-6)
    schedule = optim.ReduceLROnPlateau(optimizer, patience=0, factor=0.5, threshold=0.5)
    Trainer(model, optimizer, F.cross_entropy, schedule=schedule).fit(loader(), 3, validation=data(20))
    assert optimizer.param_groups[0]["lr"] == pytest.approx(1e-6 / 4)
    run = Trainer(model, optimizer, F.cross_entropy, metrics="top1", schedule=schedule)
    with pytest.raises(ValueError, match=r"schedule: expected ReduceLROnPlateau\(mode='max'\) to watch top1"):
        run.fit(loader(), 1, monitor="top1")
    with pytest.raises(ValueError, match="schedule_every: expected 'epoch' for ReduceLROnPlateau"):
        Trainer(model, optimizer, F.cross_entropy, schedule=schedule, schedule_every="batch")


def test_divergence_is_named():
    """A loss of NaN must stop the run with the last good weights and averages, and say where and why."""
    model = net()
    found = Trainer(model, optim.SGD(model.parameters(), lr=1e-3), F.cross_entropy)
    x, y = data()
    x[100] = np.nan
    with pytest.raises(DivergenceError, match="the loss is nan in epoch 1, batch 4; X of this batch"):
        found.fit(Loader(x, y, 32, random_state=0), 1)
    assert all(np.isfinite(array).all() for array in model.state_dict().values())
    assert model[1].num_batches_tracked == 3
    fast = steady()
    run = Trainer(fast, optim.SGD(fast.parameters(), lr=1e38), F.cross_entropy)
    with pytest.raises(DivergenceError, match=r"the loss is (nan|inf) in epoch 1, batch \d$"):
        run.fit(data(), 1)


def test_checkpoint_of_another_model(tmp_path):
    """Loading the wrong file must be an error that names it."""
    trainer().save_checkpoint(tmp_path / "c")
    other = trainer(layers.Sequential(layers.Flatten(), layers.Linear(36, 3, random_state=0)))
    with pytest.raises(EckartError, match="cannot load"):
        other.load_checkpoint(tmp_path / "c")
    model = steady()
    with pytest.raises(EckartError, match="buffers: expected"):
        trainer(model).load_checkpoint(tmp_path / "c")
    net().save(tmp_path / "weights")
    with pytest.raises(EckartError, match="no checkpoint"):
        trainer().load_checkpoint(tmp_path / "weights")


def test_checkpoint_of_another_training(tmp_path):
    """Momentum of one optimiser in another, or half a state, would train on silently: nothing is taken."""
    trainer().fit(loader(), 1).save_checkpoint(tmp_path / "c")
    model = net(seed=5)
    before = model.state_dict()
    descent = Trainer(model, optim.SGD(model.parameters(), lr=0.1), F.cross_entropy)
    with pytest.raises(EckartError, match="optimizer: expected SGD, as the Trainer has, got Adam"):
        descent.load_checkpoint(tmp_path / "c")
    unscheduled = Trainer(model, optim.Adam(model.parameters()), F.cross_entropy)
    with pytest.raises(
        EckartError, match="schedule: expected NoneType, as the Trainer has, got ExponentialLR"
    ):
        unscheduled.load_checkpoint(tmp_path / "c")
    optimizer = optim.Adam([{"params": [p]} for p in model.parameters()])
    grouped = Trainer(model, optimizer, F.cross_entropy, schedule=optim.ExponentialLR(optimizer, 0.9))
    with pytest.raises(EckartError, match="base_lrs: expected those of 6 groups, got 1"):
        grouped.load_checkpoint(tmp_path / "c")
    assert grouped.history_ == []
    assert all(np.array_equal(array, before[name]) for name, array in model.state_dict().items())


def test_resume_without_a_seed(tmp_path):
    """A Loader that was given no seed gets another in the next process: the checkpoint's order goes on."""
    batches = Loader(*data(), batch_size=32, shuffle=True)
    whole = trainer().fit(batches, 1, checkpoint=tmp_path / "c").fit(batches, 1)
    other = Loader(*data(), batch_size=32, shuffle=True)
    resumed = trainer(net(seed=9)).load_checkpoint(tmp_path / "c").fit(other, 1)
    assert resumed.history_[-1]["loss"] == whole.history_[-1]["loss"]
    resumed.position_ = 3
    with pytest.raises(
        ValueError, match="data: expected more than 3 batches, which are done of epoch 3, got 2"
    ):
        resumed.fit(data(100), 1)


def test_parts_that_do_not_fit():
    """What would only fail in the middle of the first step, or train nothing at all, is said at once."""
    model, other = steady(), steady()
    adam = optim.Adam(model.parameters())
    foreign = optim.Adam(other.parameters())
    cases = [
        ((model, optim.Adam, F.cross_entropy, {}), "optimizer: expected an instance of Optimizer, got Adam"),
        ((model.forward, adam, F.cross_entropy, {}), "model: expected an instance of Module, got method"),
        ((model, adam, "mse", {}), "loss: expected a function"),
        ((model, adam, F.cross_entropy, {"schedule": optim.StepLR}), "schedule: expected an instance"),
        ((model, foreign, F.cross_entropy, {}), "optimizer: expected one made of the model's parameters"),
        ((model, adam, F.cross_entropy, {"schedule": optim.StepLR(foreign, 1)}), "schedule: expected one of"),
        ((model, adam, F.cross_entropy, {"clip_norm": -1.0}), "clip_norm: expected a finite number > 0"),
    ]
    for (*parts, options), message in cases:
        with pytest.raises((TypeError, ValueError), match=message):
            Trainer(*parts, **options)
    for loss, came in ((lambda o, y: o, r"shape \(64, 3\)"), (lambda o, y: 1.0, "float")):
        with pytest.raises(TypeError, match=f"loss: expected a Tensor of one number for a batch, got {came}"):
            Trainer(model, adam, loss).fit(data(), 1)


def test_bad_input(tmp_path):
    """Mistakes are named where they are made, and before the training, not after it."""
    with pytest.raises(EckartError, match=r"the folder .* does not exist"):
        trainer().fit(loader(), 10**9, checkpoint=tmp_path / "no" / "c")
    with pytest.raises(ValueError, match="mode: expected one of 'min', 'max'"):
        trainer().fit(loader(), 1, mode="lowest")
    with pytest.raises(ValueError, match="schedule_every"):
        trainer(schedule_every="step")
    with pytest.raises(TypeError, match=r"data: expected a Loader or \(X, y\), got ndarray"):
        trainer().fit(data()[0], 1)
    with pytest.raises(ValueError, match="monitor: expected one of"):
        trainer().fit(loader(), 1, patience=1, monitor="accuracy")
    with pytest.raises(ValueError, match="data: expected a Loader with y"):
        trainer().fit(Loader(data()[0]), 1)


def test_data_of_another_type():
    """NumPy makes float64 of everything; the network's own type decides."""
    x, y = data()
    wide = trainer().fit(Loader(x.astype(np.float64), y, 32, random_state=0), 1)
    narrow = trainer().fit(Loader(x, y, 32, random_state=0), 1)
    assert wide.history_[0]["loss"] == narrow.history_[0]["loss"]
    assert wide.predict(x.astype(np.float64)).dtype == np.float32


def test_progress_bar_on_stderr(capsys):
    """Long work shows that it lives; stdout stays clean for what programs read."""
    trainer(verbose=True).fit(loader(), 1)
    assert capsys.readouterr().out == ""


def test_plot_history(tmp_path):
    """A panel for each measure, with the training's and the validation's curve."""
    pytest.importorskip("matplotlib")
    found = trainer().fit(loader(), 2, validation=data(30))
    figure = found.plot_history(tmp_path / "h.png")
    assert [axes.get_ylabel() for axes in figure.axes] == ["loss", "top1"]
    assert all(len(axes.lines) == 2 for axes in figure.axes)
    assert (tmp_path / "h.png").stat().st_size > 1000
    with pytest.raises(ValueError, match="history"):
        trainer().plot_history()
