"""Linear algebra that several families share."""

from eckart.linalg.dense import single_threaded, solve_spd
from eckart.linalg.topk import top_k

__all__ = ["single_threaded", "solve_spd", "top_k"]
