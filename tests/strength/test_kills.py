"""Saving interrupted by force."""

import signal

import pytest
from tests.strength.kills import run, versions

import eckart as ek


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs kill -9")
def test_a_killed_save_leaves_a_whole_file(tmp_path):
    """Power cuts and out-of-memory killers come in the middle; the night's model must not be lost."""
    report = run(20, 0, tmp_path)
    assert not report.failures
    assert report.even + report.odd == report.kills == 20
    # What a kill leaves beside the file does no harm to the next save and keeps to its hidden name.
    others = [path.name for path in tmp_path.iterdir() if path.name != "ratings.safetensors"]
    assert [name for name in others if not _is_partial(name)] == []
    ek.save(versions()[0], tmp_path / "ratings.safetensors")
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted([*others, "ratings.safetensors"])


def _is_partial(name: str) -> bool:
    return name.startswith(".ratings.safetensors.") and name.endswith(".partial")
