"""How PyTorch's operations, arguments and layouts are said in eckart, for the comparison in test_op_db."""

import numpy as np

from eckart.nn import Tensor, ops
from eckart.nn import functional as F


class Absent(Exception):
    """A sample of a feature that eckart does not have; the message says which."""


def axes_of(x, dim):
    """PyTorch's dim as NumPy's axis. It allows an axis of a number, and an empty list for all axes."""
    if isinstance(dim, (list, tuple)) and (len(dim) == 0 or np.ndim(x) == 0):
        return None
    return None if np.ndim(x) == 0 else tuple(dim) if isinstance(dim, list) else dim


def without(**absent):
    for name, value in absent.items():
        if value:
            raise Absent(f"{name}={value!r}")


def plain(function, **fixed):
    """The same arguments in the same order."""
    return lambda *args, **options: function(*args, **fixed, **options)


def scaled(function):
    return lambda x, y, alpha=1: function(x, y if alpha == 1 else ops.multiply(y, alpha))


def quotient(x, y, rounding_mode=None):
    return {None: lambda q: q, "floor": ops.floor, "trunc": ops.trunc}[rounding_mode](ops.divide(x, y))


def clamped(x, min=None, max=None):
    x = x if min is None else ops.maximum(x, min)
    return x if max is None else ops.minimum(x, max)


def reduced(function):
    def call(x, dim=None, keepdim=False, dtype=None):
        without(dtype=dtype)
        return function(x, axes_of(x, dim), bool(keepdim and np.ndim(x)))

    return call


def spread_of(function):
    def call(x, dim=None, unbiased=None, keepdim=False, correction=None):
        if isinstance(dim, bool):
            dim, unbiased = None, dim
        ddof = correction if correction is not None else 1 if unbiased is None else int(unbiased)
        return function(x, axes_of(x, dim), ddof, bool(keepdim and np.ndim(x)))

    return call


def along(function):
    """Of an axis that must be there."""

    def call(x, dim=-1, *args, dtype=None, **options):
        without(dtype=dtype)
        if np.ndim(x) == 0:
            raise Absent("an axis of a number")
        return function(x, dim, *args, **options)

    return call


def normed(x, p=2, dim=None, keepdim=False, dtype=None):
    without(dtype=dtype)
    if p in ("fro", "nuc"):
        raise Absent(f"norm {p}")
    if np.isinf(p):
        far = ops.max if p > 0 else ops.min
        return far(ops.abs(x), axes_of(x, dim), bool(keepdim and np.ndim(x)))
    if p <= 0:
        raise Absent(f"order {p}")
    return ops.norm(x, p, axes_of(x, dim), bool(keepdim and np.ndim(x)))


def vector_norm(x, ord=2, dim=None, keepdim=False, dtype=None):
    return normed(x, ord, dim, keepdim, dtype)


def addmm(x, a, b, beta=1, alpha=1):
    return beta * x + alpha * ops.matmul(a, b)


def expanded(x, *shape):
    shape = shape[0] if isinstance(shape[0], (tuple, list)) else shape
    extra = len(shape) - np.ndim(x)
    sizes = [np.shape(x)[i - extra] if n == -1 else n for i, n in enumerate(shape)]
    return ops.broadcast_to(x, tuple(sizes))


def shaped(x, *shape):
    if isinstance(shape[0], np.dtype) or shape[0] is float:
        raise Absent("a view as another type")
    return x.reshape(*shape)


def flattened(x, start_dim=0, end_dim=-1):
    if np.ndim(x) and end_dim % np.ndim(x) != np.ndim(x) - 1:
        raise Absent("an end")
    return ops.flatten(x, start_dim % max(np.ndim(x), 1))


def squeezed(x, dim=None):
    if dim is None:
        return ops.squeeze(x)
    dims = [d % max(np.ndim(x), 1) for d in (dim if isinstance(dim, (tuple, list)) else [dim])]
    return ops.squeeze(x, tuple([d for d in dims if np.ndim(x) and np.shape(x)[d] == 1]))


