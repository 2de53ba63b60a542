"""Where completion by gradient descent should start: in the spectrum of the observed entries, or anywhere.

The truncated SVD of the observed entries is near the truth, the nearer the more there are: its error falls
like (n r / |observed|)^½ (Keshavan, Montanari, Oh 2010, theorem 1.1), and as it vanishes where all entries
are observed, like ((1 − p)/p)^½ in their share p. A random start next to zero begins at a saddle, where the
k-th component of the product grows by (1 + η σ_k/σ_1)² an iteration, so that the first one to matter needs
ln(1/size) / 2 ln(1 + η). Both arrive where entries are many, because the landscape has no other minima (Ge,
Lee, Ma 2016); the start decides when, and what happens where they are few.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from eckart.completion import SpectralGD
from eckart.completion._spectral_start import spectral_start
from eckart.completion.spectral_gd import RANDOM_NORM
from eckart.evaluation.figure import COLORS, new_figure
from eckart.experiments.outcome import Check, Outcome, Table
from eckart.linalg import SparseMatrix

TITLE = "Gradient descent from the spectrum against a random start"
RANK, CONDITION = 4, 4.0
ETA = 0.5
PLATEAU, NEAR = 0.9, 0.1  # relative residuals: the end of the plateau, and near the truth
RATIOS = (1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 6.0)  # observed entries over r (2n − r)
STARTS = ("random", "spectral", "stagewise")
SHARES = (0.1, 0.2, 0.4, 0.8)  # of the entries of a matrix three times as large


def run(*, quick: bool = False, seed: int = 0) -> Outcome:
    """Measure starts, courses and success."""
    n, repeats = (120, 3) if quick else (300, 10)
    shares = np.array(SHARES)
    starts = np.array([_start_error(3 * n, share, seed) for share in SHARES])
    slope = float(np.polyfit(np.log(1 / shares - 1), np.log(starts), 1)[0])
    curves = _courses(n, seed)
    plateau = int(np.argmax(curves["random"] < PLATEAU))
    success = {start: [_success(n, rho, start, repeats, seed) for rho in RATIOS] for start in STARTS}
    waits = {start: int(np.argmax(curves[start] < NEAR)) for start in ("random", "spectral")}
    predicted = _predicted_plateau(n)
    checks = [
        Check.close("spectral start: exponent of its error in (1 − p)/p", slope, 0.5, 0.2),
        Check.close("iterations of the random start at the saddle", float(plateau), predicted, 0.3),
        Check.at_least(
            f"iterations to {NEAR:g}: random less spectral",
            waits["random"] - waits["spectral"],
            0.7 * predicted,
        ),
        *(
            Check.close(f"success at ρ = {RATIOS[-1]:g} from the {start} start", success[start][-1], 1.0)
            for start in STARTS
        ),
        *(
            Check.at_least(
                f"sum of successes: {better} less {worse}", sum(success[better]) - sum(success[worse]), 0.0
            )
            for worse, better in (("random", "stagewise"), ("spectral", "stagewise"))
        ),
        Check.close(f"success at ρ = {RATIOS[3]:g}, stagewise", success["stagewise"][3], 1.0, 0.1),
    ]  # fmt: skip
    rows = [(rho, *(f"{success[start][i]:.2f}" for start in STARTS)) for i, rho in enumerate(RATIOS)]
    tables = [Table(f"Share of {repeats} masks recovered (error < 1e-3)", ("ρ", *STARTS), rows)]
    data = {"shares": SHARES, "starts": starts, "curves": curves, "success": success, "plateau": predicted}
    return Outcome(checks, tables, data)


def draw(outcome: Outcome) -> Any:
    """The start's error against the share observed, the course of both, and success against sampling."""
    data = outcome.data
    figure, (start, course, success) = new_figure(13, 4, columns=3)
    shares = np.array(data["shares"])
    start.loglog(shares, data["starts"], "o", color=COLORS[1], label="spectral start")
    line = data["starts"][0] * np.sqrt((1 / shares - 1) / (1 / shares[0] - 1))
    start.loglog(shares, line, "--", color="0.3", label="∝ ((1 − p)/p)^½")
    start.set(xlabel="share p of entries observed", ylabel="relative error before any step")
    start.set_xticks(shares, [f"{share:g}" for share in shares])
    start.set_yticks([0.1, 0.2, 0.5, 1], ["0.1", "0.2", "0.5", "1"])
    start.minorticks_off()
    start.set_title("The spectrum is near the truth", fontsize=10)
    start.legend(frameon=False, fontsize=8)
    for (name, curve), color in zip(data["curves"].items(), COLORS, strict=False):
        course.semilogy(curve, color=color, label=f"{name} start")
    course.axvline(data["plateau"], color="0.4", linestyle=":", label="predicted end of the plateau")
    course.set(xlabel="iteration (plain descent, η = 0.5)", ylabel="relative residual", ylim=(1e-6, 2))
    course.set_title("A random start first has to leave the saddle", fontsize=10)
    course.legend(frameon=False, fontsize=8)
    for (name, shares_), color, mark in zip(data["success"].items(), COLORS, "osD", strict=True):
        success.plot(RATIOS, shares_, f"{mark}-", color=color, label=f"{name} start", alpha=0.85)
    success.axvline(1, color="0.4", linestyle="--", linewidth=1)
    success.set(
        xlabel="observed entries / degrees of freedom", ylabel="share of masks recovered", xlim=(0.9, None)
    )
    success.set_title("Success (scaled descent, conjugate steps)", fontsize=10)
    success.legend(frameon=False, fontsize=8, loc="lower right")
    return figure


