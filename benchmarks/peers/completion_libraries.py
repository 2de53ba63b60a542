"""The libraries that factorise ratings, each behind the same three methods. Runs as a child process:

    python completion_libraries.py LIBRARY THREADS

`prepare` brings ratings into the library's own form (not timed), `fit` trains from scratch for a number
of iterations (timed), `model` gives the factors back so that the parent can check them.
"""

import sys
import tempfile
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from processes import serve


class Triples(NamedTuple):
    """Ratings as codes and values, each (n_ratings,), and the number of users and items."""

    users: np.ndarray
    items: np.ndarray
    values: np.ndarray
    shape: tuple[int, int]

    @classmethod
    def load(cls, path: str) -> "Triples":
        with np.load(path) as file:
            return cls(file["users"], file["items"], file["values"], tuple(file["shape"].tolist()))

    def matrix(self, layout: str) -> Any:
        """Return a float32 scipy matrix, layout "coo" or "csr"."""
        from scipy import sparse

        return sparse.coo_matrix((self.values, (self.users, self.items)), shape=self.shape).asformat(layout)


def ones(matrix: Any) -> Any:
    """Return a sparse matrix with every stored value 1."""
    clicks = matrix.copy()
    clicks.data[:] = 1
    return clicks


class Library:
    """A library, and the ratings that it was given last; `threads` is how many it may use."""

    package = ""  # its name on the package index

    def __init__(self, threads: int) -> None:
        self.threads = threads

    def prepare(self, triples: Triples) -> None:
        raise NotImplementedError

    def fit(self, iterations: int, rank: int, reg: float, **setting: Any) -> None:
        raise NotImplementedError

    def model(self) -> dict[str, Any]:
        """Return user_factors (n_users, rank), item_factors, and where there are any the biases and mean."""
        raise NotImplementedError

    def use_factors(self, path: str) -> None:
        """Take (user_factors, item_factors) from a file in place of a fit, for `top_k`."""
        raise NotImplementedError

    def top_k(self, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Return (items, scores), (n_users, k) each, seen items left out."""
        raise NotImplementedError


class Eckart(Library):
    package = "eckart"

    def prepare(self, triples: Triples) -> None:
        import eckart as ek
        from eckart.data.vocabulary import Vocabulary

        ek.set_num_threads(self.threads)
        self._ek = ek
        vocabularies = (Vocabulary.from_range(n) for n in triples.shape)
        self._ratings = ek.data.Ratings(triples.users, triples.items, triples.values, *vocabularies)
        _ = self._ratings.by_user, self._ratings.by_item  # compressed views are built at first use

    def fit(self, iterations: int, rank: int, reg: float, model: str = "ALS", **setting: Any) -> None:
        cls = getattr(self._ek.completion, model)
        unfitted = cls(rank, reg=reg, max_iter=iterations, tol=0.0, random_state=0, **setting)
        self._model = unfitted.fit(self._ratings)

    def model(self) -> dict[str, Any]:
        model = self._model
        factors = {"user_factors": model.user_factors_, "item_factors": model.item_factors_}
        if not model.biases:
            return factors
        return factors | {
            "user_biases": model.user_biases_, "item_biases": model.item_biases_, "mean": model.mean_
        }  # fmt: skip

    def top_k(self, k: int) -> tuple[np.ndarray, np.ndarray]:
        found = self._model.recommend(k=k)
        return np.ma.filled(found.items, -1), np.ma.filled(found.scores, -np.inf)


class Cmfrec(Library):
    package = "cmfrec"

    def prepare(self, triples: Triples) -> None:
        from cmfrec import CMF

        self._new, self._matrix = CMF, triples.matrix("coo")

    def fit(self, iterations: int, rank: int, reg: float, cg: bool) -> None:
        self._model = self._new(
            k=rank, lambda_=reg, method="als", use_cg=cg, max_cg_steps=3, finalize_chol=False,
            scale_lam=True, user_bias=True, item_bias=True, center=True, niter=iterations, random_state=0,
            use_float=True, precompute_for_predictions=False, nthreads=self.threads, verbose=False,
        )  # fmt: skip
        self._model.fit(self._matrix)

    def model(self) -> dict[str, Any]:
        model = self._model
        return {
            "user_factors": model.A_, "item_factors": model.B_,
            "user_biases": model.user_bias_, "item_biases": model.item_bias_, "mean": model.glob_mean_,
        }  # fmt: skip


class Implicit(Library):
    package = "implicit"

    def prepare(self, triples: Triples) -> None:
        from implicit.cpu.als import AlternatingLeastSquares

        self._new, self._matrix = AlternatingLeastSquares, triples.matrix("csr")

    def fit(
        self, iterations: int, rank: int, reg: float, cg: bool, clicks: bool = False, alpha: float = 1.0
    ) -> None:
        self._model = self._new(
            factors=rank, regularization=reg, alpha=alpha, iterations=iterations, use_cg=cg,
            num_threads=self.threads, random_state=0,
        )  # fmt: skip
        self._model.fit(ones(self._matrix) if clicks else self._matrix, show_progress=False)
        # With one confidence c everywhere it fits c / (c - 1) in our terms, where that is not 1 / 0.
        self._scale = (alpha / (alpha - 1)) ** -0.5 if clicks and alpha > 1 else 1.0

    def model(self) -> dict[str, Any]:
        scale = np.float32(self._scale)
        return {
            "user_factors": scale * self._model.user_factors, "item_factors": scale * self._model.item_factors
        }  # fmt: skip

    def use_factors(self, path: str) -> None:
        with np.load(path) as file:
            self._model = self._new(factors=file["user_factors"].shape[1], num_threads=self.threads)
            self._model.user_factors, self._model.item_factors = file["user_factors"], file["item_factors"]

    def top_k(self, k: int) -> tuple[np.ndarray, np.ndarray]:
        return self._model.recommend(np.arange(self._matrix.shape[0]), self._matrix, N=k)


class Irspack(Library):
    package = "irspack"

    def prepare(self, triples: Triples) -> None:
        from irspack import IALSRecommender

        self._new, self._matrix = IALSRecommender, triples.matrix("csr")

    def fit(self, iterations: int, rank: int, reg: float, solver: str, clicks: bool = False) -> None:
        self._model = self._new(
            ones(self._matrix) if clicks else self._matrix, n_components=rank, alpha0=0.1, reg=reg,
            solver_type=solver, train_epochs=iterations, n_threads=self.threads, random_seed=0,
        )  # fmt: skip
        self._model.learn()

    def model(self) -> dict[str, Any]:
        trainer = self._model.trainer_as_ials.core_trainer
        return {"user_factors": trainer.user, "item_factors": trainer.item}


class LibMF(Library):
    package = "libmf"

    def prepare(self, triples: Triples) -> None:
        from libmf import mf

        self._new = mf.MF
        self._table = np.stack([triples.users, triples.items, triples.values], axis=1).astype(np.float32)

    def fit(self, iterations: int, rank: int, reg: float) -> None:
        self._model = self._new(
            k=rank, nr_iters=iterations, nr_threads=self.threads, lambda_p2=reg, lambda_q2=reg, quiet=True
        )
        self._model.fit(self._table)

    def model(self) -> dict[str, Any]:
        return {"user_factors": self._model.p_factors(), "item_factors": self._model.q_factors()}


class Surprise(Library):
    package = "scikit-surprise"

    def prepare(self, triples: Triples) -> None:
        from surprise import SVD, Dataset, Reader

        reader = Reader(rating_scale=(float(triples.values.min()), float(triples.values.max())))
        data = Dataset(reader)  # its own constructors want a pandas frame or a file
        columns = (triples.users.tolist(), triples.items.tolist(), triples.values.tolist())
        rows = [(user, item, value, None) for user, item, value in zip(*columns, strict=True)]
        self._new, self._train, self._shape = SVD, data.construct_trainset(rows), triples.shape

    def fit(self, iterations: int, rank: int, reg: float) -> None:
        self._model = self._new(n_factors=rank, n_epochs=iterations, reg_all=reg, random_state=0)
        self._model.fit(self._train)

    def model(self) -> dict[str, Any]:
        users = [self._train.to_inner_uid(user) for user in range(self._shape[0])]
        items = [self._train.to_inner_iid(item) for item in range(self._shape[1])]
        model = self._model
        return {
            "user_factors": model.pu[users], "item_factors": model.qi[items],
            "user_biases": model.bu[users], "item_biases": model.bi[items], "mean": self._train.global_mean,
        }  # fmt: skip


class Spark(Library):
    package = "pyspark"

    def prepare(self, triples: Triples) -> None:
        from pyspark.ml.recommendation import ALS

        spark = self._session()
        path = f"{self._folder.name}/{len(triples.values)}.csv"
        table = np.stack([triples.users, triples.items, triples.values], axis=1)
        np.savetxt(path, table, fmt=("%d", "%d", "%.9g"), delimiter=",")
        frame = spark.read.csv(path, schema="user INT, item INT, rating FLOAT")
        self._new, self._shape = ALS, triples.shape
        self._frame = frame.repartition(self.threads).cache()
        self._frame.count()

    def _session(self) -> Any:
        from pyspark.sql import SparkSession

        options = {
            "spark.driver.memory": "4g", "spark.driver.host": "127.0.0.1", "spark.ui.enabled": "false",
            "spark.sql.shuffle.partitions": str(self.threads), "spark.log.level": "ERROR",
        }  # fmt: skip
        session = SparkSession.builder.master(f"local[{self.threads}]").config(map=options).getOrCreate()
        self._folder = tempfile.TemporaryDirectory()
        session.sparkContext.setCheckpointDir(f"{self._folder.name}/checkpoints")  # or long lineages overflow
        return session

    def fit(self, iterations: int, rank: int, reg: float, blocks: int) -> None:
        trainer = self._new(
            rank=rank, regParam=reg, maxIter=iterations, numUserBlocks=blocks, numItemBlocks=blocks,
            intermediateStorageLevel="MEMORY_ONLY", finalStorageLevel="MEMORY_ONLY", seed=0,
        )  # fmt: skip
        self._model = trainer.fit(self._frame)

    def model(self) -> dict[str, Any]:
        frames = {"user_factors": self._model.userFactors, "item_factors": self._model.itemFactors}
        sides = {}
        for (name, frame), n in zip(frames.items(), self._shape, strict=True):
            sides[name] = np.zeros((n, self._model.rank), dtype=np.float32)
            for row in frame.collect():
                sides[name][row["id"]] = row["features"]
        return sides


LIBRARIES = {
    "eckart": Eckart, "cmfrec": Cmfrec, "implicit": Implicit, "irspack": Irspack, "libmf": LibMF,
    "surprise": Surprise, "spark": Spark,
}  # fmt: skip


def open_library(name: str, threads: int) -> tuple[Any, dict[str, Any]]:
    """Return the library's version and its commands, for `serve`. Raises ImportError where it is missing."""
    library = LIBRARIES[name](threads)
    try:
        found = version(library.package)
    except PackageNotFoundError:
        raise ImportError(f"{library.package} is not installed for {sys.executable}") from None

    def fit(**arguments: Any) -> float:
        start = time.perf_counter()
        library.fit(**arguments)
        return time.perf_counter() - start

    def top_k(k: int, path: str) -> float:
        start = time.perf_counter()
        items, scores = library.top_k(k)
        seconds = time.perf_counter() - start
        np.savez(path, items=items, scores=scores)
        return seconds

    commands = {
        "prepare": lambda path: library.prepare(Triples.load(path)),
        "fit": fit,
        "save_model": lambda path: np.savez(path, **library.model()),
        "use_factors": library.use_factors,
        "top_k": top_k,
    }
    return found, commands


if __name__ == "__main__":
    serve(lambda: open_library(sys.argv[1], int(sys.argv[2])))
