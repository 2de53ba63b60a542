"""The nuclear norm against the rank: two bounds on complexity, on the same data.

Of exact entries, the matrix of least rank and that of least nuclear norm are both the truth where entries
are many. Where they are fewer, a matrix of smaller nuclear norm fits them as well: a certificate that no
method for the norm can succeed, while the rank still does. Of noisy entries, the penalty on the norm shrinks
what it keeps, the more the larger it is; a bound on the rank does not. Refitting the singular values
(debiasing) undoes the worst of it.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from eckart.completion import SVT, SoftImpute, SpectralGD
from eckart.evaluation.figure import COLORS, new_figure
from eckart.experiments.outcome import Check, Outcome, Table

TITLE = "Nuclear norm against rank: exact recovery, and the path of SoftImpute on noisy entries"
RANK = 3
MANY, FEW = 6.0, 2.0  # observed entries, in degrees of freedom r (2n − r)
NOISE = 0.5  # deviation, that of the entries being sqrt(RANK)


class Data(NamedTuple):
    truth: NDArray[Any]  # (n, n)
    observed: Any  # sparse

    def error(self, model: Any) -> float:
        completed = model.user_factors_ @ model.item_factors_.T
        return float(np.linalg.norm(completed - self.truth) / np.linalg.norm(self.truth))


def run(*, quick: bool = False, seed: int = 0) -> Outcome:
    """Measure recovery at two sampling rates without noise, then both paths with noise."""
    n = 100 if quick else 200
    exact = {rho: _problem(n, rho, 0.0, seed) for rho in (MANY, FEW)}
    rows, norms, errors = [], {}, {}
    for rho, data in exact.items():
        truth = np.linalg.svd(data.truth, compute_uv=False).sum()
        for name, model in _exact_models(rho, data.truth, seed).items():
            model.fit(data.observed)
            norms[rho, name] = float(model.singular_values_.sum() / truth)
            errors[rho, name] = data.error(model)
            residual = model.history_[-1]["residual"]
            rows.append((rho, name, f"{errors[rho, name]:.1e}", f"{residual:.1e}", f"{norms[rho, name]:.4f}"))
    noisy = _problem(n, MANY, NOISE, seed)
    soft = _soft_path(noisy, debias=False, seed=seed)
    free = _soft_path(noisy, debias=True, seed=seed)
    ranks = np.arange(1, 9)
    hard = np.array([noisy.error(SpectralGD(int(k), random_state=seed).fit(noisy.observed)) for k in ranks])
    checks = [
        Check.at_most(f"ρ = {MANY:g}: error of SVT (least norm)", errors[MANY, "SVT"], 1e-3),
        Check.close(f"ρ = {MANY:g}: its nuclear norm over the truth's", norms[MANY, "SVT"], 1.0, 1e-3),
        Check.at_most(f"ρ = {MANY:g}: error of SpectralGD (rank)", errors[MANY, "SpectralGD"], 1e-4),
        Check.at_most(f"ρ = {FEW:g}: error of SpectralGD (rank)", errors[FEW, "SpectralGD"], 1e-3),
        Check.at_most(f"ρ = {FEW:g}: norm of a fit over the truth's", norms[FEW, "SoftImpute"], 0.99),
        Check.at_least(f"ρ = {FEW:g}: so the least norm fails: error", errors[FEW, "SoftImpute"], 0.1),
        Check.at_least("path: least rise of the norm as λ falls", float(np.diff(soft["norm"]).min()), 0.0),
        Check.close("noise: best rank, rank bounded", float(ranks[hard.argmin()]), float(RANK)),
        Check.at_least("noise: best error, norm over rank", float(soft["error"].min() / hard.min()), 1.0),
        Check.at_most("largest λ: error, debiased over not", float(free["error"][0] / soft["error"][0]), 0.9),
    ]
    tables = [
        Table("Exact entries", ("ρ", "model", "error", "residual", "norm / truth's"), rows),
        Table(
            "Noisy entries: the path of SoftImpute",
            ("reg", "rank", "norm", "error", "error debiased"),
            [
                (f"{reg:.3g}", int(k), f"{norm:.4g}", f"{e:.3f}", f"{d:.3f}")
                for reg, k, norm, e, d in zip(
                    soft["reg"], soft["rank"], soft["norm"], soft["error"], free["error"], strict=True
                )
            ],
        ),
    ]
    return Outcome(checks, tables, {"soft": soft, "free": free, "ranks": ranks, "hard": hard})


def draw(outcome: Outcome) -> Any:
    """Rank and nuclear norm along the path, and the errors that each bound reaches."""
    soft, free = outcome.data["soft"], outcome.data["free"]
    figure, (path, ranks, errors) = new_figure(13, 4, columns=3)
    path.semilogx(soft["reg"], soft["norm"] / soft["truth"], "o-", color=COLORS[0])
    path.axhline(1, color="0.4", linestyle="--", linewidth=1)
    path.set(xlabel="penalty λ", ylabel="nuclear norm / the truth's", ylim=(0, None))
    path.set_title("The penalty shrinks the norm …", fontsize=10)
    ranks.semilogx(soft["reg"], soft["rank"], "o-", color=COLORS[0])
    ranks.axhline(RANK, color="0.4", linestyle="--", linewidth=1)
    ranks.set_yscale("log")
    ranks.set_yticks([1, 3, 10, 30], ["1", "3", "10", "30"])
    ranks.minorticks_off()
    ranks.set(xlabel="penalty λ", ylabel="rank of the minimiser")
    ranks.set_title("… and bounds the rank only in passing", fontsize=10)
    errors.plot(soft["rank"], soft["error"], "o-", color=COLORS[0], label="SoftImpute")
    errors.plot(free["rank"], free["error"], "s--", color=COLORS[2], label="SoftImpute, debiased")
    errors.plot(
        outcome.data["ranks"], outcome.data["hard"], "o-", color=COLORS[1], label="rank bounded (SpectralGD)"
    )
    errors.set(xlabel="rank", ylabel="relative error on the whole matrix", xlim=(0, 20), ylim=(0, 1.05))
    errors.set_title(f"Noisy entries, true rank {RANK}", fontsize=10)
    errors.legend(frameon=False, fontsize=8)
    return figure


def _problem(n: int, rho: float, noise: float, seed: int) -> Data:
    """Return an n x n product of unit normal factors and rho r (2n − r) of its entries with noise."""
    rng = np.random.default_rng(seed)
    truth = rng.standard_normal((n, RANK)) @ rng.standard_normal((RANK, n))
    rows, columns = np.divmod(rng.choice(n * n, round(rho * RANK * (2 * n - RANK)), replace=False), n)
    values = truth[rows, columns] + noise * rng.standard_normal(len(rows))
    return Data(truth, sparse.csr_array((values, (rows, columns)), shape=(n, n)))


def _exact_models(rho: float, truth: NDArray[Any], seed: int) -> dict[str, Any]:
    """SVT finds the least norm where that is the truth; elsewhere it is slow, and a small penalty does."""
    rank = SpectralGD(RANK, tol=1e-8, random_state=seed)
    if rho == MANY:
        return {"SVT": SVT(tol=1e-5, max_iter=2000, polish=False, random_state=seed), "SpectralGD": rank}
    small = 1e-4 * float(np.linalg.norm(truth, 2))
    penalty = SoftImpute(min(truth.shape) // 2, reg=small, max_iter=400, tol=1e-6, random_state=seed)
    return {"SoftImpute": penalty, "SpectralGD": rank}


def _soft_path(data: Data, *, debias: bool, seed: int) -> dict[str, Any]:
    model = SoftImpute(min(data.truth.shape) // 2, debias=debias, max_iter=300, tol=1e-6, random_state=seed)
    top = float(np.linalg.svd(data.observed.toarray(), compute_uv=False)[0])
    path = model.path(data.observed, regs=np.geomspace(0.9 * top, 0.02 * top, 14))
    return {
        "reg": path.regs,
        "rank": path.ranks,
        "norm": path.nuclear_norms,
        "truth": float(np.linalg.svd(data.truth, compute_uv=False).sum()),
        "error": np.array([data.error(fitted) for fitted in path.models]),
    }
