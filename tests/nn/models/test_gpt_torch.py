"""The decoder beside PyTorch's own layers put together as nanoGPT does: bar 4 of the issue."""

import math

import numpy as np
import pytest

from eckart.nn import models, optim

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
pytestmark = pytest.mark.peers
torch.set_num_threads(1)  # two OpenMP runtimes in one process spin against each other
nn, F = torch.nn, torch.nn.functional
VOCABULARY, LENGTH, LAYERS, HEADS, WIDTH = 23, 16, 3, 4, 32


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.c_attn, self.c_proj = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)

    def forward(self, x):
        n, length, width = x.shape
        q, k, v = (
            t.view(n, length, HEADS, width // HEADS).transpose(1, 2)
            for t in self.c_attn(x).split(width, dim=2)
        )
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.c_proj(y.transpose(1, 2).reshape(n, length, width))


class Block(nn.Module):
    def __init__(self, norm):
        super().__init__()
        self.norm = norm
        self.ln_1, self.attn, self.ln_2 = nn.LayerNorm(WIDTH), Attention(), nn.LayerNorm(WIDTH)
        self.mlp = nn.ModuleDict({"c_fc": nn.Linear(WIDTH, 4 * WIDTH), "c_proj": nn.Linear(4 * WIDTH, WIDTH)})

    def feed(self, x):
        return self.mlp.c_proj(F.gelu(self.mlp.c_fc(x)))

    def forward(self, x):
        if self.norm == "pre":
            x = x + self.attn(self.ln_1(x))
            return x + self.feed(self.ln_2(x))
        x = self.ln_1(x + self.attn(x))
        return self.ln_2(x + self.feed(x))


class Reference(nn.Module):
    def __init__(self, norm):
        super().__init__()
        parts = {
            "wte": nn.Embedding(VOCABULARY, WIDTH),
            "wpe": nn.Embedding(LENGTH, WIDTH),
            "h": nn.ModuleList(Block(norm) for _ in range(LAYERS)),
        }
        if norm == "pre":
            parts["ln_f"] = nn.LayerNorm(WIDTH)
        self.transformer = nn.ModuleDict(parts)
        self.lm_head = nn.Linear(WIDTH, VOCABULARY, bias=False)
        self.lm_head.weight = self.transformer.wte.weight
        for name, p in self.named_parameters():
            if p.dim() == 2:
                std = 0.02 / math.sqrt(2 * LAYERS) if name.endswith("c_proj.weight") else 0.02
                nn.init.normal_(p, std=10 * std)  # larger, so that attention is far from uniform

    def forward(self, tokens):
        x = self.transformer.wte(tokens) + self.transformer.wpe(torch.arange(tokens.shape[1]))
        for block in self.transformer.h:
            x = block(x)
        return self.lm_head(self.transformer.ln_f(x) if "ln_f" in self.transformer else x)


@pytest.mark.parametrize("norm", ["pre", "post"])
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 1e-4), (np.float64, 1e-9)])
def test_logits_gradients_and_ten_losses(norm, dtype, tolerance):
    """The whole stack at once: if any derivative or the optimiser differed, ten losses would."""
    torch.manual_seed(0)
    theirs = Reference(norm).to(torch.float32 if dtype == np.float32 else torch.float64)
    ours = models.GPT(VOCABULARY, LENGTH, LAYERS, HEADS, WIDTH, norm=norm, random_state=0).to(dtype)
    ours.load_state_dict(theirs.state_dict())
    tokens = np.random.default_rng(0).integers(0, VOCABULARY, (5, LENGTH + 1))
    settings = {"lr": 1e-3, "betas": (0.9, 0.95), "weight_decay": 0.1}
    stepper = optim.AdamW(ours.parameters(), **settings)
    their_stepper = torch.optim.AdamW(theirs.parameters(), **settings)
    for step in range(10):
        logits, their_logits = ours(tokens[:, :-1]), theirs(torch.tensor(tokens[:, :-1]))
        loss = models.next_token_loss(logits, tokens[:, 1:])
        their_loss = F.cross_entropy(their_logits.flatten(0, 1), torch.tensor(tokens[:, 1:]).flatten())
        ours.zero_grad()
        theirs.zero_grad()
        loss.backward()
        their_loss.backward()
        assert abs(loss.item() - their_loss.item()) < tolerance, step
        if step == 0:
            np.testing.assert_allclose(logits.data, their_logits.detach().numpy(), atol=tolerance)
            gradients = dict(theirs.named_parameters())
            for name, p in ours.named_parameters():
                name = name if name in gradients else "lm_head.weight"
                np.testing.assert_allclose(p.grad, gradients[name].grad.numpy(), atol=tolerance, err_msg=name)
        stepper.step()
        their_stepper.step()
