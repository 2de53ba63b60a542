"""einsum and its kin, by matrix products: every contraction of two tensors is one batched product."""

import math
from typing import Any

import numpy as np

from eckart.nn.ops.arrangement import diagonal, reshape, transpose
from eckart.nn.ops.elementwise import matmul, multiply
from eckart.nn.ops.reductions import sum
from eckart.nn.tensor import Tensor


def einsum(subscripts: str, *operands: Any) -> Tensor:
    """Return the contraction that numpy.einsum's subscripts say; operands from left to right."""
    terms, out, sizes = _read(subscripts, operands)
    tensors = [t if isinstance(t, Tensor) else Tensor(t) for t in operands]
    pairs = [_simplified(t, labels) for t, labels in zip(tensors, terms, strict=True)]
    tensor, labels = pairs[0]
    for i, (other, names) in enumerate(pairs[1:], 2):
        needed = set(out).union(*[names for _, names in pairs[i:]])
        tensor, labels = _contract(tensor, labels, other, names, needed)
    tensor, labels = _kept(tensor, labels, set(out))
    tensor = transpose(tensor, [labels.index(c) for c in out if c in labels])
    return reshape(tensor, tuple([sizes[c] if c in labels else 1 for c in out]))


def _read(subscripts: str, operands: Any) -> tuple[list[str], str, dict[str, int]]:
    """Return one label for each axis of each operand and of the output, and the lengths."""
    left, arrow, out = subscripts.replace(" ", "").partition("->")
    terms = left.split(",")
    if len(terms) != len(operands):
        raise ValueError(f"einsum: expected {len(terms)} operand(s) for {subscripts!r}, got {len(operands)}")
    free = "".join([c for c in map(chr, range(0x100, 0x180)) if c not in subscripts])
    named, dots, sizes = [], "", {}
    for term, operand in zip(terms, operands, strict=True):
        n = np.ndim(operand) - len(term.replace("...", ""))
        if n < 0 or (n > 0 and "..." not in term):
            raise ValueError(f"einsum: expected {len(term)} axes for {term!r}, got shape {np.shape(operand)}")
        named.append(term.replace("...", free[32 - n : 32]))
        dots = free[32 - n : 32] if n > len(dots) else dots
        for c, size in zip(named[-1], np.shape(operand), strict=True):
            if sizes.setdefault(c, size) == 1:
                sizes[c] = size
            elif size not in (1, sizes[c]):
                raise ValueError(
                    f"einsum: expected length {sizes[c]} for {c!r} in {subscripts!r}, got {size}"
                )
    if not arrow:
        once = [c for c in sorted(set(left) - set(",.")) if left.count(c) == 1]
        out = "..." * bool(dots) + "".join(once)
    out = out.replace("...", dots)
    if len(set(out)) < len(out) or not set(out) <= sizes.keys():
        raise ValueError(f"einsum: expected an output of different labels of the inputs, got {subscripts!r}")
    return named, out, sizes


def _simplified(t: Tensor, labels: str) -> tuple[Tensor, str]:
    """Return the operand without axes of length one, its repeated labels made diagonals."""
    for c in sorted(set(labels)):
        while labels.count(c) > 1:
            i, j = labels.index(c), labels.rindex(c)
            t, labels = diagonal(t, 0, i, j), labels[:i] + labels[i + 1 : j] + labels[j + 1 :] + c
    kept = [i for i in range(len(labels)) if t.shape[i] != 1]
    return reshape(t, tuple([t.shape[i] for i in kept])), "".join([labels[i] for i in kept])


def _kept(t: Tensor, labels: str, needed: set[str]) -> tuple[Tensor, str]:
    """Return the tensor summed over the labels that nobody needs."""
    axes = tuple([i for i, c in enumerate(labels) if c not in needed])
    return (sum(t, axes), "".join([c for c in labels if c in needed])) if axes else (t, labels)


def _contract(a: Tensor, left: str, b: Tensor, right: str, needed: set[str]) -> tuple[Tensor, str]:
    """Return the product summed over the labels of both that are not needed, and its labels."""
    a, left = _kept(a, left, needed | set(right))
    b, right = _kept(b, right, needed | set(left))
    batch = [c for c in left if c in right and c in needed]
    summed = [c for c in left if c in right and c not in needed]
    rows, columns = [c for c in left if c not in right], [c for c in right if c not in left]
    length = {**dict(zip(left, a.shape, strict=True)), **dict(zip(right, b.shape, strict=True))}

    def matrix(
        t: Tensor, labels: str, first: list[str], second: list[str]
    ) -> Tensor:  # (*batch, first, second)
        t = transpose(t, [labels.index(c) for c in [*batch, *first, *second]])
        shape = [math.prod([length[c] for c in group]) for group in (first, second)]
        return reshape(t, (*[length[c] for c in batch], *shape))

    product = matmul if summed else multiply
    found = product(matrix(a, left, rows, summed), matrix(b, right, summed, columns))
    names = [*batch, *rows, *columns]
    return reshape(found, tuple([length[c] for c in names])), "".join(names)


def tensordot(a: Any, b: Any, axes: Any = 2) -> Tensor:
    """Return the sum over the last `axes` of a and the first of b, or over the axes of a pair of lists."""
    n, m = np.ndim(a), np.ndim(b)
    ours, theirs = (range(n - axes, n), range(axes)) if isinstance(axes, int) else map(np.atleast_1d, axes)
    left, right = list(map(chr, range(0x180, 0x180 + n))), list(map(chr, range(0x200, 0x200 + m)))
    for i, j in zip(ours, theirs, strict=True):
        right[j] = left[i]
    out = [c for c in left if c not in right] + [c for c in right if c not in left]
    return einsum(f"{''.join(left)},{''.join(right)}->{''.join(out)}", a, b)


def outer(a: Any, b: Any) -> Tensor:
    """Return the products of all numbers of a with all of b, (a.size, b.size)."""
    return multiply(reshape(a, (-1, 1)), reshape(b, (1, -1)))
