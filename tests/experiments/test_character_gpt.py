"""A character GPT beside models that are only counted."""

import json

import pytest
from tests.shared import shared_file

from eckart import experiments
from eckart.experiments import character_gpt
from eckart.experiments._text import given_corpus


@pytest.mark.parametrize("seed", [0, 1])
def test_quick_run_passes(seed):
    """Without any file there is a text that comes with Python, and more than pairs is learned of it."""
    outcome = experiments.reproduce("character-gpt", quick=True, seed=seed)
    assert outcome.passed, [check for check in outcome.checks if not check.passed]
    json.dumps(outcome.to_dict())
    assert "help of Python" in outcome.notes[0]
    if seed == 0:
        figure = character_gpt.draw(outcome)
        assert [bool(axes.get_title()) for axes in figure.axes] == [True, True]


def test_the_bar_is_for_shakespeare_alone():
    """The bar of one text says nothing about another: the text is known by its size."""
    corpus, notes = given_corpus(shared_file("text/tinyshakespeare.txt.gz"))
    assert (len(corpus.tokens), len(corpus.tokenizer)) == character_gpt.SHAKESPEARE
    assert notes == []


def test_the_network_is_nanogpts():
    """.80 million parameters without those of places, as nanoGPT prints for this configuration."""
    net = character_gpt.Protocol().network(vocabulary=65, seed=0)
    places = net.transformer.wpe.weight.size
    assert sum(p.size for p in net.parameters()) - places == 4 * 12 * 128**2 + 65 * 128 + 9 * 128
