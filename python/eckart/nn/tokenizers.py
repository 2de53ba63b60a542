"""Text as integers: one a character, or byte-pair encoding (Sennrich et al. 2016) of bytes, as GPT-2's."""

import heapq
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from eckart.base.errors import EckartError
from eckart.base.files import PathLike, write_whole
from eckart.base.validation import check_int
from eckart.nn.tensor import Array

# Pieces that no merge crosses: GPT-2's, in the words of `re`. Together they match every character.
PIECES = re.compile(r"'(?:[sdmt]|ll|ve|re)| ?[^\W\d_]+| ?\d+| ?(?:[^\s\w]|_)+|\s+(?!\S)|\s+")
_CACHED = 1 << 16  # pieces whose encoding is kept


class CharTokenizer:
    """The characters of a text, in order of their code points; `characters` is the vocabulary."""

    def __init__(self, text: str) -> None:
        _check_text(text, str)
        self.characters = "".join(sorted(set(text)))
        self._places = {c: i for i, c in enumerate(self.characters)}

    def __len__(self) -> int:
        return len(self.characters)

    def encode(self, text: str) -> Array:
        """Return int64 (len(text),). ValueError that names a character which is not in the vocabulary."""
        _check_text(text, str)
        try:
            return np.array([self._places[c] for c in text], np.int64)
        except KeyError as error:
            raise ValueError(f"text: expected characters of the vocabulary, got {error.args[0]!r}") from None

    def decode(self, tokens: Iterable[int]) -> str:
        """Return the text of integers."""
        return "".join([self.characters[i] for i in _checked(tokens, len(self))])

    def save(self, path: PathLike) -> None:
        """Write a JSON file, whole or not at all."""
        _write(path, {"format": "eckart-characters", "characters": self.characters})

    @classmethod
    def load(cls, path: PathLike) -> "CharTokenizer":
        """Read what :meth:`save` wrote; EckartError for a missing or foreign file."""
        characters = _read(path, "eckart-characters").get("characters")
        return cls(characters) if isinstance(characters, str) else _damaged(path)


class BytePairTokenizer:
    """Bytes 0-255, then a token for each merge of two tokens, then the special ones.

    merges : pairs of tokens; the i-th makes token 256 + i
    special_tokens : texts that are one token each, such as "<|end|>"

    Anything can be encoded and comes back as it was: text, and any bytes.
    """

    def __init__(self, merges: Sequence[tuple[int, int]] = (), special_tokens: Sequence[str] = ()) -> None:
        if isinstance(special_tokens, str):
            raise ValueError(f"special_tokens: expected a list of texts, got the text {special_tokens!r}")
        self.merges = [(int(a), int(b)) for a, b in merges]
        self._ranks = {pair: i for i, pair in enumerate(self.merges)}
        self._bytes = [bytes([i]) for i in range(256)]
        for a, b in self.merges:
            if not 0 <= min(a, b) <= max(a, b) < len(self._bytes):
                raise ValueError(f"merges: expected pairs of earlier tokens, got {(a, b)}")
            self._bytes.append(self._bytes[a] + self._bytes[b])
        self.special_tokens = {text: len(self._bytes) + i for i, text in enumerate(special_tokens)}
        if len(self.special_tokens) < len(special_tokens) or "" in self.special_tokens:
            raise ValueError(f"special_tokens: expected different, non-empty texts, got {special_tokens}")
        self._bytes += [text.encode() for text in special_tokens]
        marks = sorted(self.special_tokens, key=len, reverse=True)
        self._special = re.compile("(" + "|".join(map(re.escape, marks)) + ")") if marks else None
        self._cache: dict[str, list[int]] = {}

    @classmethod
    def train(
        cls, text: str | bytes, vocab_size: int, special_tokens: Sequence[str] = ()
    ) -> "BytePairTokenizer":
        """Return a tokenizer of at most `vocab_size` tokens, whose merges are `text`'s most frequent pairs.

        Fewer where no pair comes twice. Ties: the pair of smaller tokens first.
        """
        check_int(vocab_size, "vocab_size", low=256 + len(special_tokens))
        plain = cls((), special_tokens)
        counts = Counter(piece for piece, special in plain._pieces(text) if not special)
        words = [(list(_to_bytes(piece)), n) for piece, n in counts.items()]
        return cls(_learned_merges(words, vocab_size - 256 - len(special_tokens)), special_tokens)

    def __len__(self) -> int:
        return len(self._bytes)

    def encode(self, text: str | bytes, allow_special: bool = True) -> Array:
        """Return int64 tokens; special ones are recognised in the text unless `allow_special` is False."""
        tokens: list[int] = []
        for piece, special in self._pieces(text, allow_special):
            if special:
                tokens.append(self.special_tokens[piece])
                continue
            found = self._cache.get(piece)
            if found is None:
                found = self._merged(list(_to_bytes(piece)))
                if len(self._cache) < _CACHED:
                    self._cache[piece] = found
            tokens += found
        return np.array(tokens, np.int64)

    def decode_bytes(self, tokens: Iterable[int]) -> bytes:
        """Return the bytes of tokens: exactly those that were encoded."""
        return b"".join([self._bytes[i] for i in _checked(tokens, len(self))])

    def decode(self, tokens: Iterable[int]) -> str:
        """Return the text of tokens; what is no UTF-8 becomes U+FFFD."""
        return self.decode_bytes(tokens).decode("utf-8", errors="replace")

    def save(self, path: PathLike) -> None:
        """Write a JSON file, whole or not at all."""
        special = list(self.special_tokens)
        _write(path, {"format": "eckart-byte-pairs", "merges": self.merges, "special_tokens": special})

    @classmethod
    def load(cls, path: PathLike) -> "BytePairTokenizer":
        """Read what :meth:`save` wrote; EckartError for a missing or foreign file."""
        said = _read(path, "eckart-byte-pairs")
        try:
            return cls([tuple(pair) for pair in said["merges"]], said["special_tokens"])
        except (KeyError, TypeError, ValueError, AttributeError):
            _damaged(path)

    def _pieces(self, text: str | bytes, allow_special: bool = True) -> Iterable[tuple[str, bool]]:
        """Yield (piece, whether it is a special token)."""
        _check_text(text, str, bytes)
        if isinstance(text, bytes):
            text = text.decode("utf-8", errors="surrogateescape")  # a stray byte is one odd character
        parts = self._special.split(text) if self._special and allow_special else [text]
        for i, part in enumerate(parts):
            if i % 2:
                yield part, True
            else:
                yield from [(piece, False) for piece in PIECES.findall(part)]

    def _merged(self, tokens: list[int]) -> list[int]:
        """Return the tokens with merges done, the earliest learned first."""
        while len(tokens) > 1:
            ranked = [(self._ranks.get(pair, len(self.merges)), pair) for pair in pairwise(tokens)]
            rank, pair = min(ranked)
            if rank == len(self.merges):
                break
            tokens = _replaced(tokens, pair, 256 + rank)
        return tokens


