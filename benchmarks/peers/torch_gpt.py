"""The GPT of `eckart.nn.models` without dropout and biases, in PyTorch's layers and with the same names."""

from typing import Any

import torch
from torch import nn
from torch.nn import functional


class Block(nn.Module):
    """Attention, then the feed-forward part, each after a norm and added to its input."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.ln_1, self.ln_2 = (nn.LayerNorm(width, bias=False) for _ in range(2))
        self.attn = nn.ModuleDict({
            "c_attn": nn.Linear(width, 3 * width, bias=False), "c_proj": nn.Linear(width, width, bias=False),
        })  # fmt: skip
        self.mlp = nn.ModuleDict({
            "c_fc": nn.Linear(width, 4 * width, bias=False),
            "c_proj": nn.Linear(4 * width, width, bias=False),
        })  # fmt: skip

    def forward(self, x: Any) -> Any:
        n, length, width = x.shape
        parts = self.attn.c_attn(self.ln_1(x)).split(width, dim=2)
        q, k, v = (t.view(n, length, self.heads, width // self.heads).transpose(1, 2) for t in parts)
        y = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.attn.c_proj(y.transpose(1, 2).reshape(n, length, width))
        return x + self.mlp.c_proj(functional.gelu(self.mlp.c_fc(self.ln_2(x))))


class GPT(nn.Module):
    """(n, length) tokens become (n, length, vocabulary) logits; the last layer shares the token vectors."""

    def __init__(self, vocabulary: int, context: int, layers: int, heads: int, width: int) -> None:
        super().__init__()
        self.transformer = nn.ModuleDict({
            "wte": nn.Embedding(vocabulary, width), "wpe": nn.Embedding(context, width),
            "h": nn.ModuleList(Block(width, heads) for _ in range(layers)),
            "ln_f": nn.LayerNorm(width, bias=False),
        })  # fmt: skip
        self.lm_head = nn.Linear(width, vocabulary, bias=False)
        self.lm_head.weight = self.transformer.wte.weight

    def forward(self, tokens: Any) -> Any:
        parts = self.transformer
        x = parts.wte(tokens) + parts.wpe.weight[: tokens.shape[1]]
        for block in parts.h:
            x = block(x)
        return self.lm_head(parts.ln_f(x))

    def load_arrays(self, arrays: dict[str, Any]) -> None:
        """Take over a state dict of arrays."""
        self.load_state_dict({name: torch.tensor(array) for name, array in arrays.items()})
