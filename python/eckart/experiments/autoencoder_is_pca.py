"""A linear autoencoder learns PCA's projection; a P that is not held to V W does not stay a projection.

The risk 1/2 E |x - P x|^2 over P = V W, V (d, k), W (k, d), has PCA's projection for its only kind of minimum
(Baldi and Hornik 1989). Without the factors gradient descent is linear, P <- P - step (P - I) C, so that
P_t = I + (P_0 - I)(I - step C)^t: it leaves the projection that it starts from, and ends in the identity.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from eckart.decomposition import PCA, LinearAutoencoder
from eckart.evaluation.figure import COLORS, new_figure
from eckart.experiments.outcome import Check, Outcome, Table

TITLE = "A linear autoencoder learns PCA's projection, an unconstrained P does not"
D, K = 30, 4
DECAY = 0.85  # of one variance to the next
MEAN = 5.0  # standard deviations of the first direction


def run(*, quick: bool = False, seed: int = 0) -> Outcome:
    """Train both kinds on samples of a known spectrum, away from zero."""
    n = 500 if quick else 5000
    rng = np.random.default_rng(seed)
    axes = np.linalg.qr(rng.standard_normal((D, D)))[0]
    X = rng.standard_normal((n, D)) * DECAY ** (np.arange(D) / 2) @ axes.T + MEAN * rng.standard_normal(D)
    pca = PCA(svd_solver="full").fit(X)
    components, variances = pca.components_[:K], pca.explained_variance_
    projection = components.T @ components
    outcome = Outcome()
    tail, histories, rows = 0.5 * float(variances[K:].sum()), {}, []
    for name, tied in (("untied", False), ("tied", True)):
        model = LinearAutoencoder(K, tied=tied, tol=1e-10, max_iter=50_000, random_state=seed).fit(X)
        P = model.decoder_ @ model.encoder_
        risk = model.history_[-1]["objective"]
        angle, defect = _angle(model.decoder_, components.T), float(np.linalg.norm(P @ P - P))
        outcome.checks += [
            Check.at_most(f"{name}: angle to PCA's subspace", angle, 1e-6),
            Check.close(f"{name}: risk beside half the tail of the eigenvalues", risk, tail, 1e-9),
            Check.at_most(f"{name}: |P - PCA's projection|", float(np.linalg.norm(P - projection)), 1e-4),
        ]
        rows.append((f"autoencoder, {name}", model.n_iter_, f"{risk:.6f}", f"{defect:.1e}", f"{angle:.1e}"))
        histories[name] = [(r["iteration"], r["objective"]) for r in model.history_]
    free = _unconstrained(pca, rng, 400 if quick else 4000)
    defects, last = free["defect"], free["P"]
    outcome.checks += [
        Check.at_most("unconstrained: |P_t - its closed form| at the end", free["off"], 1e-8),
        Check.at_least("unconstrained: largest |P P - P| on the way (a projection has 0)", max(defects), 0.1),
        Check.at_least("unconstrained: rank of P at the end", float(np.linalg.matrix_rank(last)), D),
        Check.at_most(
            "unconstrained: risk beside PCA's, which it should not pass", free["risk"][-1] / tail, 0.5
        ),
    ]
    risk = f"{free['risk'][-1]:.6f}"
    rows.append(("unconstrained P", len(defects) - 1, risk, f"{max(defects):.2f}", ""))
    rows.append((f"PCA, {K} components", "", f"{tail:.6f}", "0", "0"))
    outcome.tables.append(
        Table("What gradient descent reaches", ("", "iterations", "risk", "|P P - P|", "angle to PCA"), rows)
    )
    outcome.notes.append(
        "|P P - P| of the unconstrained P is its largest on the way; its last is the identity's."
    )
    outcome.data = {"histories": histories, "tail": tail, "risk": free["risk"], "defect": defects}
    return outcome


def draw(outcome: Outcome) -> Any:
    """Draw the risks, and how far the unconstrained P is from being a projection."""
    found = outcome.data
    figure, (risks, defects) = new_figure(10.5, 4.2, columns=2)
    for (name, records), color, style in zip(found["histories"].items(), COLORS, ("-", "--"), strict=False):
        iterations, values = np.array(records).T
        risks.plot(
            1 + iterations, values - found["tail"], color=color, linestyle=style, label=f"autoencoder, {name}"
        )
    risks.set(xscale="log", yscale="log", xlabel="1 + iteration", ylabel="risk − ½ tail of the eigenvalues")
    risks.set_ylim(1e-14, None)
    risks.set_title("V W: the risk falls to PCA's, and no further")
    risks.legend(frameon=False)
    steps = 1 + np.arange(len(found["defect"]))
    defects.plot(steps, found["defect"], color=COLORS[1], label="|P P − P|")
    defects.plot(steps, np.array(found["risk"]) / found["tail"], color=COLORS[2], label="risk / PCA's")
    defects.axhline(1, color="0.6", linewidth=1, linestyle="--")
    defects.set(xscale="log", xlabel="1 + iteration", ylim=(0, None))
    defects.set_title("Free P: leaves its projection, ends in I")
    defects.legend(frameon=False)
    return figure


def _unconstrained(pca: PCA, rng: np.random.Generator, steps: int) -> dict[str, Any]:
    """Descend from a random projection of rank K; return P, risk and |P P - P| on the way, and how far P ends
    from the closed form."""
    variances, axes = pca.explained_variance_, pca.components_.T
    covariance = (axes * variances) @ axes.T
    start = np.linalg.qr(rng.standard_normal((D, K)))[0]
    P, step = start @ start.T, 1 / float(variances[0])
    risk, defect = [], []
    for t in range(steps + 1):
        off = P - np.eye(D)
        risk.append(0.5 * float(np.vdot(off @ covariance, off)))
        defect.append(float(np.linalg.norm(P @ P - P)))
        if t < steps:
            P = P - step * off @ covariance
    shrunk = (axes * (1 - step * variances) ** steps) @ axes.T
    closed = np.eye(D) + (start @ start.T - np.eye(D)) @ shrunk
    return {"P": P, "risk": risk, "defect": defect, "off": float(np.linalg.norm(P - closed))}


def _angle(basis: NDArray[np.float64], orthonormal: NDArray[np.float64]) -> float:
    """Return the sine of the largest angle between two subspaces of equal dimension."""
    basis = np.linalg.qr(basis)[0]
    return float(np.linalg.norm(orthonormal - basis @ (basis.T @ orthonormal), 2))
