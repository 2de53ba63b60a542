"""Models across forks, pools and threads."""

import multiprocessing
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import eckart as ek
from eckart.completion import ALS, EASE, Baseline, ItemKNN, Popularity
from eckart.testing import small_ratings

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")

# In a process of its own: that of pytest has other threads, whose locks a fork would copy.
FORK = """
import os, sys
import numpy as np
import eckart as ek

ratings = ek.datasets.make_ratings(3000, 1000, 60_000, random_state=0).ratings
ek.set_num_threads(2)
def everything():
    model = ek.completion.ALS(rank=16, max_iter=2, random_state=0).fit(ratings)
    found = model.recommend(k=5)
    return model, [model.user_factors_, found.scores.filled(0), model.predict(ratings)]
parent, wanted = everything()
child = os.fork()
if child == 0:
    got = everything()[1] + [parent.recommend(k=5).scores.filled(0), parent.predict(ratings)]
    same = all(np.array_equal(g, w) for g, w in zip(got, [*wanted, *wanted[1:]], strict=True))
    os._exit(0 if same and ek.get_num_threads() == 1 else 1)
_, status = os.waitpid(child, 0)
assert os.waitstatus_to_exitcode(status) == 0
assert np.array_equal(everything()[1][0], wanted[0])  # and the parent goes on with its threads
"""


def _run(code):
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", code]
    done = subprocess.run(command, timeout=60, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@needs_fork
def test_a_child_forked_after_a_fit_computes_the_same():
    """Web servers load a model and fork: the child must neither hang in OpenMP nor answer otherwise."""
    _run(FORK)


POOL = """
import multiprocessing
import numpy as np
import eckart as ek

ratings = ek.datasets.make_ratings(3000, 1000, 60_000, random_state=0).ratings
def fit(reg):
    return ek.completion.ALS(rank=16, reg=reg, max_iter=2, random_state=0).fit(ratings).item_factors_
regs = (0.05, 0.1, 0.2, 0.4)
wanted = [fit(reg) for reg in regs]
with multiprocessing.get_context("fork").Pool(2) as pool:
    got = pool.map_async(fit, regs).get(timeout=50)
assert all(np.array_equal(g, w) for g, w in zip(got, wanted, strict=True))
"""


@needs_fork
def test_a_pool_of_forks_fits():
    """A grid search with processes, after a first fit at the prompt: every worker runs on one thread."""
    _run(POOL)


@pytest.mark.parametrize(
    "model", [ALS(rank=8, max_iter=2, random_state=0), ALS(rank=4, normalize="both", random_state=0),
              EASE(5.0), ItemKNN(8), ItemKNN(8, feedback="explicit"), Baseline(), Popularity()],
    ids=["als", "normalized", "ease", "itemknn", "itemknn of ratings", "baseline", "popularity"],
)  # fmt: skip
def test_eight_threads_read_one_mapped_model(tmp_path, model):
    """What is worked out at the first question (views, titles, look-ups) must not be seen half-done."""
    ratings = small_ratings()
    path = tmp_path / "model.safetensors"
    ek.save(model.fit(ratings), path)

    def answers(loaded, turn):
        users = loaded.users_.ids()[turn % 5 :: 5]
        found = loaded.recommend(users, k=5)
        answer = [found.items.filled(""), found.scores.filled(0), loaded.predict(ratings)]
        if hasattr(loaded, "similar_items"):
            answer.append(loaded.similar_items(loaded.items_.ids(), k=3).scores.filled(0))
        if isinstance(loaded, ALS):
            answer.append(loaded.fold_in(ratings))
        return answer

    wanted = [answers(ek.load(path), turn) for turn in range(5)]
    for _ in range(5):  # a fresh one each time: the first questions are the dangerous ones
        loaded = ek.load(path)
        with ThreadPoolExecutor(8) as pool:
            for turn, got in enumerate(pool.map(answers, [loaded] * 40, range(40))):
                for mine, theirs in zip(got, wanted[turn % 5], strict=True):
                    np.testing.assert_array_equal(mine, theirs)


def test_a_spawned_worker_may_use_threads():
    """`spawn` is what the error in a forked child recommends."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.apply_async(_set_two_threads).get(timeout=60) == 2


def _set_two_threads():
    ek.set_num_threads(2)
    return ek.get_num_threads()
