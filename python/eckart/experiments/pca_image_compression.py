"""Images kept by a few numbers each: what PCA loses is the tail of the eigenvalues, neither more nor less.

Digits of 8 x 8 pixels (Alpaydin and Kaynak, 1998) that scikit-learn ships.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from eckart.decomposition import PCA
from eckart.evaluation.figure import COLORS, new_figure
from eckart.experiments.outcome import Check, Outcome, Table

TITLE = "Images at rank k: the error of PCA is the tail of the eigenvalues"
SHOWN = (2, 5, 10, 20, 40)  # ranks
N_SHOWN = 8  # images
GAP = 1  # pixels around an image


def run(*, quick: bool = False, seed: int = 0) -> Outcome:
    """Compress and measure; half of the images learn the components, the other half were never seen."""
    train, test = _images(quick, seed)
    outcome = Outcome()
    d = train.shape[1]
    whole = PCA(svd_solver="full").fit(train)
    variances = whole.explained_variance_ * (len(train) - 1) / len(train)
    tails = np.append(variances[::-1].cumsum()[::-1], np.zeros(d + 1 - len(variances)))
    ranks = range(d + 1)
    errors, unseen = [], []
    for k in ranks:
        basis = whole.components_[:k]
        errors.append(_error(train, whole.mean_, basis))
        unseen.append(_error(test, whole.mean_, basis))
    worst = max(abs(e - tails[k]) / tails[0] for k, e in zip(ranks, errors, strict=True))
    outcome.checks.append(Check.at_most("largest |error - tail| / variance, over all ranks", worst, 1e-10))

    rng = np.random.default_rng(seed)
    rotations = (np.linalg.qr(rng.standard_normal((d, 10)))[0].T for _ in range(20))
    pixels = np.eye(d)[np.argsort(-train.var(axis=0))[:10]]
    ten = _error(train, whole.mean_, whole.components_[:10])
    rivals = [_error(train, whole.mean_, basis) for basis in (pixels, *rotations)]
    outcome.checks.append(
        Check.at_least("least error of 21 other projections of rank 10 / PCA's", min(rivals) / ten, 1.0)
    )
    below = PCA(10, svd_solver="full").fit(train)
    outcome.checks.append(
        Check.close("error of images through the scores of PCA(10)", _round_trip(below, train), tails[10])
    )
    outcome.tables.append(
        Table(
            "Mean squared error an image, as a share of the variance",
            ("numbers kept", "share of the pixels", "tail of the eigenvalues", "measured", "unseen images"),
            [
                (k, f"{k / d:.1%}", f"{tails[k] / tails[0]:.4f}", f"{errors[i] / tails[0]:.4f}",
                 f"{unseen[i] / _error(test, whole.mean_, whole.components_[:0]):.4f}")
                for i, k in enumerate(ranks) if k in SHOWN
            ],
        )
    )  # fmt: skip
    images = test[:N_SHOWN]
    rest, u = images - whole.mean_, whole.components_
    outcome.data = {
        "ranks": list(ranks), "errors": errors, "unseen": unseen, "tails": tails,
        "images": [images, *(whole.mean_ + rest @ u[:k].T @ u[:k] for k in SHOWN)],
    }  # fmt: skip
    return outcome


def draw(outcome: Outcome) -> Any:
    """Draw some unseen images at falling rank, and the error by rank beside the tail."""
    found = outcome.data
    figure, (pictures, curve) = new_figure(11, 4.6, columns=2, width_ratios=(1, 1.15))
    side = int(np.sqrt(found["images"][0].shape[1]))
    rows = [
        np.hstack([np.pad(image.reshape(side, side), GAP) for image in images]) for images in found["images"]
    ]
    pictures.imshow(np.vstack(rows), cmap="gray_r", vmin=0, vmax=16, interpolation="nearest")
    pictures.set_yticks(
        [(side + 2 * GAP) * (i + 0.5) - 0.5 for i in range(len(rows))],
        ["original", *(f"k = {k}" for k in SHOWN)],
    )
    pictures.set_xticks([])
    pictures.set_title(f"Unseen digits ({side * side} pixels) from k numbers each")
    pictures.grid(False)
    pictures.spines[:].set_visible(False)
    pictures.tick_params(length=0)

    ranks, tails = found["ranks"], found["tails"]
    unseen = np.array(found["unseen"])
    curve.plot(
        range(len(tails)), tails, color=COLORS[2], linewidth=4, alpha=0.5, label="tail of the eigenvalues"
    )
    curve.plot(
        ranks, found["errors"], "o", markersize=3.5, color=COLORS[0], label="measured, images of the fit"
    )
    curve.plot(ranks, unseen, color=COLORS[1], label="measured, unseen images")
    curve.set(
        xlabel="components k", ylabel="mean squared error an image", ylim=(0, None), xlim=(0, len(tails) - 1)
    )
    curve.set_title("What is lost is the tail")
    curve.legend(frameon=False)
    return figure


def _images(quick: bool, seed: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    from sklearn.datasets import load_digits

    images = load_digits().data
    order = np.random.default_rng(seed).permutation(len(images))[: 600 if quick else None]
    half = len(order) // 2
    return images[order[:half]], images[order[half:]]


def _error(X: NDArray[np.float64], mean: NDArray[np.float64], basis: NDArray[np.float64]) -> float:
    """Mean of |x - mean - B'B(x - mean)|^2, over an orthonormal basis B (k, d)."""
    rest = X - mean
    rest = rest - rest @ basis.T @ basis
    return float((rest**2).sum(axis=1).mean())


def _round_trip(model: PCA, X: NDArray[np.float64]) -> float:
    return float(((model.inverse_transform(model.transform(X)) - X) ** 2).sum(axis=1).mean())
