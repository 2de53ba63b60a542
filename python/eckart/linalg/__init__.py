"""Linear algebra that several families share."""

from eckart.linalg.columns import sparse_gram
from eckart.linalg.dense import invert_spd, multiply, multiply_transposed, single_threaded, solve_spd
from eckart.linalg.operators import Centered, DenseMatrix, SparseMatrix, SparsePlusLowRank, as_operator
from eckart.linalg.orthonormal import orthonormalize
from eckart.linalg.power import PowerResult, power_method
from eckart.linalg.projections import project
from eckart.linalg.svd import TruncatedSvd, randomized_svd
from eckart.linalg.topk import top_k, top_k_of_rows

__all__ = [
    "Centered",
    "DenseMatrix",
    "PowerResult",
    "SparseMatrix",
    "SparsePlusLowRank",
    "TruncatedSvd",
    "as_operator",
    "invert_spd",
    "multiply",
    "multiply_transposed",
    "orthonormalize",
    "power_method",
    "project",
    "randomized_svd",
    "single_threaded",
    "solve_spd",
    "sparse_gram",
    "top_k",
    "top_k_of_rows",
]
