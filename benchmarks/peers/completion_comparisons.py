"""Which jobs are compared with whom, and at which settings: the table behind `completion.py`."""

from dataclasses import dataclass
from typing import Any

JOBS = {
    "als": "exact ALS with biases, rank 64",
    "cg": "ALS by three steps of conjugate gradients, rank 64",
    "ials": "exact ImplicitALS, rank 64",
    "ials_cg": "ImplicitALS by three steps of conjugate gradients, rank 64",
    "ials_blocks": "ImplicitALS by blocks of 64 coordinates, rank 256",
    "small": "exact ALS on one million ratings, rank 64",
    "topk": "top-10 of all users, seen items out",
    "sgd": "an epoch of SGD, beside an iteration of exact ALS; for information",
}
RANK, REG, K = 64, 0.05, 10

# (users, items, ratings): the shapes of MovieLens-20M and -1M, and a small one on which every library
# converges within seconds, to see whether two minimise the same thing.
SHAPES = {
    "20M": (138_493, 26_744, 20_000_000),
    "1M": (6_040, 3_706, 1_000_000),
    "check": (600, 400, 30_000),
}
QUICK_SHAPES = {"20M": (3_463, 669, 200_000), "1M": (1_208, 741, 60_000), "check": SHAPES["check"]}
# True rank and noise of the synthetic ratings, which are multiples of 0.5 as MovieLens has them.
TRUTH = {"20M": (20, 0.5), "1M": (20, 0.5), "check": (4, 0.5)}
CHECK = {"rank": 4, "reg": 0.1}

CHOLESKY, CG = {"solver": "cholesky"}, {"solver": "cg"}

# Implicit feedback: every rating is a click. implicit minimises, with its confidence at alpha = 2,
# sum over observed 2 (y - 1)^2 + sum over the others y^2 + reg |factors|^2, which is ours at
# unobserved_weight 1 and nu 0 for factors larger by sqrt(2) and a penalty larger by 2.
IMPLICIT_REG, IMPLICIT_ALPHA = 4.0, 2.0
LIKE_IMPLICIT = {
    "model": "ImplicitALS", "reg": IMPLICIT_REG / 2, "unobserved_weight": 1.0, "nu": 0.0,
}  # fmt: skip
OF_IMPLICIT = {"clicks": True, "reg": IMPLICIT_REG, "alpha": IMPLICIT_ALPHA}
# irspack has our objective (halved).
LIKE_IRSPACK = {"model": "ImplicitALS", "reg": 0.003, "unobserved_weight": 0.1, "nu": 1.0}
OF_IRSPACK = {"clicks": True, "reg": 0.003}


@dataclass(frozen=True)
class Comparison:
    """One peer at one job, beside eckart's setting for each of the jobs that it serves.

    ours : eckart's setting by job
    answer : what the peer has to show: "objective" (eckart's, to a thousandth), "implicit objective" (that
        of ImplicitALS, likewise), "learned" (a model of another objective), "rmse" (an error below the
        spread of the ratings), "lists" (the same lists)
    settings, blas_threads : each combination is tried once, the fastest is measured
    iterations, our_iterations : n of the marginal cost; pairs : repetitions of (eckart, peer)
    """

    library: str
    label: str
    shape: str
    ours: dict[str, dict[str, Any]]
    answer: str
    settings: tuple[dict[str, Any], ...] = ({},)
    blas_threads: tuple[int, ...] = (1,)
    reg: float = REG
    iterations: int = 3
    our_iterations: int = 3
    pairs: int = 3

    @property
    def name(self) -> str:
        return f"{self.library} {self.label}"


COMPARISONS = (
    Comparison(
        "cmfrec", "CG", "20M", {"als": CHOLESKY, "cg": CG}, "objective", ({"cg": True},), blas_threads=(1, 2)
    ),
    Comparison(
        "implicit", "CG (implicit feedback)", "20M", {"als": CHOLESKY, "cg": CG}, "learned", ({"cg": True},)
    ),
    Comparison(
        "irspack", "Cholesky (implicit feedback)", "20M", {"als": CHOLESKY}, "learned",
        ({"solver": "CHOLESKY"},), reg=0.003, pairs=2,
    ),
    Comparison(
        "implicit", "Cholesky (implicit feedback)", "20M", {"als": CHOLESKY}, "learned", ({"cg": False},),
        blas_threads=(1, 2), iterations=1, pairs=2,
    ),
    Comparison(
        "implicit", "Cholesky", "20M", {"ials": LIKE_IMPLICIT | CHOLESKY}, "implicit objective",
        (OF_IMPLICIT | {"cg": False},), blas_threads=(1, 2), iterations=1, pairs=2,
    ),
    Comparison(
        "implicit", "CG", "20M", {"ials_cg": LIKE_IMPLICIT | CG}, "implicit objective",
        (OF_IMPLICIT | {"cg": True},),
    ),
    Comparison(
        "irspack", "Cholesky", "20M", {"ials": LIKE_IRSPACK | CHOLESKY}, "implicit objective",
        (OF_IRSPACK | {"solver": "CHOLESKY"},), pairs=2,
    ),
    Comparison(
        "irspack", "CG", "20M", {"ials_cg": LIKE_IRSPACK | CG}, "implicit objective",
        (OF_IRSPACK | {"solver": "CG"},), pairs=2,
    ),
    Comparison(
        "irspack", "iALS++", "20M", {"ials_blocks": LIKE_IRSPACK | {"solver": "subspace", "rank": 256}},
        "implicit objective", (OF_IRSPACK | {"solver": "IALSPP", "rank": 256},), iterations=1,
        our_iterations=1, pairs=2,
    ),
    Comparison(
        "implicit", "recommend", "20M", {"topk": {"biases": False}}, "lists", blas_threads=(1, 2), pairs=2
    ),
    Comparison(
        "cmfrec", "Cholesky", "1M", {"small": CHOLESKY}, "objective", ({"cg": False},),
        blas_threads=(1, 2), iterations=2, our_iterations=20,
    ),
    Comparison(
        "spark", "Cholesky (no biases)", "1M", {"small": CHOLESKY | {"biases": False}}, "objective",
        ({"blocks": 2}, {"blocks": 4}), iterations=4, our_iterations=20,
    ),
    Comparison(
        "surprise", "SVD epoch", "1M", {"sgd": CHOLESKY}, "rmse", reg=0.02, iterations=5,
        our_iterations=20, pairs=1,
    ),
    Comparison("libmf", "SGD epoch", "20M", {"sgd": CHOLESKY}, "rmse", pairs=1),
)  # fmt: skip
