"""Every rule of the table against finite differences, without PyTorch, and what tensors take and refuse."""

import numpy as np
import pytest

from eckart.nn import Tensor, grad, gradcheck, ops
from eckart.nn.functional import activations
from eckart.nn.tensor import RULES

RNG = np.random.default_rng(0)
X = RNG.uniform(0.2, 0.9, (3, 4))  # within every domain
SIGNED = RNG.permutation(np.linspace(-2.03, 2.11, 12)).reshape(3, 4)  # distinct, off the kinks
ROW, COLUMN = RNG.uniform(0.2, 0.9, 4), RNG.uniform(1.2, 1.9, (3, 1))
INDEX = np.array([[0, 1, 1, 0], [2, 1, 0, 0]])
VALUES = RNG.standard_normal((2, 4))
C = SIGNED > 0

ANYWHERE = ["abs", "arctan", "ceil", "cos", "cosh", "exp", "exp2", "expm1", "floor", "negate", "sigmoid",
"sign", "sin",
            "sinh", "square", "tanh", "trunc", "arcsinh", "erf", "round"]  # fmt: skip
POSITIVE = [
    "log",
    "log10",
    "log1p",
    "log2",
    "reciprocal",
    "rsqrt",
    "sqrt",
    "tan",
    "arcsin",
    "arccos",
    "arctanh",
]
PAIRS = [
    "add",
    "subtract",
    "multiply",
    "divide",
    "power",
    "arctan2",
    "hypot",
    "logaddexp",
    "maximum",
    "minimum",
]
CASES = {
    **{n: [(getattr(ops, n), [SIGNED])] for n in ANYWHERE},
    **{n: [(getattr(ops, n), [X])] for n in POSITIVE},
    **{n: [(getattr(ops, n), pair) for pair in ([X, COLUMN], [COLUMN, X], [ROW, X], [X, X[0,
    0] + 0.01])] for n in PAIRS},
    "arccosh": [(ops.arccosh, [1 + X])],
    "astype": [(lambda x: ops.astype(x, np.float64), [X])],
    "clip": [(lambda x: ops.clip(x, -1, 0.5), [SIGNED]), (lambda x: ops.clip(x, min=-1), [SIGNED])],
    "where": [(lambda a, b: ops.where(C, a, b), [X, ROW]), (lambda a, b: ops.where(C, a, b), [COLUMN, X])],
    "matmul": [(ops.matmul, [RNG.random(a), RNG.random(b)]) for a, b in (
        ((4,), (4,)), ((3, 4), (4,)), ((4,), (4, 2)), ((3, 4), (4, 2)), ((2, 3, 4), (4, 5)), ((3, 4), (2,
        4, 5)),
        ((2, 3, 4), (2, 4, 1)), ((1, 3, 4), (2, 4, 5)), ((4,), (2, 4, 5)), ((2, 3, 4), (4,)), ((2, 1, 3,
        4), (5, 4, 2)))],
    **{n: [(lambda x, n=n, a=a, k=k: getattr(ops, n)(x, axis=a, keepdims=k), [SIGNED])
           for a in (None, 0, -1, (0, 1)) for k in (False, True)]
       for n in ("sum", "mean", "max", "min", "prod", "var", "std", "logsumexp")},
    "norm": [(lambda x, o=o: ops.norm(x, o, 1), [SIGNED]) for o in (1, 2, 3.5)],
    "cumsum": [(lambda x, a=a: ops.cumsum(x, a), [X]) for a in (0, -1)],
    "cumprod": [(lambda x, a=a: ops.cumprod(x, a), [SIGNED * C]) for a in (0, -1)],
    "reshape": [(lambda x: ops.reshape(x, (2, -1)), [X])],
    "squeeze": [(ops.squeeze, [COLUMN]), (lambda x: ops.squeeze(x, -1), [COLUMN])],
    "expand_dims": [(lambda x: ops.expand_dims(x, -1), [X])],
    "transpose": [(ops.transpose, [X]), (lambda x: ops.transpose(x, (2, 0, -2)), [RNG.random((2, 3, 4))])],
    "swapaxes": [(lambda x: ops.swapaxes(x, 0, -1), [RNG.random((2, 3, 4))])],
    "moveaxis": [(lambda x: ops.moveaxis(x, 0, -1), [RNG.random((2, 3, 4))])],
    "broadcast_to": [(lambda x: ops.broadcast_to(x, (2, 3, 4)), [COLUMN])],
    "flip": [(lambda x: ops.flip(x, 0), [X]), (ops.flip, [X])],
    "take": [(lambda x: ops.take(x, [0, -1, 0], 0), [X]), (lambda x: ops.take(x, [1, 2, 1, 1], -1), [X])],
    "roll": [(lambda x: ops.roll(x, 2), [X]), (lambda x: ops.roll(x, (1, -1), (0, 1)), [X])],
    "tril": [(lambda x: ops.tril(x, 1), [X])],
    "triu": [(lambda x: ops.triu(x, -1), [X])],
    "getitem": [(lambda x, i=i: x[i], [X]) for i in (
        0, -1, slice(None, None, 2), (..., 1), (None, slice(1), [1, 1, 3]), [0, 0, 2], C, np.array(2), ([0,
        0], [1, 1]))],
    "scatter": [(lambda x, v: ops.scatter(x, [[0, 1, 1, 0]], v, 0), [X, VALUES[:1]]),
                (lambda x, v: ops.scatter_add(x, INDEX, v, 0), [X, VALUES])],
    "concatenate": [(lambda a, b: ops.concatenate([a, b, a], 1), [X, COLUMN])],
    "pad": [(lambda x: ops.pad(x, [(1, 2), (0, 1)], value=3), [X])],
    "relu": [(activations.relu, [SIGNED])],
    "gelu": [(lambda x, a=a: activations.gelu(x, approximate=a), [SIGNED]) for a in ("none", "tanh")],
    **{n: [(getattr(activations, n), [SIGNED])] for n in (
        "elu", "hardsigmoid", "hardswish", "hardtanh", "leaky_relu", "log_softmax", "logsigmoid", "mish",
        "relu6",
        "selu", "silu", "softmax", "softplus", "softsign")},
}  # fmt: skip
WITHOUT_GRADIENT = {"equal", "greater", "greater_equal", "isfinite", "isinf", "isnan", "less", "less_equal",
                    "logical_and", "logical_not", "logical_or", "not_equal"}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_rule_against_finite_differences(name):
    """Each local derivative is the slope of its operation, broadcast both ways, along every kind of axis."""
    for f, inputs in CASES[name]:
        gradcheck(f, inputs, tol=1e-6)


