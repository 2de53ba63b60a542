"""How als_v1.safetensors was written: once, by the first eckart with format version 1.

    python tests/base/golden/write_als_v1.py

Never write it again for this version of the format: that old files stay readable is what it tests.
"""

from pathlib import Path

import eckart as ek
import numpy as np

HERE = Path(__file__).parent


def golden_model():
    """A model with every part that a file can hold: text ids, titles, times, biases, normalisation."""
    rng = np.random.default_rng(20)
    users, items = np.nonzero(rng.random((12, 9)) < 0.6)
    names = ["Alien", "Brazil", "Casablanca", "Dune", "Éxtasis", "Fargo", "蜘蛛巣城", "Heat", "Ikiru"]
    ratings = ek.data.Ratings.from_arrays(
        [f"user {u}" for u in users],
        items * 10 + 3,
        rng.integers(1, 6, len(users)).astype(float),
        timestamps=1_600_000_000 + rng.integers(0, 10**6, len(users)),
        item_titles={i * 10 + 3: name for i, name in enumerate(names)},
    )
    model = ek.completion.ALS(rank=3, reg=(0.1, 0.2), max_iter=5, normalize="user", random_state=7)
    return model.fit(ratings)


if __name__ == "__main__":
    model = golden_model()
    ek.save(model, HERE / "als_v1.safetensors")
    users, items = model.users_.ids(), model.items_.ids()
    predictions = [model.predict(user, items) for user in users]
    np.savetxt(HERE / "als_v1_predictions.txt", predictions, fmt="%.9g")