def padded(x, pad, mode="constant", value=None):
    if min(pad) < 0:
        raise Absent("negative widths")
    pairs = [tuple(pad[i : i + 2]) for i in range(0, len(pad), 2)][::-1]
    widths = [(0, 0)] * (np.ndim(x) - len(pairs)) + pairs
    names = {"constant": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}
    return ops.pad(x, widths, names[mode], value or 0)


def repeated(x, repeats, dim=None, output_size=None):
    return ops.repeat(ops.reshape(x, (1,)) if np.ndim(x) == 0 else x, repeats, dim)


def gathered(x, dim, index, sparse_grad=False):
    if np.ndim(x) == 0 or np.size(index) == 0:
        raise Absent("an axis of a number, or an empty index of other axes")
    return ops.gather(x, index, dim)


def taken_along(x, index, dim=None):
    if dim is None:
        return ops.take(x, np.ravel(index))
    return ops.take_along_axis(x, index, dim)


def scattered(function):
    def call(x, dim, index, src, reduce=None):
        without(reduce=reduce)
        if np.ndim(x) == 0:
            raise Absent("an axis of a number")
        if isinstance(src, Tensor):
            src = src[tuple(slice(n) for n in index.shape)]
        return function(x, index, src, dim)

    return call


def indexed(x, index):
    return x[index]


def sorted_(x, dim=-1, descending=False, stable=None):
    return along(lambda x, axis: ops.sort(x, axis, descending)[0])(x, dim)


def top(x, k, dim=-1, largest=True, sorted=True):
    return along(lambda x, axis: ops.topk(x, k, axis, largest)[0])(x, dim)


def pieces(x, size, dim=0):
    if isinstance(size, (tuple, list)):
        return ops.split(x, np.cumsum(size)[:-1].tolist(), dim)
    return ops.split(x, range(size, np.shape(x)[dim], size), dim)


