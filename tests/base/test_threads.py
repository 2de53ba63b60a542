"""How many threads the kernels use: what the user says, else OpenMP's maximum within the quota."""

import io
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import eckart
from eckart.base import threads


@pytest.fixture(autouse=True)
def default_afterwards():
    """The number is a setting of the process: give it back."""
    yield
    eckart.set_num_threads(None)


@pytest.mark.parametrize("n", [1, 3, np.int64(2)])
def test_the_chosen_number_is_used(n):
    """More threads than cores are allowed: the user may know better, and the result is the same."""
    eckart.set_num_threads(n)
    assert eckart.get_num_threads() == n


@pytest.mark.parametrize("n", [0, -1, 1.5, "2", True])
def test_a_wrong_number_is_refused(n):
    """Zero threads, or True taken for 1, would be a typing error that nobody sees."""
    with pytest.raises(ValueError, match=r"n: expected a positive integer or None, got "):
        eckart.set_num_threads(n)


def test_none_returns_to_the_default():
    """A library that set a number for itself can undo it."""
    default = eckart.get_num_threads()
    eckart.set_num_threads(default + 5)
    eckart.set_num_threads(None)
    assert eckart.get_num_threads() == default >= 1


def test_openmp_variable_is_honoured():
    """OMP_NUM_THREADS is how schedulers and notebooks limit a process."""
    code = "import eckart; print(eckart.get_num_threads())"
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    run = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert run.stdout.splitlines()[-1] == "1"


@pytest.mark.parametrize(
    ("files", "quota"),
    [
        ({"/sys/fs/cgroup/cpu.max": "150000 100000\n"}, 2),
        ({"/sys/fs/cgroup/cpu.max": "max 100000\n"}, 2**30),
        ({"/sys/fs/cgroup/cpu.max": "1000 100000\n"}, 1),
        (
            {
                "/sys/fs/cgroup/cpu/cpu.cfs_quota_us": "400000\n",
                "/sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
            },
            4,
        ),
        (
            {
                "/sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
                "/sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
            },
            2**30,
        ),
        ({"/sys/fs/cgroup/cpu.max": "nonsense\n"}, 2**30),
        ({}, 2**30),
    ],
)
def test_quota_of_the_container(monkeypatch, files, quota):
    """In a container of two cores on a machine of sixty-four, sixty-four threads would fight for two."""

    def read_text(path, *args, **kwargs):
        if str(path) not in files:
            raise FileNotFoundError(path)
        return io.StringIO(files[str(path)]).read()

    monkeypatch.setattr(Path, "read_text", read_text)
    assert threads._cpu_quota.__wrapped__() == quota


def test_quota_bounds_the_default_alone(monkeypatch):
    """A quota is a default's bound; a number that the user chose stays."""
    monkeypatch.setattr(threads, "_cpu_quota", lambda: 1)
    assert eckart.get_num_threads() == 1
    eckart.set_num_threads(3)
    assert eckart.get_num_threads() == 3


def test_a_forked_child_has_one_thread(monkeypatch):
    """OpenMP's pool does not survive a fork: the child says so instead of hanging."""
    monkeypatch.setattr(threads, "_forked", True)
    assert eckart.get_num_threads() == 1
    eckart.set_num_threads(1)
    with pytest.raises(RuntimeError, match="forked child"):
        eckart.set_num_threads(2)
