"""Layers written down as their formulas, in double precision, and derivatives by differences."""

from collections.abc import Callable
from typing import Any

import numpy as np

from eckart.nn import Tensor


def windows(
    x: np.ndarray, kernel: Any, stride: Any, margins: Any, dilation: Any, fill: float = 0.0
) -> np.ndarray:
    """Return (n, c, oh, ow, kh, kw): what the window at every position of x (n, c, h, w) sees."""
    top, left, bottom, right = margins
    padded = np.pad(x, ((0, 0), (0, 0), (top, bottom), (left, right)), constant_values=fill)
    spans = [d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True)]
    seen = np.lib.stride_tricks.sliding_window_view(padded, spans, axis=(2, 3))
    return seen[:, :, :: stride[0], :: stride[1], :: dilation[0], :: dilation[1]]


def conv2d(x: Any, w: Any, b: Any, stride: Any, margins: Any, dilation: Any, groups: int) -> np.ndarray:
    """Return the convolution, group by group."""
    seen = windows(np.asarray(x, float), w.shape[2:], stride, margins, dilation)
    parts = [
        np.einsum("ncijkl,ockl->noij", part, own.astype(float))
        for part, own in zip(np.split(seen, groups, 1), np.split(w, groups, 0), strict=True)
    ]
    return np.concatenate(parts, 1) + (0 if b is None else np.asarray(b, float)[:, None, None])


def conv2d_gradients(x: Any, w: Any, dy: Any, stride: Any, margins: Any, dilation: Any, groups: int) -> Any:
    """Return (dx, dw, db): the convolution is linear in x and in w, so both come from its own formula."""
    x, w, dy = (np.asarray(a, float) for a in (x, w, dy))
    top, left, bottom, right = margins
    n, _, h, width = x.shape
    padded = np.zeros((n, x.shape[1], h + top + bottom, width + left + right))
    dw = np.zeros_like(w)
    seen = windows(x, w.shape[2:], stride, margins, dilation)
    per_in, per_out = w.shape[1], len(w) // groups
    for g in range(groups):
        ins, outs = slice(g * per_in, (g + 1) * per_in), slice(g * per_out, (g + 1) * per_out)
        dw[outs] = np.einsum("ncijkl,noij->ockl", seen[:, ins], dy[:, outs])
        for k in range(w.shape[2]):
            for m in range(w.shape[3]):
                rows = slice(k * dilation[0], k * dilation[0] + dy.shape[2] * stride[0], stride[0])
                columns = slice(m * dilation[1], m * dilation[1] + dy.shape[3] * stride[1], stride[1])
                share = np.einsum("noij,oc->ncij", dy[:, outs], w[outs, :, k, m])
                target = padded[:, ins, rows, columns]
                target += share[:, :, : target.shape[2], : target.shape[3]]
    return padded[:, :, top : top + h, left : left + width], dw, dy.sum((0, 2, 3))


def numeric_gradients(
    f: Callable[..., Any], arrays: list[np.ndarray], seed: int = 0
) -> tuple[Any, list[Any]]:
    """Return a random gradient of the output, and the inputs' by central differences along every entry."""
    out = np.asarray(f(*arrays))
    g = np.random.default_rng(seed).standard_normal(out.shape)
    found = []
    for array in arrays:
        slope = np.zeros_like(array)
        for i in np.ndindex(*array.shape):
            kept, step = array[i], 1e-6
            array[i] = kept + step
            above = np.asarray(f(*arrays))
            array[i] = kept - step
            slope[i] = ((above - np.asarray(f(*arrays))) * g).sum() / (2 * step)
            array[i] = kept
        found.append(slope)
    return g, found


def check_gradients(f: Callable[..., Any], arrays: list[np.ndarray], tolerance: float = 1e-6) -> None:
    """Assert that backward gives what differences give, for float64 arrays."""
    tensors = [Tensor(a.copy(), requires_grad=True) for a in arrays]
    g, expected = numeric_gradients(f, [a.copy() for a in arrays])
    f(*tensors).backward(g)
    for tensor, want in zip(tensors, expected, strict=True):
        np.testing.assert_allclose(tensor.grad, want, rtol=tolerance, atol=tolerance)
