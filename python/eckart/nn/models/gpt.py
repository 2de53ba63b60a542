"""A decoder of tokens in the manner of GPT-2 (Radford et al. 2019). Parameters are named as in nanoGPT."""

import math
from typing import Any

import numpy as np

from eckart.base.seeds import RandomState
from eckart.base.validation import check_int, check_option
from eckart.nn import functional as F
from eckart.nn import init, layers, ops
from eckart.nn.layers.attention import attend, merge_heads, split_heads
from eckart.nn.models._sampling import Cache, sample
from eckart.nn.module import Module
from eckart.nn.tensor import Array, Tensor, no_grad


class CausalSelfAttention(Module):
    """Each place gathers from itself and those before it."""

    def __init__(self, n_embd: int, n_head: int, dropout: float, bias: bool, rng: Any) -> None:
        if n_embd % n_head:
            raise ValueError(f"n_head: expected a divisor of n_embd = {n_embd}, got {n_head}")
        self.n_head = n_head
        self.c_attn = layers.Linear(n_embd, 3 * n_embd, bias, random_state=rng)  # queries, keys, values
        self.c_proj = layers.Linear(n_embd, n_embd, bias, random_state=rng)
        self.attn_dropout = layers.Dropout(dropout, random_state=rng if dropout else 0)
        self.resid_dropout = layers.Dropout(dropout, random_state=rng)

    def forward(self, x: Any, cache: Cache | None = None, block: int = 0) -> Tensor:
        projections = self.c_attn(x)
        if cache is not None:
            y = self._cached(projections.data, cache, block)
        elif self.training and self.attn_dropout.p:
            q, k, v = (split_heads(part, self.n_head) for part in ops.split(projections, 3, axis=-1))
            y = merge_heads(attend(q, k, v, self.attn_dropout, causal=True))
        else:
            y = F.self_attention(projections, self.n_head, causal=True)
        return self.resid_dropout(self.c_proj(y))

    def _cached(self, projections: Array, cache: Cache, block: int) -> Tensor:
        """Return what the new tokens gather, and keep their keys and values."""
        n, new, width = projections.shape
        parts = projections.reshape(n, new, 3, self.n_head, width // (3 * self.n_head))
        q, k, v = parts.transpose(2, 0, 3, 1, 4)  # (n, heads, new, width / heads)
        causal = cache.length == 0  # later, one token comes at a time and sees all before it
        keys, values = cache.extend(block, k, v)
        return merge_heads(F.scaled_dot_product_attention(q, keys, values, causal=causal))

    def multiply_adds(self, inputs: tuple[int, ...], outputs: tuple[int, ...]) -> int:
        n, length, width = inputs
        return 2 * n * length * length * width  # scores and sums; the projections count for themselves


class FeedForward(Module):
    """Each place for itself: wider by four, GELU, and back."""

    def __init__(self, n_embd: int, dropout: float, bias: bool, rng: Any) -> None:
        self.c_fc = layers.Linear(n_embd, 4 * n_embd, bias, random_state=rng)
        self.gelu = layers.GELU()
        self.c_proj = layers.Linear(4 * n_embd, n_embd, bias, random_state=rng)
        self.dropout = layers.Dropout(dropout, random_state=rng)

    def forward(self, x: Any) -> Tensor:
        return self.dropout(self.c_proj(self.gelu(self.c_fc(x))))


class Block(Module):
    """Attention, then the feed-forward part, each added to its input; norms before or after."""

    def __init__(self, n_embd: int, n_head: int, dropout: float, bias: bool, norm: str, rng: Any) -> None:
        self.norm = norm
        self.ln_1 = layers.LayerNorm(n_embd, bias=bias)
        self.attn = CausalSelfAttention(n_embd, n_head, dropout, bias, rng)
        self.ln_2 = layers.LayerNorm(n_embd, bias=bias)
        self.mlp = FeedForward(n_embd, dropout, bias, rng)

    def forward(self, x: Any, cache: Cache | None = None, block: int = 0) -> Tensor:
        if self.norm == "pre":
            x = x + self.attn(self.ln_1(x), cache, block)
            return x + self.mlp(self.ln_2(x))
        x = self.ln_1(x + self.attn(x, cache, block))
        return self.ln_2(x + self.mlp(x))


class Transformer(Module):
    """Token and place vectors, then the blocks; a last norm where the blocks' norms come first."""

    def __init__(
        self, vocab_size: int, block_size: int, n_layer: int, n_head: int, n_embd: int, dropout: float,
        bias: bool, norm: str, rng: Any,
    ) -> None:  # fmt: skip
        self.wte = layers.Embedding(vocab_size, n_embd, random_state=rng)
        self.wpe = layers.PositionEmbedding(block_size, n_embd, random_state=rng)
        self.drop = layers.Dropout(dropout, random_state=rng)
        blocks = [Block(n_embd, n_head, dropout, bias, norm, rng) for _ in range(n_layer)]
        self.h = layers.ModuleList(blocks)
        self.ln_f = layers.LayerNorm(n_embd, bias=bias) if norm == "pre" else layers.Identity()

    def forward(self, tokens: Any, cache: Cache | None = None) -> Tensor:
        x = self.drop(self.wpe(self.wte(tokens), start=cache.length if cache else 0))  # (n, length, n_embd)
        for i, block in enumerate(self.h):
            x = block(x, cache, i)
        return self.ln_f(x)


class GPT(Module):
    """(n, length) tokens become (n, length, vocab_size) logits of each next token.

    block_size : the longest context; n_embd : width; bias : of dense layers and norms
    dropout : of the vectors, the attention's weights, and what a block adds, in training
    norm : "pre" (GPT-2) or "post" (Vaswani et al. 2017)
    tie_weights : the last layer shares the token vectors

    Gaussian initialisation of scale 0.02, smaller by sqrt(2 n_layer) where a block adds to its input (GPT-2).
    """

    def __init__(
        self, vocab_size: int, block_size: int = 256, n_layer: int = 6, n_head: int = 6, n_embd: int = 384,
        dropout: float = 0.0, bias: bool = True, norm: str = "pre", tie_weights: bool = True, *,
        random_state: RandomState = None,
    ) -> None:  # fmt: skip
        check_option(norm, "norm", ("pre", "post"))
        check_int(n_layer, "n_layer")
        rng = init.stream(random_state)
        self.block_size = check_int(block_size, "block_size")
        sizes = (vocab_size, block_size, n_layer, n_head, n_embd)
        self.transformer = Transformer(*sizes, dropout, bias, norm, rng)
        self.lm_head = layers.Linear(n_embd, vocab_size, bias=False, random_state=rng)
        if tie_weights:
            self.lm_head.weight = self.transformer.wte.weight
        for name, tensor in self.named_parameters():
            if tensor.ndim == 2:
                std = 0.02 / math.sqrt(2 * n_layer) if name.endswith("c_proj.weight") else 0.02
                tensor.data[...] = init.normal(tensor.shape, std, rng)
            elif name.endswith("bias"):
                tensor.data[...] = 0

    def forward(self, tokens: Any, cache: Cache | None = None) -> Tensor:
        """Return the logits. ValueError for tokens that are no integers (n, length <= block_size)."""
        shape = np.shape(tokens)
        if len(shape) != 2 or shape[1] > self.block_size:
            raise ValueError(f"tokens: expected (n, length <= {self.block_size}), got shape {shape}")
        return self.lm_head(self.transformer(tokens, cache))

    def generate(
        self, tokens: Any, n_new: int, *, temperature: float = 1.0, top_k: int | None = None,
        use_cache: bool = True, random_state: RandomState = None,
    ) -> Array:  # fmt: skip
        """Return tokens (n, length) with `n_new` drawn tokens behind them.

        temperature : divides the logits; 0 takes the likeliest. top_k : draw among so many likeliest.
        use_cache : keep the keys and values of tokens already seen, until the context is full: then all move
            by one place, and each token takes a whole pass over the last block_size.
        """
        tokens = np.asarray(tokens)
        if tokens.ndim != 2 or tokens.shape[1] < 1 or tokens.dtype.kind not in "iu":
            came = f"{tokens.dtype} of shape {tokens.shape}"
            raise ValueError(f"tokens: expected integers (n, length >= 1), got {came}")
        tokens = tokens.astype(np.int64)
        check_int(n_new, "n_new", low=0)
        rng, training = init.stream(random_state), self.training
        attention = self.transformer.h[0].attn
        cache = Cache(len(self.transformer.h), len(tokens), attention.n_head, self.block_size)
        self.eval()
        try:
            with no_grad():
                for _ in range(n_new):
                    logits = self._last_logits(tokens, cache if use_cache else None)
                    drawn = sample(logits, temperature, top_k, rng)
                    tokens = np.concatenate([tokens, drawn[:, None]], axis=1)
        finally:
            self.train(training)
        return tokens

    def _last_logits(self, tokens: Array, cache: Cache | None) -> Array:
        """Return (n, vocab_size) for the token after the last."""
        if cache is None or tokens.shape[1] > self.block_size:
            hidden = self.transformer(tokens[:, -self.block_size :])
        else:
            new = tokens[:, cache.length :]
            hidden = self.transformer(new, cache)
            cache.length += new.shape[1]
        return self.lm_head(hidden[:, -1]).data


def next_token_loss(logits: Tensor, targets: Any) -> Tensor:
    """Return the mean cross-entropy (nats) of logits (n, length, vocab_size) and tokens (n, length)."""
    return F.cross_entropy(ops.reshape(logits, (-1, logits.shape[-1])), np.asarray(targets).reshape(-1))
