"""Tables of vectors: of tokens, and of places."""

from typing import Any

import numpy as np

from eckart.base.seeds import RandomState
from eckart.base.validation import check_int
from eckart.nn import functional as F
from eckart.nn import init
from eckart.nn.module import Module, Parameter
from eckart.nn.tensor import Tensor


class Embedding(Module):
    """Row i of a table for each integer i: (...) becomes (..., embedding_dim)."""

    def __init__(self, num_embeddings: int, embedding_dim: int, *, random_state: RandomState = None) -> None:
        self.num_embeddings = check_int(num_embeddings, "num_embeddings")
        self.embedding_dim = check_int(embedding_dim, "embedding_dim")
        self.weight = Parameter(init.normal((num_embeddings, embedding_dim), random_state=random_state))

    def forward(self, indices: Any) -> Tensor:
        return F.embedding(indices, self.weight)


class PositionEmbedding(Embedding):
    """A learned vector for each place: x (..., length, embedding_dim) becomes x plus those of its places.

    `start` is the place of the first of them (in sampling with a cache). ValueError beyond the table's end.
    """

    def forward(self, x: Any, start: int = 0) -> Tensor:
        end = start + x.shape[-2]
        if end > self.num_embeddings:
            raise ValueError(f"x: expected at most {self.num_embeddings} places, got {end}")
        return x + F.embedding(np.arange(start, end), self.weight)
