"""Every operation that eckart shares with PyTorch against PyTorch's own samples (`op_db`), in float64.

COUNTS says how many samples of each operation (and variant) ran: one that stops running fails. What does
not run is a feature that eckart does not have; `op_db_table` and `op_db_layers` name it where it is met.
"""

import warnings

import numpy as np
import pytest
from tests.nn import op_db_table as table
from tests.nn.op_db_layers import LAYER_COUNTS, LAYER_ERRORS, LAYERS
from tests.nn.op_db_table import VARIANTS, Absent

from eckart.nn import Tensor, grad

pytestmark = pytest.mark.peers


def functional(found):
    return {f"nn.functional.{name}": value for name, value in found.items()}


OURS = table.OURS | functional(LAYERS)
COUNTS = table.COUNTS | functional(LAYER_COUNTS)
ERRORS = table.ERRORS | functional(LAYER_ERRORS)
ROUNDED = {"nn.functional.hardsigmoid": 1e-7}  # PyTorch's derivative is a sixth in single precision


@pytest.fixture(scope="module")
def torch():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("torch", reason="PyTorch, whose samples these are, is not installed")


@pytest.fixture(scope="module")
def database(torch):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from torch.testing._internal.common_methods_invocations import op_db
    return {f"{op.name}.{op.variant_test_name}".rstrip("."): op for op in op_db}


def ours_of(name, op):
    return VARIANTS.get(name) or OURS[op.name]


def samples_of(generator, **options):
    import torch

    torch.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return list(generator("cpu", **options))


def converted(value, tensors):
    """A sample's argument for eckart; float tensors are also appended to `tensors`, beside PyTorch's."""
    import torch

    if isinstance(value, torch.Tensor):
        array = value.detach().numpy().copy()
        if array.dtype.kind != "f":
            return array
        tensors.append((value, Tensor(array, requires_grad=value.requires_grad)))
        return tensors[-1][1]
    if isinstance(value, (list, tuple)):
        return (list if type(value) is list else tuple)([converted(v, tensors) for v in value])
    if isinstance(value, dict):
        return {k: converted(v, tensors) for k, v in value.items()}
    if isinstance(value, (torch.dtype, torch.memory_format, complex)):
        raise Absent("dtype, memory_format, complex numbers")
    return value


def outputs_of(result):
    """The tensors of an answer; of values with their places, the values."""
    if hasattr(result, "indices") and isinstance(result, tuple):
        return [result.values]
    return list(result) if isinstance(result, (tuple, list)) else [result]


def compare(op, ours, sample, rtol):
    """Compare the outputs, and the product of each output's derivatives with a random vector."""
    tensors = []
    input_, args, options = converted((sample.input, sample.args, sample.kwargs), tensors)
    with np.errstate(all="ignore"):
        found = outputs_of(ours(input_, *args, **options))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = outputs_of(op.op(sample.input, *sample.args, **sample.kwargs))
    for y, reference in zip(found, expected, strict=True):
        assert np.shape(y) == tuple(reference.shape)
        np.testing.assert_allclose(np.asarray(y), reference.detach().numpy(), rtol=1e-9, atol=1e-11)
    compare_derivatives(found, expected, [(t, x) for t, x in tensors if t.requires_grad], rtol)


def compare_derivatives(found, expected, tensors, rtol):
    import torch

    pairs = [(y, r) for y, r in zip(found, expected, strict=True) if r.requires_grad]
    assert all(y.requires_grad for y, _ in pairs)
    if not pairs or not tensors:
        return
    theirs, mine = zip(*tensors, strict=True)
    vectors = [torch.randn_like(r) for _, r in pairs]
    references = torch.autograd.grad([r for _, r in pairs], theirs, vectors, allow_unused=True)
    totals = [np.zeros(x.shape) for x in mine]
    with np.errstate(all="ignore"):
        for (y, _), v in zip(pairs, vectors, strict=True):
            for total, g in zip(totals, grad(y, mine, v.numpy(), retain_graph=True), strict=True):
                total += g
    for total, reference in zip(totals, references, strict=True):
        reference = np.zeros(total.shape) if reference is None else reference.numpy()
        np.testing.assert_allclose(total, reference, rtol=rtol, atol=rtol / 10)


@pytest.mark.parametrize("name", COUNTS)
def test_samples(name, database, torch):
    """A network moved from PyTorch computes the same numbers and the same gradients."""
    op = database[name]
    ran = 0
    for sample in samples_of(op.sample_inputs, dtype=torch.float64, requires_grad=op.supports_autograd):
        try:
            compare(op, ours_of(name, op), sample, ROUNDED.get(name, 1e-9))
        except Absent:
            continue
        ran += 1
    assert ran == COUNTS[name]


def test_covers_the_shared_operations(database):
    """The table is not allowed to shrink, and every operation in it has samples that ran."""
    assert set(OURS) == {database[name].name for name in COUNTS}
    assert len(OURS) >= 185
    assert sum(COUNTS.values()) >= 2900
    assert all(COUNTS.values())


@pytest.mark.parametrize("name", ERRORS)
def test_errors(name, database):
    """What PyTorch refuses for its shape or value, eckart refuses too, and computes nothing else."""
    op = database[name]
    refused = 0
    for error in samples_of(op.error_inputs):
        sample = error.sample_input
        try:
            input_, args, options = converted((sample.input, sample.args, sample.kwargs), [])
            with np.errstate(all="ignore"):
                ours_of(name, op)(input_, *args, **options)
        except (Absent, ValueError, TypeError, IndexError) as raised:
            refused += not isinstance(raised, Absent)
    assert refused == ERRORS[name]
