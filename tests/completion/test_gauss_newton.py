"""GaussNewton recovers what can be recovered, says what cannot be, and owes its users what all models owe."""

import numpy as np
import pytest
from scipy import sparse

import eckart
from eckart.completion import GaussNewton, identifiability
from eckart.data import Ratings
from eckart.testing import CompletionConformance, small_ratings


class TestConformance(CompletionConformance):
    model = GaussNewton(rank=2, max_iter=25, random_state=0)


class TestConformanceOfAutomaticRank(CompletionConformance):
    model = GaussNewton(max_iter=6, random_state=0)


def low_rank(n, m, rank, oversampling, seed, dtype=np.float64):
    """A random matrix, and some of its entries in a sparse matrix."""
    rng = np.random.default_rng(seed)
    truth = rng.standard_normal((n, rank)) @ rng.standard_normal((rank, m))
    size = int(oversampling * rank * (n + m - rank))
    rows, columns = np.divmod(rng.choice(n * m, size, replace=False), m)
    return truth, sparse.csr_array((truth[rows, columns].astype(dtype), (rows, columns)), shape=(n, m))


def error(model, truth):
    """Relative error at the cells that are determined."""
    known = ~model.undeterminable()
    estimate = model.user_factors_ @ model.item_factors_.T
    return np.linalg.norm((estimate - truth)[known]) / np.linalg.norm(truth[known])


@pytest.mark.parametrize(("n", "m", "rank", "rho"), [(60, 50, 1, 3), (150, 110, 3, 1.8), (200, 230, 5, 1.7)])
def test_recovers_from_few_entries(n, m, rank, rho):
    """The point of it all: float64 accuracy where other methods need several times as many entries."""
    for seed in range(3):
        truth, entries = low_rank(n, m, rank, rho, seed)
        model = GaussNewton(rank, random_state=seed).fit(entries)
        assert model.converged_, seed
        assert model.residual_ < 1e-12
        assert error(model, truth) < 1e-9


def test_float32_data():
    """Ratings are float32 unless asked otherwise; the answer then is as good as they are."""
    truth, entries = low_rank(100, 90, 3, 2.5, 0, np.float32)
    model = GaussNewton(3, random_state=0).fit(entries)
    assert model.user_factors_.dtype == np.float32
    assert model.converged_
    assert error(model, truth) < 1e-3


def test_condition():
    """Singular values over three decades: Gauss-Newton steps do not care as gradients do."""
    rng = np.random.default_rng(0)
    u, v = (np.linalg.qr(rng.standard_normal((120, 4)))[0] for _ in range(2))
    truth = (u * [1000, 100, 10, 1]) @ v.T
    mask = rng.random((120, 120)) < 0.3
    model = GaussNewton(4, random_state=0).fit(np.where(mask, truth, np.nan))
    assert model.recovered_
    assert error(model, truth) < 1e-9


@pytest.mark.parametrize("rank", [1, 2, 4])
def test_finds_the_rank(rank):
    """Nobody knows the rank: the lowest that meets the entries is the rank of the matrix."""
    truth, entries = low_rank(80, 70, rank, 2.2, rank)
    model = GaussNewton(random_state=0).fit(entries)
    assert model.rank_ == rank
    assert model.converged_
    assert error(model, truth) < 1e-9
    assert {record["rank"] for record in model.history_} >= set(range(1, rank + 1))


def test_rank_of_noisy_entries():
    """Noise has full rank; cross-validation stops where more factors fit nothing but noise."""
    truth, entries = low_rank(60, 50, 2, 4.0, 0)
    entries.data += 0.05 * np.random.default_rng(1).standard_normal(entries.nnz)
    model = GaussNewton(max_iter=30, random_state=0).fit(entries)
    assert not model.converged_
    assert not model.recovered_
    assert model.rank_ == 2
    assert error(model, truth) < 0.1


