"""Losses against their formulas, written out, and finite differences; PyTorch's samples are in test_op_db."""

import numpy as np
import pytest

from eckart.nn import Tensor, grad, gradcheck
from eckart.nn import functional as F

RNG = np.random.default_rng(0)
X, T = RNG.standard_normal((5, 3)), RNG.standard_normal((5, 3))
P, Q = RNG.uniform(0.1, 0.9, (5, 3)), RNG.uniform(0.1, 0.9, (5, 3))
SIGNS = np.where(T > 0, 1.0, -1.0)
CLASSES = np.array([0, 2, 1, -100, 2])
WEIGHT = np.array([0.5, 1.0, 2.0])

FORMULAS = {
    "mse_loss": (F.mse_loss, X, T, (X - T) ** 2),
    "l1_loss": (F.l1_loss, X, T, np.abs(X - T)),
    "huber_loss": (F.huber_loss, X, T, np.where(np.abs(X - T) < 1, (X - T) ** 2 / 2, np.abs(X - T) - 0.5)),
    "smooth_l1_loss": (
        lambda x, t, **o: F.smooth_l1_loss(x, t, beta=2.0, **o),
        X,
        T,
        np.where(np.abs(X - T) < 2, (X - T) ** 2 / 4, np.abs(X - T) - 1),
    ),
    "binary_cross_entropy": (F.binary_cross_entropy, P, Q, -Q * np.log(P) - (1 - Q) * np.log(1 - P)),
    "binary_cross_entropy_with_logits": (
        F.binary_cross_entropy_with_logits,
        np.log(P / (1 - P)),
        Q,
        -Q * np.log(P) - (1 - Q) * np.log(1 - P),
    ),
    "kl_div": (F.kl_div, X, P, P * (np.log(P) - X)),
    "hinge_embedding_loss": (F.hinge_embedding_loss, X, SIGNS, np.where(SIGNS > 0, X, np.maximum(0, 1 - X))),
    "hinge_loss": (F.hinge_loss, X, SIGNS, np.maximum(0, 1 - SIGNS * X)),
    "margin_ranking_loss": (
        lambda x, t, **o: F.margin_ranking_loss(x, X[::-1].astype(x.dtype), t, margin=0.3, **o),
        X,
        SIGNS,
        np.maximum(0, -SIGNS * (X - X[::-1]) + 0.3),
    ),
    "soft_margin_loss": (F.soft_margin_loss, X, SIGNS, np.log(1 + np.exp(-SIGNS * X))),
}


@pytest.mark.parametrize("name", FORMULAS)
def test_formula_and_slope(name):
    """Each loss is its formula, under each reduction, and its gradient the formula's slope."""
    f, x, t, expected = FORMULAS[name]
    for reduction, value in (("none", expected), ("sum", expected.sum()), ("mean", expected.mean())):
        np.testing.assert_allclose(f(Tensor(x), t, reduction=reduction).data, value, rtol=1e-12)
        gradcheck(lambda x, r=reduction: f(x, t, reduction=r), [x])
    y = f(Tensor(x.astype(np.float32), requires_grad=True), t.astype(np.float32))
    assert y.dtype == np.float32


def log_softmax(x):
    return x - np.log(np.exp(x).sum(1, keepdims=True))


def test_cross_entropy_by_hand():
    """Weights, ignored rows and smoothing as PyTorch documents them: the mean is over what counts."""
    counted = CLASSES >= 0
    logp, classes = log_softmax(X)[counted], CLASSES[counted]
    for weight in (None, WEIGHT):
        w = np.ones(3) if weight is None else weight
        for smoothing in (0.0, 0.2):
            q = np.eye(3)[classes] * (1 - smoothing) + smoothing / 3
            rows = -(q * w * logp).sum(1)
            options = {"weight": weight, "label_smoothing": smoothing}
            found = F.cross_entropy(Tensor(X), CLASSES, **options)
            np.testing.assert_allclose(found.item(), rows.sum() / w[classes].sum(), rtol=1e-12)
            each = F.cross_entropy(Tensor(X), CLASSES, reduction="none", **options)
            np.testing.assert_allclose(each.data[counted], rows, rtol=1e-12)
            assert each.data[3] == 0
            for reduction in ("mean", "sum", "none"):
                gradcheck(
                    lambda x, o=options, r=reduction: F.cross_entropy(x, CLASSES, reduction=r, **o), [X]
                )


def test_cross_entropy_of_probabilities():
    """Soft targets (distillation, mixup) have gradients on both sides."""
    q = P / P.sum(1, keepdims=True)
    found = F.cross_entropy(Tensor(X), q)
    np.testing.assert_allclose(found.item(), -(q * log_softmax(X)).sum() / 5, rtol=1e-12)
    gradcheck(lambda x, t: F.cross_entropy(x, t, weight=WEIGHT, label_smoothing=0.1), [X, q])