def test_no_rule_is_left_out():
    """A new operation of the table needs a case above."""
    ours = {n for n in RULES if hasattr(ops, n) or hasattr(activations, n)}
    assert ours == set(CASES) | WITHOUT_GRADIENT


COMPOSED = {
    "chunk": lambda x: sum(c.sum() * i for i, c in enumerate(ops.chunk(x, 3, 1))),
    "diagonal": lambda x: ops.diagonal(x, 1),
    "einsum": lambda x: ops.einsum("ij,kj,j->ki", x, x, x[0]),
    "einsum, ellipsis": lambda x: ops.einsum("...j,jk->...k", x, x.T),
    "flatten": lambda x: ops.flatten(x.reshape(3, 2, 2), 1),
    "gather": lambda x: ops.gather(x, INDEX, 0),
    "glu": activations.glu,
    "masked_fill": lambda x: ops.masked_fill(x, C, -1),
    "outer": lambda x: ops.outer(x[0], x[1]),
    "pad, reflect": lambda x: ops.pad(x, [(1, 1), (2, 0)], "reflect"),
    "repeat": lambda x: ops.repeat(x, [1, 0, 2], 0),
    "sort": lambda x: ops.sort(x, 0, descending=True)[0],
    "split": lambda x: ops.split(x, [1, 3], 1)[1] * ops.split(x, 2, 1)[0],
    "stack": lambda x: ops.stack([x, x * 2], 1),
    "take": lambda x: ops.take(x, [1, 1, 0], 1) + ops.take(x, [5, 5, 0]),
    "take_along_axis": lambda x: ops.take_along_axis(x, [[1], [0], [1]], 1),
    "tensordot": lambda x: ops.tensordot(x, x, ([0], [0])) + ops.tensordot(x, x.T, 1).sum(),
    "tile": lambda x: ops.tile(x, (2, 1, 2)),
    "topk": lambda x: ops.topk(x, 2, 0)[0] - ops.topk(x, 2, 0, largest=False)[0],
    "trace": ops.trace,
}


