"""Linear algebra that several families share."""

from eckart.linalg.columns import sparse_gram
from eckart.linalg.dense import invert_spd, multiply, multiply_transposed, single_threaded, solve_spd
from eckart.linalg.operators import SparseMatrix, SparsePlusLowRank
from eckart.linalg.topk import top_k, top_k_of_rows

__all__ = [
    "SparseMatrix",
    "SparsePlusLowRank",
    "invert_spd",
    "multiply",
    "multiply_transposed",
    "single_threaded",
    "solve_spd",
    "sparse_gram",
    "top_k",
    "top_k_of_rows",
]