def _learned_merges(words: list[tuple[list[int], int]], n_merges: int) -> list[tuple[int, int]]:
    """Return the merges of words (tokens, how often). Only words that hold a merged pair are counted anew."""
    counts: Counter[tuple[int, int]] = Counter()
    places: dict[tuple[int, int], set[int]] = defaultdict(set)
    for i, (word, n) in enumerate(words):
        for pair in pairwise(word):
            counts[pair] += n
            places[pair].add(i)
    heap = [(-n, pair) for pair, n in counts.items()]
    heapq.heapify(heap)
    merges: list[tuple[int, int]] = []
    while heap and len(merges) < n_merges:
        negative, best = heapq.heappop(heap)
        if counts[best] != -negative:  # an entry of the past
            continue
        if -negative < 2:
            break
        token, changed = 256 + len(merges), set()
        merges.append(best)
        for i in places.pop(best):
            word, n = words[i]
            new = _replaced(word, best, token)
            for pair in pairwise(word):
                counts[pair] -= n
                changed.add(pair)
            for pair in pairwise(new):
                counts[pair] += n
                places[pair].add(i)
                changed.add(pair)
            words[i] = (new, n)
        for pair in changed:
            if counts[pair] > 0:
                heapq.heappush(heap, (-counts[pair], pair))
    return merges


def _replaced(tokens: list[int], pair: tuple[int, int], token: int) -> list[int]:
    """Return the tokens with each occurrence of a pair, from the left, made one token."""
    out, i, last = [], 0, len(tokens) - 1
    while i <= last:
        if i < last and tokens[i] == pair[0] and tokens[i + 1] == pair[1]:
            out.append(token)
            i += 2
        else:
            out.append(tokens[i])
            i += 1
    return out


def _to_bytes(piece: str) -> bytes:
    return piece.encode("utf-8", errors="surrogateescape")


def _checked(tokens: Iterable[int], n: int) -> list[int]:
    if np.ndim(tokens) > 1:  # type: ignore[arg-type]
        raise ValueError(f"tokens: expected one sequence, got shape {np.shape(tokens)}")  # type: ignore[arg-type]
    found = [int(i) for i in tokens]
    wrong = [i for i in found if not 0 <= i < n]
    if wrong:
        raise ValueError(f"tokens: expected integers in [0, {n}), got {wrong[0]}")
    return found


def _check_text(text: Any, *kinds: type) -> None:
    if not isinstance(text, kinds):
        expected = " or ".join([kind.__name__ for kind in kinds])
        raise TypeError(f"text: expected {expected}, got {type(text).__name__}")


def _write(path: PathLike, said: dict[str, Any]) -> None:
    write_whole(path, lambda file: file.write(json.dumps(said).encode()))


def _read(path: PathLike, kind: str) -> dict[str, Any]:
    if not Path(path).is_file():
        raise EckartError(f"no such file: {path}")
    try:
        said = json.loads(Path(path).read_bytes())
    except ValueError:
        _damaged(path)
    return said if isinstance(said, dict) and said.get("format") == kind else _damaged(path)


def _damaged(path: PathLike) -> NoReturn:
    raise EckartError(f"{path} is damaged or no file of this tokenizer")