def test_claims_nothing_that_is_undetermined():
    """Entries met are not yet the matrix: rows and columns with too few are marked, all others right."""
    truth, entries = low_rank(90, 80, 3, 2.5, 0)
    dense = np.full(truth.shape, np.nan)
    rows, columns = entries.nonzero()
    dense[rows, columns] = truth[rows, columns]
    dense[5, np.flatnonzero(~np.isnan(dense[5]))[2:]] = np.nan  # two entries are left
    dense[:, 9] = np.nan
    model = GaussNewton(3, random_state=0).fit(dense)
    known = identifiability(~np.isnan(dense), 3)
    assert model.converged_
    assert not model.recovered_
    assert not model.determinable_rows_[5]
    assert not model.determinable_columns_[9]
    assert np.array_equal(model.undeterminable(), known.undeterminable)
    assert np.array_equal(model.undeterminable(users=[5, 6], items=[9, 10])[:, 1], [True, False])
    assert error(model, truth) < 1e-9
    with pytest.raises(KeyError, match="1000"):
        model.undeterminable(users=[1000])


def test_rows_that_were_taken_off_are_put_back():
    """A row with exactly as many entries as the rank helps nobody, but follows from the others."""
    truth, entries = low_rank(80, 80, 2, 3.0, 1)
    dense = np.full(truth.shape, np.nan)
    rows, columns = entries.nonzero()
    dense[rows, columns] = truth[rows, columns]
    for i in range(6):
        dense[i, np.flatnonzero(~np.isnan(dense[i]))[2:]] = np.nan
    model = GaussNewton(2, random_state=0).fit(dense)
    assert model.determinable_rows_[:6].all() == identifiability(~np.isnan(dense), 2).rows[:6].all()
    assert np.isfinite(model.user_factors_).all()
    assert error(model, truth) < 1e-8


def test_full_matrix():
    """Everything observed is the easy end: the answer is the matrix."""
    truth = np.outer(np.arange(1.0, 8), np.arange(1.0, 6)) + np.outer(np.ones(7), np.arange(5.0) ** 2)
    model = GaussNewton(2, random_state=0).fit(truth)
    assert model.recovered_
    np.testing.assert_allclose(model.user_factors_ @ model.item_factors_.T, truth, rtol=1e-10)


def test_zeros_are_entries():
    """A matrix of zeros is met by factors of zeros, not a division by zero."""
    model = GaussNewton(1, random_state=0).fit(np.zeros((6, 5)))
    assert np.isfinite(model.user_factors_).all()
    assert np.abs(model.predict([0, 1], [0, 1])).max() == 0


def test_folding_in():
    """Unseen rows and columns of the same matrix are completed from a few entries each."""
    truth, entries = low_rank(100, 90, 3, 3.0, 0)
    model = GaussNewton(3, random_state=0).fit(entries[:80])
    factors = model.fold_in(entries[80:])
    enough = np.diff(entries[80:].indptr) >= 3
    estimate = factors @ model.item_factors_.T
    assert np.linalg.norm((estimate - truth[80:])[enough]) < 1e-7 * np.linalg.norm(truth)
    np.testing.assert_allclose(model.fold_in(entries[:80]), model.user_factors_, rtol=1e-9, atol=1e-9)
    few = GaussNewton(3, random_state=0).fit(entries[:, :70])
    columns = few.fold_in(entries[:, 70:], side="items")
    assert columns.shape == (20, 3)
    np.testing.assert_allclose(few.user_factors_ @ columns.T, truth[:, 70:], atol=1e-6)


def test_transform_completes_the_matrix():
    """An imputer's manners: observed cells as they were, the others completed."""
    truth, entries = low_rank(70, 60, 2, 3.0, 0)
    dense = np.full(truth.shape, np.nan)
    rows, columns = entries.nonzero()
    dense[rows, columns] = truth[rows, columns]
    model = GaussNewton(2, random_state=0)
    whole = model.fit_transform(dense)
    known = ~model.undeterminable()
    np.testing.assert_allclose(whole[known], truth[known], rtol=1e-7, atol=1e-7)