def _problem(n: int, n_observed: int, seed: int, condition: float = CONDITION) -> tuple[NDArray[Any], Any]:
    """Return a truth (n, n) with singular values n ... n / condition, and some of its entries."""
    rng = np.random.default_rng(seed)
    u, v = (np.linalg.qr(rng.standard_normal((n, RANK)))[0] for _ in range(2))
    truth = (u * np.geomspace(n, n / condition, RANK)) @ v.T
    rows, columns = np.divmod(rng.choice(n * n, n_observed, replace=False), n)
    return truth, sparse.csr_array((truth[rows, columns], (rows, columns)), shape=(n, n))


def _start_error(n: int, share: float, seed: int) -> float:
    """Return the relative error of the spectral start; equal singular values: none hides in the noise."""
    truth, observed = _problem(n, round(share * n * n), seed, condition=1.0)
    u, s, v = spectral_start(SparseMatrix.from_scipy(observed), RANK, seed)
    return float(np.linalg.norm((u * s) @ v.T - truth) / np.linalg.norm(truth))


def _courses(n: int, seed: int) -> dict[str, NDArray[Any]]:
    """Return the relative residuals of plain descent from both starts, half of the entries observed."""
    _, observed = _problem(n, n * n // 2, seed)
    curves = {}
    for init in ("random", "spectral"):
        model = SpectralGD(
            RANK, method="plain", init=init, step=ETA, max_iter=400, tol=1e-6, random_state=seed
        )
        curves[init] = np.array([record["residual"] for record in model.fit(observed).history_])
    return curves


def _predicted_plateau(n: int) -> float:
    """Return the iterations from the random start until the relative residual is PLATEAU.

    With factors of deviation d the leading component of the product begins at d² r / 2 (the half of both
    sides that grows), and RANDOM_NORM says that d² n r^½ is that share of ‖s‖. It grows by (1 + η)² until it
    has taken its part of σ_1 out of the residual.
    """
    s = np.geomspace(1, 1 / CONDITION, RANK)
    squares = float(np.sum(s**2))
    part = 1 - np.sqrt(PLATEAU**2 * squares - (squares - 1))
    first = RANDOM_NORM * np.sqrt(squares * RANK) / (2 * n)
    return float(np.log(part / first) / (2 * np.log(1 + ETA)))


def _success(n: int, rho: float, init: str, repeats: int, seed: int) -> float:
    good = 0
    for repeat in range(repeats):
        truth, observed = _problem(n, round(rho * RANK * (2 * n - RANK)), 1000 * seed + repeat)
        model = SpectralGD(RANK, init=init, max_iter=300, tol=1e-5, random_state=repeat).fit(observed)
        completed = model.user_factors_ @ model.item_factors_.T
        good += bool(np.linalg.norm(completed - truth) < 1e-3 * np.linalg.norm(truth))
    return good / repeats