@pytest.mark.parametrize("name", COMPOSED)
def test_composition_against_finite_differences(name):
    """What is said in terms of other operations inherits right derivatives."""
    gradcheck(COMPOSED[name], [X], tol=1e-6)


@pytest.mark.parametrize(
    ("subscripts", "shapes"),
    [
        ("ij,jk", [(2, 3), (3, 4)]), ("ii->i", [(3, 3)]), ("ii", [(3, 3)]), ("ij->", [(2, 3)]), ("ij->ji",
        [(2, 3)]),
        ("bij,bjk->bik", [(2, 3, 4), (2, 4, 5)]), ("i,j,k->kij", [(2,), (3,), (4,)]), ("ij,ij->i", [(2, 3),
        (2, 3)]),
        ("...ij,...jk->...ik", [(2, 1, 3, 4), (5, 4, 2)]), ("iij,jk->ik", [(2, 2, 3), (3, 4)]), (",i->i",
        [(), (3,)]),
        ("ij,j->j", [(2, 3), (1,)]), ("b...,...->b...", [(2, 3), (3,)]), ("ij,kl->", [(2, 3), (4, 5)]),
        ("ij,jk->ik", [(2, 0), (0, 4)]), ("...a,...b->ba...", [(5, 2), (5, 3)]),
    ],
)  # fmt: skip
def test_einsum_against_numpy(subscripts, shapes):
    """Diagonals, sums, batches, ellipses and lengths of one mean what they mean in NumPy."""
    operands = [RNG.standard_normal(s) for s in shapes]
    found = ops.einsum(subscripts, *map(Tensor, operands))
    expected = np.einsum(subscripts, *operands)
    assert found.shape == expected.shape
    np.testing.assert_allclose(found.data, expected, rtol=1e-12, atol=1e-14)


def test_ties_share():
    """The gradient of an extremum does not depend on the order of equal numbers."""
    x = Tensor([1.0, 3.0, 3.0, 2.0], requires_grad=True)
    np.testing.assert_array_equal(grad(x.max(), [x])[0], [0, 0.5, 0.5, 0])
    np.testing.assert_array_equal(grad(ops.minimum(x, 3.0).sum(), [x])[0], [1, 0.5, 0.5, 1])


def test_products_with_zeros():
    """Derivatives of a product are the products of the others, also where these are zero."""
    x = Tensor([2.0, 0.0, 3.0], requires_grad=True)
    np.testing.assert_array_equal(grad(ops.prod(x), [x])[0], [0, 6, 0])


def test_slices_are_views():
    """Cutting a batch or a head off costs nothing."""
    x = Tensor(np.zeros((4, 6)))
    for y in (x[1:3], x[:, ::2], x[2], x.T, x.reshape(2, 12), ops.split(x, 2, 1)[1]):
        assert np.shares_memory(x.data, y.data)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_numbers_take_the_type_of_the_tensor(dtype):
    """A constant, Python's or NumPy's, does not turn a float32 network into a float64 one."""
    x = Tensor(np.array([0.5, 2.0], dtype), requires_grad=True)
    results = [x + 1, 2 * x, 1 / x, x**0.5, x - np.float64(3), x**2, 2**x,
               ops.maximum(x, 0), ops.where(x > 1, x, 0.0), x.mean(), x.std(), ops.logsumexp(x),
               ops.sigmoid(x),
               ops.erf(x), ops.norm(x), ops.log2(x), ops.logaddexp(x, 0), x.max(), x @ x,
               ops.prod(x)]  # fmt: skip
    for y in results:
        assert y.dtype == dtype
        assert grad(y.sum(), [x])[0].dtype == dtype


@pytest.mark.parametrize("name", sorted(activations.__all__))
def test_activations_keep_the_type(name):
    """float32 in, float32 out and back, whatever constants a formula has."""
    x = Tensor(SIGNED.astype(np.float32), requires_grad=True)
    y = getattr(activations, name)(x)
    assert y.dtype == grad(y.sum(), [x])[0].dtype == np.float32


