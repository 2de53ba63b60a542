"""NMF finds parts, PCA finds directions.

On the swimmer (Donoho and Stodden 2003), whose parts are known, non-negative factors are the limbs, exactly;
principal components of the same number mix limbs and cancel. On real images (scikit-learn's 8 x 8 digits)
there are no true parts, but the same contrast: strokes against whole digits with negative ink (Lee and Seung
1999 show it on faces), which costs a little error, as no factorisation can beat the SVD.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from eckart.datasets.swimmer import SIZE, make_swimmer
from eckart.decomposition.nmf import NMF
from eckart.evaluation.figure import new_figure
from eckart.experiments.outcome import Check, Outcome, Table
from eckart.linalg.svd import randomized_svd

TITLE = "NMF finds the parts that images are made of, PCA finds directions that cancel"
LIMBS = 16
STROKES = 16  # components of the digits
SHOWN = 8


def run(*, quick: bool = False, seed: int = 0) -> Outcome:
    """Factorise swimmer and digits with NMF and PCA; compare with the parts, and sparsity and error."""
    swimmer = make_swimmer()
    found = _best_nmf(swimmer.images, LIMBS, starts=5, seed=seed)
    eigen = _eigen_images(swimmer.images, LIMBS)
    nmf_match, pca_match = (_match(c, swimmer.parts) for c in (found.components_, eigen))

    digits = _digits()[: 500 if quick else None]
    strokes = _best_nmf(digits, STROKES, starts=1, seed=seed)
    svd = randomized_svd(digits, STROKES, tol=1e-6, random_state=seed)
    total = float((digits**2).sum())
    optimum = float(np.sqrt(max(total - float((svd.s**2).sum()), 0.0) / total))
    error = strokes.reconstruction_err_ / total**0.5
    eigen_digits = _eigen_images(digits, STROKES)
    sparsity = {"NMF": _sparsity(strokes.components_), "PCA": _sparsity(eigen_digits)}

    checks = [
        Check.at_least(
            "swimmer: least likeness of a limb to its best NMF part", float(nmf_match.min()), 0.99
        ),
        Check.at_most(
            "swimmer: mean likeness of a limb to its best PCA component", float(pca_match.mean()), 0.8
        ),
        Check.at_least("digits: NMF error over the best of the rank (Eckart-Young)", error / optimum, 1.0),
        Check.at_most("digits: ... and not far above it", error / optimum, 1.35),
        Check.at_least("digits: sparsity of NMF parts minus PCA's", sparsity["NMF"] - sparsity["PCA"], 0.2),
        Check.at_most("negative entries of NMF parts", float((strokes.components_ < 0).sum()), 0.0),
    ]
    rows = [
        ("NMF", float(nmf_match.min()), float(nmf_match.mean()), error, sparsity["NMF"]),
        ("PCA", float(pca_match.min()), float(pca_match.mean()), optimum, sparsity["PCA"]),
    ]
    columns = ("", "swimmer: least likeness", "mean likeness", "digits: relative error", "sparsity")
    table = Table("Parts", columns, [(name, *(round(v, 3) for v in values)) for name, *values in rows])
    order = np.argsort(-_likeness(found.components_, swimmer.parts).max(axis=1))
    data = {
        "swimmer": (swimmer.images[[0, 27, 114, 255]], found.components_[order], eigen),
        "digits": (digits[:4], strokes.components_, eigen_digits),
    }
    notes = ["PCA's error column is that of the uncentred SVD of the same rank: the optimum for both."]
    return Outcome(checks, [table], data, notes)


def draw(outcome: Outcome) -> Any:
    """Draw images, NMF parts and PCA components of both data sets, negative entries in another colour."""
    figure, panels = new_figure(11, 3.2, columns=3, width_ratios=(1, 4, 4))
    for column, (axes, title) in enumerate(
        zip(panels, ("images", "NMF parts", "PCA components"), strict=True)
    ):
        tiles = []
        for name, side in (("swimmer", SIZE), ("digits", 8)):
            chosen = outcome.data[name][column][: 2 * (SHOWN if column else 2)]
            tiles.append(_sheet(chosen, side, across=SHOWN if column else 2))
        axes.imshow(np.vstack(tiles), cmap="RdBu", vmin=-1, vmax=1, interpolation="nearest")
        axes.set_title(title)
        axes.grid(False)
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_visible(False)
    half = panels[0].get_ylim()[0] / 2
    panels[0].set_yticks([half / 2, 1.5 * half], ["swimmer", "digits"], rotation=90, va="center")
    panels[0].tick_params(length=0)
    figure.suptitle("Blue adds ink, red takes it away: parts only add, components cancel", fontsize=11)
    return figure


def _sheet(images: NDArray[Any], side: int, across: int) -> NDArray[Any]:
    """Lay out images of any side in tiles of one size, each scaled to its largest entry."""
    tile = SIZE + 4
    sheet = np.zeros((tile * -(-len(images) // across), tile * across))
    for i, image in enumerate(images):
        scaled = np.kron(image.reshape(side, side), np.ones((SIZE // side, SIZE // side)))
        top, left = tile * (i // across) + 2, tile * (i % across) + 2
        sheet[top : top + SIZE, left : left + SIZE] = scaled / max(np.abs(scaled).max(), 1e-12)
    return sheet


def _digits() -> NDArray[np.float64]:
    from sklearn.datasets import load_digits

    return np.ascontiguousarray(load_digits().data)


def _best_nmf(images: NDArray[Any], k: int, starts: int, seed: int) -> NMF:
    """Return the best of several fits: the problem is not convex, and some starts end elsewhere."""
    fits = [
        NMF(k, init="random", random_state=seed * starts + i, max_iter=500, tol=1e-5).fit(images)
        for i in range(starts)
    ]
    return min(fits, key=lambda fit: fit.reconstruction_err_)


def _eigen_images(images: NDArray[Any], k: int) -> NDArray[Any]:
    """Return the first k principal components, (k, pixels), or as many as have any variance."""
    found = randomized_svd(images, k, center=images.mean(axis=0), tol=1e-6, random_state=0)
    return found.Vt[found.s > 1e-6 * found.s[0]]


def _likeness(components: NDArray[Any], parts: NDArray[Any]) -> NDArray[Any]:
    """Return |cosines| of components with limbs, (n_components, 16), away from the torso, which no method can
    assign."""
    away = parts[LIMBS] == 0
    rows, limbs = components[:, away], parts[:LIMBS, away]
    rows = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    return np.abs(rows @ (limbs / np.linalg.norm(limbs, axis=1, keepdims=True)).T)


def _match(components: NDArray[Any], parts: NDArray[Any]) -> NDArray[Any]:
    """Return each limb's likeness to the component that is most like it, (16,)."""
    return _likeness(components, parts).max(axis=0)


def _sparsity(components: NDArray[Any]) -> float:
    """Return the mean sparsity of rows (Hoyer 2004): 0 where all entries are equal, 1 where one is not 0."""
    root = np.sqrt(components.shape[1])
    ratio = np.abs(components).sum(axis=1) / np.maximum(np.linalg.norm(components, axis=1), 1e-12)
    return float(np.mean((root - ratio) / (root - 1)))