def tensor_pieces(x, where, dim=0):
    n = np.shape(x)[dim]
    if isinstance(where, (np.ndarray, Tensor)):
        where = np.asarray(where).tolist()
    if isinstance(where, int):
        where = np.cumsum([n // where + (i < n % where) for i in range(where - 1)]).tolist()
    if where and max(where) > n:
        raise Absent("cuts beyond the end")
    return ops.split(x, [c % n if c < 0 else c for c in where], dim)


def joined(tensors, dim=0):
    shapes = [np.shape(t) for t in tensors]
    if (0,) in shapes and any(len(s) != 1 for s in shapes):
        raise Absent("an empty tensor of any shape")
    return ops.concatenate(tensors, dim)


def spun(x, shifts, dims=None):
    return ops.roll(x, shifts, dims if dims != () else None)


def rearranged(x, dims):
    return ops.transpose(x, tuple(dims))


def place_of(function):
    def call(x, axis, keepdims):
        place = function(x, axis)
        return np.expand_dims(place, axis) if keepdims and axis is not None else place

    return call


def inner(a, b):
    return a * b if a.ndim * b.ndim == 0 else ops.tensordot(a, b, ([-1], [-1]))


def selected(x, mask):
    shape = np.broadcast_shapes(x.shape, mask.shape)
    return ops.broadcast_to(x, shape)[np.broadcast_to(mask, shape)]


def index_selected(x, dim, index):
    return ops.take(x, index, dim) if np.ndim(x) else ops.reshape(ops.take(x, index), ())


def softened(function):
    return lambda x, dim, dtype=None: along(lambda x, axis: function(x, axis))(x, dim, dtype=dtype)


def loss(function):
    def call(*args, size_average=None, reduce=None, **options):
        without(size_average=size_average, reduce=reduce)
        return function(*args, **options)

    return call


UNARY = {
    "abs": ops.abs, "acos": ops.arccos, "acosh": ops.arccosh, "asin": ops.arcsin, "asinh": ops.arcsinh,
    "atan": ops.arctan, "atanh": ops.arctanh, "ceil": ops.ceil, "cos": ops.cos, "cosh": ops.cosh,
    "erf": ops.erf,
    "exp": ops.exp, "exp2": ops.exp2, "expm1": ops.expm1, "floor": ops.floor, "isfinite": ops.isfinite,
    "isinf": ops.isinf, "isnan": ops.isnan, "log": ops.log, "log10": ops.log10, "log1p": ops.log1p,
    "log2": ops.log2, "logical_not": ops.logical_not, "neg": ops.negate, "positive": lambda x: +x,
    "reciprocal": ops.reciprocal, "round": ops.round, "rsqrt": ops.rsqrt, "sigmoid": ops.sigmoid,
    "sign": ops.sign,
    "sin": ops.sin, "sinh": ops.sinh, "sqrt": ops.sqrt, "square": ops.square, "tan": ops.tan,
    "tanh": ops.tanh,
    "trunc": ops.trunc, "T": lambda x: x.T, "mT": lambda x: x.mT, "t": lambda x: x.T, "ravel": ops.flatten,
    "trace": ops.trace, "fliplr": lambda x: ops.flip(x, 1), "flipud": lambda x: ops.flip(x, 0),
}  # fmt: skip
BINARY = {
    "add": scaled(ops.add), "sub": scaled(ops.subtract), "mul": ops.multiply, "div": quotient,
    "true_divide": ops.divide, "pow": lambda x, y: x**y, "maximum": ops.maximum, "minimum": ops.minimum,
    "atan2": ops.arctan2, "hypot": ops.hypot, "logaddexp": ops.logaddexp, "eq": ops.equal,
    "ne": ops.not_equal,
    "gt": ops.greater, "ge": ops.greater_equal, "lt": ops.less, "le": ops.less_equal,
    "logical_and": ops.logical_and, "logical_or": ops.logical_or, "rsub": lambda x, y, alpha=1: y - alpha * x,
    "__radd__": lambda x, y: y + x, "__rsub__": lambda x, y: y - x, "__rmul__": lambda x, y: y * x,
    "__rdiv__": lambda x, y: y / x, "__rpow__": lambda x, y: y**x, "__rmatmul__": lambda x, y: y @ x,
    "matmul": ops.matmul, "mm": ops.matmul, "bmm": ops.matmul, "mv": ops.matmul, "dot": ops.matmul,
    "addmm": addmm, "outer": ops.outer, "inner": inner,
    "tensordot": lambda a, b, dims=2: ops.tensordot(a, b, dims),
    "einsum": lambda operands, subscripts: ops.einsum(subscripts, *operands),
}  # fmt: skip
REDUCTIONS = {
    "sum": reduced(ops.sum), "mean": reduced(ops.mean), "amax": reduced(ops.max), "amin": reduced(ops.min),
    "max": reduced(ops.max), "min": reduced(ops.min), "prod": reduced(ops.prod),
    "logsumexp": reduced(ops.logsumexp), "var": spread_of(ops.var), "std": spread_of(ops.std),
    "argmax": reduced(place_of(ops.argmax)), "argmin": reduced(place_of(ops.argmin)),
    "cumsum": along(ops.cumsum), "cumprod": along(ops.cumprod), "norm": normed,
    "linalg.vector_norm": vector_norm,
}  # fmt: skip
ARRANGEMENTS = {
    "where": lambda x, condition, other: ops.where(condition, x, other), "clamp": clamped,
    "masked_fill": ops.masked_fill, "masked_select": selected,
    "reshape": shaped, "view": shaped, "flatten": flattened,
    "permute": rearranged, "transpose": lambda x, i, j: ops.swapaxes(x, i, j) if x.ndim else x,
    "movedim": ops.moveaxis, "squeeze": squeezed, "unsqueeze": ops.expand_dims, "expand": expanded,
    "broadcast_to": ops.broadcast_to, "flip": lambda x, dims: ops.flip(x, tuple(dims)), "roll": spun,
    "tril": lambda x, k=0: ops.tril(x, k), "triu": lambda x, k=0: ops.triu(x, k),
    "diagonal": lambda x, offset=0, dim1=0, dim2=1: ops.diagonal(x, offset, dim1, dim2),
    "linalg.diagonal": lambda x, offset=0, dim1=-2, dim2=-1: ops.diagonal(x, offset, dim1, dim2),
    "cat": joined, "stack": lambda tensors, dim=0: ops.stack(tensors, dim), "split": pieces,
    "split_with_sizes": pieces, "chunk": lambda x, n, dim=0: ops.chunk(x, n, dim),
    "tensor_split": tensor_pieces,
    "unbind": lambda x, dim=0: ops.unbind(x, dim), "select": lambda x, dim, i: ops.take(x, int(i), dim),
    "nn.functional.pad": padded, "tile": lambda x, *n: ops.tile(x, n[0] if len(n) == 1 else n),
    "repeat": lambda x, *n: ops.tile(x, n[0] if len(n) == 1 else n), "repeat_interleave": repeated,
    "__getitem__": indexed, "gather": gathered, "take_along_dim": taken_along,
    "index_select": index_selected,
    "take": ops.take, "scatter": scattered(ops.scatter), "scatter_add": scattered(ops.scatter_add),
    "sort": sorted_,
    "msort": lambda x: sorted_(x, 0), "topk": top,
}  # fmt: skip
FUNCTIONAL = {
    "relu": F.relu, "relu6": F.relu6, "leaky_relu": F.leaky_relu, "elu": F.elu, "selu": F.selu,
    "gelu": F.gelu,
    "silu": F.silu, "softplus": F.softplus, "softsign": F.softsign, "hardtanh": F.hardtanh,
    "hardsigmoid": F.hardsigmoid, "hardswish": F.hardswish, "mish": F.mish, "logsigmoid": F.logsigmoid,
    "glu": along(F.glu), "mse_loss": loss(F.mse_loss), "l1_loss": loss(F.l1_loss), "huber_loss": F.huber_loss,
    "smooth_l1_loss": loss(F.smooth_l1_loss), "binary_cross_entropy": loss(F.binary_cross_entropy),
    "binary_cross_entropy_with_logits": loss(F.binary_cross_entropy_with_logits),
    "cross_entropy": loss(F.cross_entropy), "nll_loss": loss(F.nll_loss),
    "hinge_embedding_loss": loss(F.hinge_embedding_loss), "margin_ranking_loss": loss(F.margin_ranking_loss),
    "soft_margin_loss": loss(F.soft_margin_loss), "kl_div": loss(F.kl_div),
}  # fmt: skip
OURS = {
    **UNARY, **BINARY, **REDUCTIONS, **ARRANGEMENTS, **{f"nn.functional.{n}": f for n,
    f in FUNCTIONAL.items()},
    "softmax": softened(F.softmax), "log_softmax": softened(F.log_softmax),
}  # fmt: skip
VARIANTS = {"max.binary": ops.maximum, "min.binary": ops.minimum}
VARIANTS = {"max.binary": ops.maximum, "min.binary": ops.minimum}
VARIANTS = {"max.binary": ops.maximum, "min.binary": ops.minimum}
COUNTS = {
    "T": 2, "__getitem__": 16, "__radd__": 9, "__rdiv__": 9, "__rmatmul__": 15, "__rmul__": 9,
    "__rpow__": 9, "__rsub__": 9, "abs": 1, "acos": 3, "acosh": 3, "add": 11, "addmm": 6,
    "addmm.decomposed": 6, "amax": 20, "amin": 20, "argmax": 13, "argmin": 13, "asin": 1, "asinh": 1,
    "atan": 1, "atan2": 9, "atanh": 1, "bmm": 1, "broadcast_to": 7, "cat": 8, "ceil": 1, "chunk": 3,
    "clamp": 7, "cos": 3, "cosh": 3, "cumprod": 8, "cumsum": 2, "diagonal": 15, "div.floor_rounding": 9,
    "div.no_rounding_mode": 9, "div.trunc_rounding": 9, "dot": 1, "einsum": 11, "eq": 10, "erf": 1,
    "exp": 3, "exp2": 3, "expand": 9, "expm1": 1, "flatten": 6, "flip": 10, "fliplr": 2, "flipud": 2,
    "floor": 1, "gather": 3, "ge": 9, "gt": 9, "hypot": 9, "index_select": 3, "inner": 2, "isfinite": 3,
    "isinf": 1, "isnan": 1, "le": 9, "linalg.diagonal": 15, "linalg.vector_norm": 140, "log": 3, "log10": 3,
    "log1p": 1, "log2": 3, "log_softmax": 6, "logaddexp": 9, "logical_and": 9, "logical_not": 3,
    "logical_or": 9, "logsumexp": 15, "lt": 9, "mT": 5, "masked_fill": 8, "masked_select": 7, "matmul": 15,
    "max.binary": 9, "max.reduction_no_dim": 2, "max.reduction_with_dim": 4, "maximum": 9, "mean": 20,
    "min.binary": 9, "min.reduction_no_dim": 2, "min.reduction_with_dim": 4, "minimum": 9, "mm": 3,
    "movedim": 2, "msort": 2, "mul": 9, "mv": 1, "ne": 9, "neg": 1,
    "nn.functional.binary_cross_entropy": 11, "nn.functional.binary_cross_entropy_with_logits": 26,
    "nn.functional.cross_entropy": 21, "nn.functional.elu": 3, "nn.functional.gelu": 8,
    "nn.functional.glu": 46, "nn.functional.hardsigmoid": 3, "nn.functional.hardswish": 4,
    "nn.functional.hardtanh": 5, "nn.functional.hinge_embedding_loss": 10, "nn.functional.huber_loss": 9,
    "nn.functional.kl_div": 16, "nn.functional.l1_loss": 6, "nn.functional.leaky_relu": 9,
    "nn.functional.logsigmoid": 3, "nn.functional.margin_ranking_loss": 24, "nn.functional.mish": 3,
    "nn.functional.mse_loss": 6, "nn.functional.nll_loss": 61, "nn.functional.pad.circular": 7,
    "nn.functional.pad.constant": 47, "nn.functional.pad.reflect": 11, "nn.functional.pad.replicate": 11,
    "nn.functional.relu": 4, "nn.functional.relu6": 3, "nn.functional.selu": 3, "nn.functional.silu": 3,
    "nn.functional.silu.complex": 3, "nn.functional.smooth_l1_loss": 8, "nn.functional.soft_margin_loss": 6,
    "nn.functional.softplus": 3, "nn.functional.softsign": 3, "norm": 31, "norm.fro": 1, "norm.inf": 4,
    "outer": 1, "permute": 4, "positive": 1, "pow": 9, "prod": 37, "ravel": 3, "reciprocal": 3,
    "repeat": 24, "repeat_interleave": 5, "reshape": 7, "roll": 17, "round": 1, "round.decimals_0": 3,
    "round.decimals_3": 3, "round.decimals_neg_3": 3, "rsqrt": 3, "rsub": 11, "scatter": 7,
    "scatter_add": 6, "select": 6, "sigmoid": 3, "sign": 1, "sin": 1, "sinh": 1, "softmax": 6, "sort": 55,
    "split": 2, "split.list_args": 3, "split_with_sizes": 4, "sqrt": 1, "square": 3, "squeeze": 8,
    "squeeze.multiple": 6, "stack": 9, "std": 14, "std.unbiased": 2, "sub": 11, "sum": 20, "t": 3,
    "take": 10, "take_along_dim": 5, "tan": 1, "tanh": 1, "tensor_split": 10, "tensordot": 3, "tile": 28,
    "topk": 7, "trace": 5, "transpose": 8, "tril": 8, "triu": 8, "true_divide": 9, "trunc": 1, "unbind": 6,
    "unsqueeze": 9, "var": 14, "var.unbiased": 2, "view": 7, "where": 6,
}  # fmt: skip
ERRORS = {
    "amax": 7, "amin": 7, "cat": 14, "diagonal": 6, "dot": 3, "fliplr": 1, "flipud": 1, "gather": 8,
    "index_select": 1, "linalg.diagonal": 6, "masked_select": 3, "movedim": 9, "neg": 1,
    "nn.functional.gelu": 1, "nn.functional.hardtanh": 1, "nn.functional.hinge_embedding_loss": 1,
    "nn.functional.huber_loss": 3, "nn.functional.l1_loss": 2, "nn.functional.margin_ranking_loss": 2,
    "nn.functional.soft_margin_loss": 2, "reshape": 8, "roll": 2, "scatter": 3, "scatter_add": 3, "take": 3,
    "trace": 1, "tril": 1, "triu": 1, "unbind": 2, "view": 8,
}  # fmt: skip
