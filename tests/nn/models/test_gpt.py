"""The decoder: causality, cached sampling, tied weights, learning."""

import numpy as np
import pytest

from eckart.nn import Trainer, layers, models, optim
from eckart.nn.models._sampling import sample


def small(**options):
    sizes = {"block_size": 8, "n_layer": 2, "n_head": 2, "n_embd": 12, "random_state": 0}
    return models.GPT(11, **(sizes | options))


@pytest.mark.parametrize("norm", ["pre", "post"])
def test_no_look_into_the_future(norm):
    """A later token must not change an earlier prediction, or sampling is not what was trained."""
    net, rng = small(norm=norm), np.random.default_rng(0)
    tokens = rng.integers(0, 11, (2, 8))
    changed = tokens.copy()
    changed[:, 5:] = (changed[:, 5:] + 1) % 11
    a, b = net(tokens).data, net(changed).data
    np.testing.assert_allclose(a[:, :5], b[:, :5], atol=1e-6)
    assert np.abs(a[:, 5:] - b[:, 5:]).max() > 1e-4


def test_names_ties_and_sizes():
    """nanoGPT's names; a tied head is one tensor under two names."""
    net = small()
    state = net.state_dict()
    assert "transformer.h.1.attn.c_attn.weight" in state
    assert "transformer.ln_f.bias" in state
    assert net.lm_head.weight is net.transformer.wte.weight
    assert "lm_head.weight" in state
    assert len(net.parameters()) == len(state) - 1
    assert len(small(tie_weights=False).parameters()) == len(state)
    assert not any(name.endswith("bias") for name in small(bias=False).state_dict())
    assert "transformer.ln_f.weight" not in small(norm="post").state_dict()
    logits = net(np.zeros((1, 8), int)).data
    assert np.abs(logits).max() < 0.5  # begins near uniform


@pytest.mark.parametrize("norm", ["pre", "post"])
def test_cached_sampling_is_the_uncached(norm):
    """Kept keys and values must not change what is drawn, up to the full context and beyond."""
    net = small(norm=norm).to(np.float64)
    for p in net.parameters():
        p.data *= 8  # far from uniform
    prompt = np.random.default_rng(0).integers(0, 11, (3, 2))
    options = {"n_new": 12, "random_state": 4, "temperature": 0.9, "top_k": 6}
    cached = net.generate(prompt, **options)
    np.testing.assert_array_equal(cached, net.generate(prompt, use_cache=False, **options))
    np.testing.assert_array_equal(cached[:, :2], prompt)
    assert cached.shape == (3, 14)
    assert not np.array_equal(cached, net.generate(prompt, **(options | {"random_state": 5})))
    assert net.training


def test_sampling():
    """Temperature, top-k and frequencies by their definition."""
    rng = np.random.default_rng(0)
    logits = np.log(np.array([[0.1, 0.2, 0.3, 0.4]], np.float32)).repeat(40_000, axis=0)
    counts = np.bincount(sample(logits, 1.0, None, rng), minlength=4) / 40_000
    np.testing.assert_allclose(counts, [0.1, 0.2, 0.3, 0.4], atol=0.01)
    counts = np.bincount(sample(logits, 0.5, 2, rng), minlength=4) / 40_000
    np.testing.assert_allclose(counts, [0, 0, 9 / 25, 16 / 25], atol=0.01)
    assert (sample(logits, 0, None, rng) == 3).all()
    with pytest.raises(ValueError, match="temperature"):
        sample(logits, -1, None, rng)
    with pytest.raises(ValueError, match="top_k"):
        sample(logits, 1, 0, rng)


def test_it_learns_a_cycle():
    """A text that repeats 0 1 2 ... is predicted without error, through the Trainer, and continued."""
    text = np.arange(400) % 11
    windows = np.lib.stride_tricks.sliding_window_view(text, 9)
    net = small(n_layer=1)
    optimizer = optim.AdamW(net.parameters(), lr=0.02)
    Trainer(net, optimizer, models.next_token_loss).fit((windows[:, :-1], windows[:, 1:]), 10)
    out = net.generate(np.array([[3, 4]]), 15, temperature=0)
    np.testing.assert_array_equal(out[0], (3 + np.arange(17)) % 11)


def test_errors():
    """Contexts that are too long, heads that do not divide."""
    with pytest.raises(ValueError, match=r"tokens: expected \(n, length <= 8\), got shape \(1, 9\)"):
        small()(np.zeros((1, 9), int))
    with pytest.raises(ValueError, match="n_head: expected a divisor of n_embd = 12"):
        small(n_head=5)
    with pytest.raises(ValueError, match="norm: expected one of"):
        small(norm="middle")
    with pytest.raises(ValueError, match="tokens: expected"):
        small().generate(np.zeros((1, 0), int), 3)
    with pytest.raises(ValueError, match=r"tokens: expected \(n, length <= 8\), got shape \(3,\)"):
        small()(np.zeros(3, int))
    with pytest.raises(ValueError, match=r"tokens: expected integers .*, got float64"):
        small().generate(np.zeros((1, 2)), 3)


def test_dropout_reaches_the_attention():
    """nanoGPT drops attention weights too, and checkpoints keep the streams of all."""
    net = small(dropout=0.3)
    tokens = np.random.default_rng(0).integers(0, 11, (2, 8))
    for layer in net.modules():
        if isinstance(layer, layers.Dropout) and layer is not net.transformer.h[0].attn.attn_dropout:
            layer.p = 0.0
    assert not np.array_equal(net(tokens).data, net(tokens).data)
    np.testing.assert_array_equal(net.eval()(tokens).data, net(tokens).data)
    assert len(dict(net.named_buffers())) == 1 + 2 * 3  # streams, for checkpoints


def test_a_planned_training_with_dropout_is_the_training():
    """Attention that drops out is made of kernels alone: the same bits without Python."""
    tokens = np.random.default_rng(0).integers(0, 11, (40, 9))
    found = []
    for plan in (False, True):
        net = small(dropout=0.2)
        run = Trainer(net, optim.AdamW(net.parameters()), models.next_token_loss, plan=plan)
        found.append(run.fit((tokens[:, :-1], tokens[:, 1:]), 2).model.state_dict())
    assert all(np.array_equal(found[0][name], found[1][name]) for name in found[0])