def test_nll_is_cross_entropy_of_logarithms():
    """The two ways to write a classifier agree, also with pixels as classes."""
    x, t = RNG.standard_normal((2, 3, 4, 5)), RNG.integers(0, 3, (2, 4, 5))
    left, right = Tensor(x, requires_grad=True), Tensor(x, requires_grad=True)
    a = F.nll_loss(F.log_softmax(left, axis=1), t, weight=WEIGHT)
    b = F.cross_entropy(right, t, weight=WEIGHT)
    np.testing.assert_allclose(a.item(), b.item(), rtol=1e-12)
    np.testing.assert_allclose(grad(a, [left])[0], grad(b, [right])[0], rtol=1e-9, atol=1e-15)
    assert F.cross_entropy(Tensor(x[0, :, 0, 0]), np.array(1)).shape == ()


def test_confident_logits():
    """Logits of an attacked or a diverging network give finite losses and gradients, in float32."""
    x = Tensor(np.array([[1000.0, -1000.0], [-1000.0, 1000.0]], np.float32), requires_grad=True)
    loss = F.cross_entropy(x, np.array([1, 1]))
    assert loss.item() == 1000
    np.testing.assert_array_equal(grad(loss, [x])[0], [[0.5, -0.5], [0, 0]])
    z = Tensor(np.array([1000.0, -1000.0], np.float32), requires_grad=True)
    loss = F.binary_cross_entropy_with_logits(z, np.array([0.0, 0.0], np.float32), reduction="sum")
    assert loss.item() == 1000
    np.testing.assert_array_equal(grad(loss, [z])[0], [1, 0])
    certain = F.binary_cross_entropy(Tensor([0.0, 1.0]), np.array([1.0, 1.0], np.float32), reduction="none")
    np.testing.assert_array_equal(certain.data, [100, 0])


ERRORS = [
    (
        lambda: F.mse_loss(Tensor(X), T, reduction="all"),
        "reduction: expected 'mean', 'sum' or 'none', got 'all'",
    ),
    (lambda: F.cross_entropy(Tensor(X), CLASSES, reduction="all"), "reduction: expected"),
    (lambda: F.cross_entropy(Tensor(X), CLASSES + 1), r"classes in \[0, 3\), got -99 to 3"),
    (lambda: F.cross_entropy(Tensor(X), CLASSES[:4]), r"target: expected .* got int64 of shape \(4,\)"),
    (lambda: F.cross_entropy(Tensor(X), P[:, 0]), r"target: expected .* got float64 of shape \(5,\)"),
    (lambda: F.cross_entropy(Tensor(X), CLASSES, weight=WEIGHT[:2]), r"weight: expected 3 numbers.*\(2,\)"),
    (
        lambda: F.cross_entropy(Tensor(X), CLASSES, label_smoothing=1.5),
        r"label_smoothing in \[0, 1\], got .* 1.5",
    ),
    (lambda: F.binary_cross_entropy(Tensor(X), Q), r"probabilities in \[0, 1\]"),
    (lambda: F.binary_cross_entropy_with_logits(Tensor(X), Q[:1]), r"shape \(5, 3\), got shape \(1, 3\)"),
    (lambda: F.huber_loss(Tensor(X), T, delta=0), "delta: expected a number > 0, got 0"),
    (lambda: F.smooth_l1_loss(Tensor(X), T, beta=-1), "beta: expected a number >= 0, got -1"),
]


@pytest.mark.parametrize(("f", "message"), ERRORS)
def test_errors(f, message):
    """A wrong target is said, and not trained on."""
    with pytest.raises(ValueError, match=message):
        f()


def test_a_column_beside_a_row_is_refused():
    """(n, 1) scores and (n,) targets would be compared all with all: a loss that trains to the mean."""
    x = np.zeros((5, 1))
    for loss in (F.mse_loss, F.l1_loss, F.huber_loss):
        with pytest.raises(ValueError, match=r"target: expected the input's shape \(5, 1\), got \(5,\)"):
            loss(x, np.zeros(5))
    assert F.mse_loss(np.ones((4, 3)), np.zeros(3)).item() == 1  # rows beside one row


def test_hinge_of_classes():
    """By hand: the excess over the class's score, but for itself."""
    x, y = np.array([[0.2, 1.0, -0.5], [2.0, 0.0, 1.5]]), np.array([1, 0])
    expected = np.array([(1 + 0.2 - 1.0) / 3, (1 + 1.5 - 2.0) / 3])
    np.testing.assert_allclose(F.multi_margin_loss(x, y, reduction="none").data, expected)
    np.testing.assert_allclose(F.multi_margin_loss(x[0], y[0], p=2).data, 0.2**2 / 3)
    np.testing.assert_allclose(F.multi_margin_loss(x, y, weight=[3.0, 1, 1]).data, (expected * [1, 3]).mean())
    for arguments, message in (
        ((x, [1, 3]), r"target: expected classes in \[0, 3\), got 1 to 3"),
        ((x, [1.0, 0.0]), "a class"),
        ((x, y, 3), "p 1 or 2"),
        ((x, y, 1, 1.0, [1.0]), "weight: expected 3 numbers"),
    ):
        with pytest.raises(ValueError, match=message):
            F.multi_margin_loss(*arguments)
    with pytest.raises(ValueError, match="target: expected numbers 1 and -1"):
        F.hinge_loss(x, np.zeros_like(x))
