"""Multi-head attention (Vaswani et al. 2017)."""

import math
from typing import Any

import numpy as np

from eckart.base.seeds import RandomState
from eckart.base.validation import check_int
from eckart.nn import functional as F
from eckart.nn import init, ops
from eckart.nn.layers.dense import Linear
from eckart.nn.layers.shape import Dropout
from eckart.nn.module import Module, Parameter
from eckart.nn.tensor import Tensor


def split_heads(x: Tensor, heads: int) -> Tensor:
    """Return (n, length, width) as (n, heads, length, width / heads)."""
    n, length, width = x.shape
    return ops.transpose(ops.reshape(x, (n, length, heads, width // heads)), (0, 2, 1, 3))


def merge_heads(x: Tensor) -> Tensor:
    """Return (n, heads, length, width) as (n, length, heads width)."""
    n, heads, length, width = x.shape
    return ops.reshape(ops.transpose(x, (0, 2, 1, 3)), (n, length, heads * width))


def attend(
    q: Tensor, k: Tensor, v: Tensor, dropout: Dropout, mask: Any = None, causal: bool = False
) -> Tensor:
    """Return the attention of heads (n, heads, length, width) whose weights drop out in training.

    Then the matrix of weights is written out, otherwise it never is.
    """
    if not (dropout.training and dropout.p):
        return F.scaled_dot_product_attention(q, k, v, mask=mask, causal=causal)
    n = k.shape[-2]
    each = np.broadcast_to(np.eye(n, dtype=q.dtype), (*k.shape[:-1], n))  # values that show the weights
    weights = F.scaled_dot_product_attention(q, k, each, mask=mask, causal=causal)
    return ops.matmul(dropout(weights), v)


class MultiHeadAttention(Module):
    """softmax(Q K' / sqrt(d)) V in several heads, between projections; parameters as in PyTorch.

    in_proj_weight (3 embed_dim, embed_dim): those of queries, keys and values one below the other.
    dropout : share of the weights that are zero in training
    """

    def __init__(
        self, embed_dim: int, num_heads: int, dropout: float = 0.0, bias: bool = True, *,
        random_state: RandomState = None,
    ) -> None:  # fmt: skip
        self.embed_dim = check_int(embed_dim, "embed_dim")
        self.num_heads = check_int(num_heads, "num_heads")
        if embed_dim % num_heads:
            raise ValueError(f"num_heads: expected a divisor of embed_dim = {embed_dim}, got {num_heads}")
        rng = init.stream(random_state)
        self.dropout = Dropout(dropout, random_state=rng if dropout else 0)
        self.in_proj_weight = Parameter(init.xavier_uniform((3 * embed_dim, embed_dim), random_state=rng))
        self.in_proj_bias = Parameter(init.zeros((3 * embed_dim,))) if bias else None
        self.out_proj = Linear(embed_dim, embed_dim, bias, random_state=rng)
        if self.out_proj.bias is not None:
            self.out_proj.bias.data[...] = 0

    def forward(
        self, query: Any, key: Any = None, value: Any = None, mask: Any = None, causal: bool = False
    ) -> Tensor:
        """Return (n, length, embed_dim): what each place of `query` gathers.

        query : (n, length, embed_dim)
        key, value : (n, other length, embed_dim); left out: the query itself, and the key
        mask : True (or a number added to the score) where a query may look: broadcasts to
            (n, heads, length, other length)
        causal : a place sees those up to itself
        """
        for name, x in (("query", query), ("key", key), ("value", value)):
            if x is not None and (len(x.shape) != 3 or x.shape[2] != self.embed_dim):
                raise ValueError(f"{name}: expected (n, length, {self.embed_dim}), got shape {x.shape}")
        if key is None and value is None:
            parts = ops.split(F.linear(query, self.in_proj_weight, self.in_proj_bias), 3, axis=-1)
        else:
            inputs = (query, query if key is None else key, key if value is None else value)
            parts = [self._projected(x, i) for i, x in enumerate(inputs)]
        q, k, v = (split_heads(part, self.num_heads) for part in parts)
        return self.out_proj(merge_heads(attend(q, k, v, self.dropout, mask, causal)))

    def _projected(self, x: Any, i: int) -> Tensor:
        rows = slice(i * self.embed_dim, (i + 1) * self.embed_dim)
        return F.linear(
            x, self.in_proj_weight[rows], None if self.in_proj_bias is None else self.in_proj_bias[rows]
        )

    def multiply_adds(self, inputs: tuple[int, ...], outputs: tuple[int, ...]) -> int:
        n, length, width = inputs  # of self-attention: three projections, scores, sums
        return math.prod(inputs) * 3 * width + 2 * n * length * length * width
