"""Bounds for gradients that would make a step too long."""

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from eckart._native import nn as native
from eckart.base.threads import get_num_threads
from eckart.nn.tensor import Array, Tensor


def clip_grad_norm(parameters: Iterable[Tensor], max_norm: float, norm_type: float = 2.0) -> float:
    """Scale all gradients together to a norm of at most `max_norm`; return the norm that they had.

    The factor is max_norm / (norm + 1e-6), as PyTorch's. norm_type: 2, or inf for the largest entry.
    Raises ValueError for another norm or max_norm < 0. A norm that is not finite leaves NaN, as there.
    """
    if norm_type not in (2, math.inf) or not max_norm >= 0:
        raise ValueError(f"expected max_norm >= 0 and norm_type 2 or inf, got {max_norm} and {norm_type}")
    by_type: dict[Any, list[Array]] = {}
    for t in [parameters] if isinstance(parameters, Tensor) else parameters:
        if t.grad is not None:
            t.grad = np.ascontiguousarray(t.grad)
            by_type.setdefault(t.grad.dtype, []).append(t.grad)
    threads = get_num_threads()
    if norm_type == 2:
        norm = math.sqrt(sum([native.sum_of_squares(a, threads) for a in by_type.values()]))
    else:
        norm = max(
            [float(np.abs(a).max(initial=0)) for arrays in by_type.values() for a in arrays], default=0.0
        )
    factor = max_norm / (norm + 1e-6)
    if not factor >= 1:
        for arrays in by_type.values():
            native.multiply_all(arrays, factor, threads)
    return norm


def clip_grad_value(parameters: Iterable[Tensor], clip_value: float) -> None:
    """Bring each entry of the gradients into [-clip_value, clip_value]."""
    if not clip_value >= 0:
        raise ValueError(f"clip_value: expected a number >= 0, got {clip_value}")
    for t in [parameters] if isinstance(parameters, Tensor) else parameters:
        if t.grad is not None:
            np.clip(t.grad, -clip_value, clip_value, out=t.grad)
