"""The lists of ``eckart demo``: for a person with reasons, like a film, and again from a saved model."""

from pathlib import Path
from typing import Any

import numpy as np

from eckart.base.errors import EckartError
from eckart.base.persistence import load, save
from eckart.cli._lists import as_ids

N_REASONS = 2
MIN_RATINGS = 30  # of a film in "more like this": with fewer, the direction of its factors is mostly noise
N_SIMILAR = 6


def median_user(train: Any) -> Any:
    """Return the id of a user with the median number of ratings (the first of them)."""
    counts = train.by_user.counts
    middle = np.sort(counts)[len(counts) // 2]
    return train.users.decode(np.flatnonzero(counts == middle)[:1]).tolist()[0]


def known_user(train: Any, text: str) -> Any:
    """Return the id that `text` stands for. KeyError if there is none."""
    code = train.users.encode(as_ids([text]))
    if code[0] < 0:
        raise KeyError(f"unknown user: {text!r}")
    return train.users.decode(code).tolist()[0]


def recommended(model: Any, train: Any, person: Any, k: int) -> dict[str, Any]:
    """Return k films for a person, each with the person's own ratings that add most to its prediction."""
    found = model.recommend(person, k=k)
    films = []
    for item, score in next(iter(found)):
        why = model.explain(person, item)
        reasons = zip(why.titles.tolist(), why.ratings.tolist(), why.parts.tolist(), strict=True)
        films.append(
            {
                "id": item,
                "title": train.title(train.items.code(item)),
                "score": score,
                "reasons": [dict(zip(("title", "rating", "part"), r, strict=True)) for r in reasons][
                    :N_REASONS
                ],
            }
        )
    n_ratings = int(train.by_user.counts[train.users.code(person)])
    return {"user": person, "n_ratings": n_ratings, "films": films}


def more_like_this(model: Any, train: Any, beginnings: tuple[str, ...]) -> list[dict[str, Any]]:
    """Return for each beginning of a title the most rated such film and the films most like it."""
    counts, titles = train.by_item.counts, train.item_titles
    answer = []
    for beginning in beginnings:
        codes = np.array([i for i, title in enumerate(titles) if title.startswith(beginning)], dtype=np.int64)
        if not len(codes):
            raise EckartError(f"the data have no film whose title begins with {beginning!r}")
        code = int(codes[counts[codes].argmax()])
        found = model.similar_items(train.items.decode([code]), k=train.n_items)
        similar = [
            {"id": item, "title": train.title(c), "cosine": cosine}
            for item, cosine in next(iter(found))
            if counts[c := train.items.code(item)] >= MIN_RATINGS
        ]
        answer.append({"title": titles[code], "similar": similar[:N_SIMILAR]})
    return answer


def save_and_load(model: Any, path: Path, k: int) -> dict[str, Any]:
    """Save the model, load it back, and make sure that it gives everyone the same list."""
    save(model, path)
    before, after = model.recommend(k=k), load(path).recommend(k=k)
    same = np.array_equal(before.items.filled(), after.items.filled())
    if not same or not np.array_equal(before.scores.filled(0), after.scores.filled(0)):
        raise EckartError(f"{path} gives other recommendations than the model that it was saved from")
    return {"file": str(path), "file_bytes": path.stat().st_size, "users_compared": len(after)}