def test_arrays_both_ways():
    """Arrays and tensors mix on both sides of an operator, and NumPy reads tensors."""
    x, a = Tensor([1.0, 2.0], requires_grad=True), np.array([3.0, 4.0], dtype=np.float32)
    for y in (a + x, x + a, a * x, a @ x, a > x):
        assert isinstance(y, Tensor)
    np.testing.assert_array_equal(np.asarray(x * 2), [2, 4])
    assert np.asarray(x) is x.data
    assert np.array(x, dtype=np.float64).dtype == np.float64
    with pytest.raises(TypeError, match="Tensor"):
        np.exp(x)  # would lose the gradient


def test_comparisons_and_iteration():
    """Comparisons give tensors of truth values; a tensor is read like a list of its rows."""
    x = Tensor([[1.0, 2.0], [3.0, 4.0]])
    np.testing.assert_array_equal((x > 2).data, [[False, False], [True, True]])
    assert [row.data.tolist() for row in x] == [[1, 2], [3, 4]]
    assert bool((x == x).data.all())
    assert len({x, x}) == 1


ERRORS = [
    (lambda x: x + Tensor(np.ones(3)), ValueError, r"add: .*\(2, 4\) and \(3,\)"),
    (lambda x: x @ x, ValueError, r"matmul: .*\(2, 4\) and \(2, 4\)"),
    (lambda x: x.reshape(3, 3), ValueError, r"reshape: .*\(3,\s?3\).*\(2, 4\)"),
    (lambda x: x.sum(2), ValueError, r"sum: axis 2 .*\(2, 4\)"),
    (lambda x: x[5], IndexError, r"getitem: index 5 .*\(2, 4\)"),
    (lambda x: ops.concatenate([x, x.T]), ValueError, r"concatenate: .*\(2, 4\) and \(4, 2\)"),
    (lambda x: ops.split(x, 3, 1), ValueError, r"split: expected .* divides 4, got 3"),
    (lambda x: ops.gather(x, [0], 0), ValueError, r"index with 2 axes, got shape \(1,\)"),
    (lambda x: ops.topk(x, 9), ValueError, r"topk: expected k in \[0, 4\], got 9"),
    (lambda x: ops.einsum("ij,jk", x, x), ValueError, r"einsum: expected length 4 for 'j'.*got 2"),
    (lambda x: ops.einsum("ij->iz", x), ValueError, "einsum: expected an output"),
    (lambda x: ops.einsum("i", x), ValueError, "einsum: expected 1 axes"),
    (lambda x: ops.sum(x, 0, False, 1), TypeError, r"sum: expected 1 tensor\(s\).*got 4"),
    (lambda x: ops.exp(x, x), TypeError, r"exp: expected 1 tensor\(s\)"),
    (lambda x: ops.sum(x, dim=0), TypeError, r"sum: .*'dim'"),
    (lambda x: x.__setitem__(0, 1), TypeError, "cannot be changed in place"),
    (lambda x: activations.glu(x[:, :3]), ValueError, "glu: expected an even length"),
    (lambda x: activations.gelu(x, approximate="no"), ValueError, r"expected 'none' or 'tanh', got 'no'"),
]  # fmt: skip


@pytest.mark.parametrize(("f", "kind", "message"), ERRORS)
def test_errors_name_the_operation(f, kind, message):
    """A wrong shape is said at once, with the operation, what was expected and what came."""
    with pytest.raises(kind, match=message):
        f(Tensor(np.ones((2, 4), np.float32), requires_grad=True))


def test_own_function():
    """Anyone can add an operation: forward and backward on arrays; a wrong gradient is refused."""
    binarize = ops.function(np.sign, lambda step, gradient: [gradient])
    x = Tensor([-2.0, 3.0], requires_grad=True)
    (binarize(x) * np.array([5.0, 7.0], np.float32)).sum().backward()
    np.testing.assert_array_equal(x.grad, [5, 7])

    scale = ops.function(
        lambda a, b, *, by: (a * b * by, by), lambda step, g: [g * step.arrays[1] * step.saved, None]
    )
    gradcheck(lambda a: scale(a, Tensor(ROW), by=3.0), [X])
    wrong = ops.function(np.sign, lambda step, gradient: [gradient[:1]])
    with pytest.raises(
        ValueError, match=r"backward of sign: expected gradients of shapes \[\(2,\)\], got \[\(1,\)\]"
    ):
        wrong(x).sum().backward()
