"""LeNet-5 on MNIST, the network and the digits that convolutions became known by.

As it is used today (ReLU, max pooling, cross-entropy) and without distorted digits, for which the paper
gives .95 % of errors after 20 passes. Adam with one rise and fall of its rate; rate, passes and batch were
chosen on 10,000 of the training digits, never on the test digits.
(LeCun, Bottou, Bengio and Haffner, "Gradient-based learning applied to document recognition", 1998.)
"""

from pathlib import Path
from typing import Any

import numpy as np

from eckart.datasets.digits import EXPECTED
from eckart.experiments._digits import draw_digits, given_digits, resized, sampled, table, train
from eckart.experiments.outcome import Check, Outcome
from eckart.nn import optim
from eckart.nn.functional import cross_entropy
from eckart.nn.loader import Loader
from eckart.nn.models import LeNet5
from eckart.nn.trainer import Trainer

TITLE = "LeNet-5 reads MNIST: less than one digit in a hundred wrong"
DATA = EXPECTED
PASSES, BATCH, RATE = 10, 64, 5e-3
BAR = 1.0  # % of errors, a median
MEAN, DEVIATION = 0.1307, 0.3081  # of MNIST's pixels in [0, 1]


def run(*, quick: bool = False, seed: int = 0, data: Path | None = None) -> Outcome:
    """Train three times from other weights; quick: once, on 1,500 digits."""
    digits, notes = given_digits(data, seed)
    if quick:
        digits = sampled(digits, 1500, 300, seed)
    bar, passes = (8.0, 6) if quick else (BAR, PASSES)
    digits = digits._replace(x_train=_input(digits.x_train), x_test=_input(digits.x_test))
    trainings = []
    for s in [seed] if quick else range(seed, seed + 3):
        net = LeNet5(random_state=s)
        loader = Loader(digits.x_train, digits.y_train, BATCH, shuffle=True, random_state=s)
        optimizer = optim.Adam(net.parameters())
        schedule = optim.OneCycleLR(optimizer, RATE, passes * len(loader) + 1, cycle_momentum=False)
        trainer = Trainer(net, optimizer, cross_entropy, schedule=schedule, schedule_every="batch", plan=True)
        trainings.append(train(trainer, loader, passes, digits, s))
    checks = [
        Check.close("parameters", sum(p.size for p in net.parameters()), 61706),
        Check.at_most("test error, %, median", float(np.median([t.test[-1] for t in trainings])), bar),
    ]
    title = f"{len(digits.x_train):,} digits, {passes} passes, batches of {BATCH}"
    return Outcome(checks, [table(title, trainings)], {"trainings": trainings, "bar": bar}, notes)


def _input(images: Any) -> Any:
    return ((resized(images, 28) / 255 - MEAN) / DEVIATION)[:, None]


def draw(outcome: Outcome) -> Any:
    """Errors by pass, and the digits that were misread."""
    return draw_digits(outcome.data["trainings"], outcome.data["bar"], "LeNet-5")