def test_history_and_callback():
    """The trace tells rank and residual of each iteration; the callback can end the search."""
    _, entries = low_rank(100, 90, 3, 1.8, 0)
    model = GaussNewton(3, random_state=0).fit(entries)
    residuals = [record["residual"] for record in model.history_]
    assert [record["iteration"] for record in model.history_] == list(range(1, model.n_iter_ + 1))
    assert residuals[-1] == min(residuals) <= 1e-12
    assert all(record["rank"] == 3 and record["seconds"] >= 0 for record in model.history_)
    stopped = GaussNewton(3, random_state=0).fit(entries, callback=lambda record: record["iteration"] == 4)
    assert stopped.n_iter_ == 4
    assert not stopped.converged_
    assert np.isfinite(stopped.user_factors_).all()


def test_interrupt_leaves_a_usable_model():
    """Ctrl-C keeps the best factors so far."""

    def interrupt(record):
        if record["iteration"] == 5:
            raise KeyboardInterrupt

    _, entries = low_rank(100, 90, 3, 1.8, 0)
    model = GaussNewton(3, random_state=0)
    with pytest.raises(KeyboardInterrupt):
        model.fit(entries, callback=interrupt)
    assert model.n_iter_ == 5
    assert np.isfinite(model.predict([0, 1], [2, 3])).all()


def test_files_keep_what_is_determined(tmp_path):
    """A loaded completion still knows which cells to distrust."""
    _, entries = low_rank(60, 50, 2, 1.3, 0)
    model = GaussNewton(2, max_iter=20, random_state=0).fit(entries)
    eckart.save(model, tmp_path / "model.safetensors")
    loaded = eckart.load(tmp_path / "model.safetensors")
    assert np.array_equal(loaded.undeterminable(), model.undeterminable())
    assert (loaded.residual_, loaded.converged_, loaded.rank_) == (model.residual_, model.converged_, 2)
    assert loaded.history_ == model.history_


def test_starts_anew_when_nothing_gets_better():
    """A start that leads nowhere is given up: with no patience at all, every iteration starts at random."""
    _, entries = low_rank(60, 50, 3, 1.2, 3)
    model = GaussNewton(3, patience=1, max_iter=30, random_state=0).fit(entries)
    best = min(record["residual"] for record in model.history_)
    assert model.residual_ <= max(best, 1e-12) * 1.5


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"rank": 0}, "rank: expected an integer >= 1"),
        ({"rank": "five"}, "rank: expected one of 'auto'"),
        ({"rank": 51}, "rank: expected at most 50"),
        ({"tol": -1.0}, "tol: expected"),
        ({"max_iter": 0}, "max_iter: expected"),
        ({"patience": 0}, "patience: expected"),
        ({"verbose": "yes"}, "verbose: expected"),
    ],
)
def test_bad_parameters(parameters, said):
    """Wrong parameters are refused by name before any work."""
    _, entries = low_rank(60, 50, 2, 2.0, 0)
    with pytest.raises(ValueError, match=said):
        GaussNewton(**parameters).fit(entries)


def test_side_of_folding_in():
    """Another side than users and items does not exist."""
    model = GaussNewton(1, max_iter=3, random_state=0).fit(small_ratings())
    with pytest.raises(ValueError, match="side"):
        model.fold_in(small_ratings(), side="both")


def test_ids_of_the_caller():
    """Completion answers in the ids that came in."""
    truth, entries = low_rank(40, 30, 1, 3.0, 0)
    rows, columns = entries.nonzero()
    ratings = Ratings.from_arrays(rows * 3 + 7, columns, truth[rows, columns], dtype=np.float64)
    model = GaussNewton(1, random_state=0).fit(ratings)
    np.testing.assert_allclose(model.predict([7, 10], [0, 5]), truth[[0, 1], [0, 5]], rtol=1e-9)
