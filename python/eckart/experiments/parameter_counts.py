"""How many weights a layer from n places to n places has: dense n², local 3n − 2, shared 3.

One layer with three patterns of its matrix: full, a band of three diagonals, a band that repeats itself. The
lecture's picture: 200 x 200 pixels to 400,000 units is 16 billion weights when dense, 40 million with windows
of 10 x 10, and 1000 when ten maps share theirs.
"""

from typing import Any

import numpy as np

from eckart.evaluation.figure import COLORS, new_figure
from eckart.experiments.outcome import Check, Outcome, Table
from eckart.nn import Tensor, layers
from eckart.nn.layers.sharing import as_dense, as_local

TITLE = "Parameter counts: dense, locally connected and convolutional layers"
SIZES = (4, 8, 16, 32, 64)
SHOWN = 16  # places in the pictures of the matrices
PIXELS, UNITS, WINDOW, MAPS = 200 * 200, 400_000, 10 * 10, 10


def run(*, quick: bool = False, seed: int = 0) -> Outcome:
    """Count the weights that meet a pixel, and compare the outputs of the three layers."""
    rng = np.random.default_rng(seed)
    rows, checks, counts = [], [], []
    for n in SIZES[: 3 if quick else None]:
        shared = layers.Conv1d(1, 1, 3, padding=1, bias=False, random_state=seed)
        local, dense = as_local(shared, n), as_dense(shared, n)
        matrix = dense.weight.numpy()
        found = (matrix.size, int(np.count_nonzero(matrix)), shared.weight.size)
        x = rng.standard_normal((5, 1, n)).astype(np.float32)
        outputs = [np.asarray(layer(Tensor(x))).reshape(5, n) for layer in (shared, local)]
        outputs.append(np.asarray(dense(Tensor(x.reshape(5, n)))))
        apart = max(float(np.abs(y - outputs[0]).max()) for y in outputs)
        checks += [
            Check.close(f"n = {n}: dense, n²", found[0], n**2),
            Check.close(f"n = {n}: local, 3n − 2", found[1], 3 * n - 2),
            Check.close(f"n = {n}: shared, 3", found[2], 3),
            Check.at_most(f"n = {n}: largest difference of the outputs", apart, 1e-5),
        ]
        rows.append((n, *found))
        counts.append(found)
    picture = (PIXELS * UNITS, UNITS * WINDOW, MAPS * WINDOW)
    checks += [
        Check.close("lecture's picture: dense", picture[0], 16e9),
        Check.close("lecture's picture: local", picture[1], 40e6),
    ]
    rows.append(("200 x 200 to 400,000", *picture))
    dense = as_dense(layers.Conv1d(1, 1, 3, padding=1, bias=False, random_state=seed), SHOWN)
    data = {"counts": counts, "matrix": dense.weight.numpy()}
    return Outcome(checks, [Table("Weights", ("places n", "dense", "local", "shared"), rows)], data)


def draw(outcome: Outcome) -> Any:
    """The three patterns, and the counts against n."""
    figure, (*pictures, axes) = new_figure(13, 3.4, columns=4)
    shared = outcome.data["matrix"]
    rng = np.random.default_rng(0)
    free = rng.standard_normal(shared.shape)
    matrices = {"dense: n²": free, "local: 3n − 2": np.where(shared != 0, free, 0), "shared: 3": shared}
    for panel, (title, matrix) in zip(pictures, matrices.items(), strict=True):
        panel.imshow(np.where(matrix != 0, matrix, np.nan), cmap="RdBu_r", vmin=-2, vmax=2)
        panel.set(title=title, xlabel="place of the input", xticks=[], yticks=[])
        panel.grid(False)
    pictures[0].set_ylabel("place of the output")
    counts = np.array(outcome.data["counts"])
    for column, (name, color) in enumerate(zip(("dense", "local", "shared"), COLORS, strict=True)):
        axes.plot(SIZES[: len(counts)], counts[:, column], "o-", color=color, label=name)
    axes.set(xscale="log", yscale="log", xlabel="places n", ylabel="weights")
    axes.set_xticks(SIZES[: len(counts)], [str(n) for n in SIZES[: len(counts)]])
    axes.minorticks_off()
    axes.legend(frameon=False)
    return figure
