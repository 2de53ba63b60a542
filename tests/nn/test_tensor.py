"""The engine: what it remembers, what it computes on the way back and what not."""

import subprocess
import sys
import threading

import numpy as np
import pytest

from eckart.nn import Tensor, detect_anomaly, grad, no_grad, ops
from eckart.nn.tensor import RULES, Rule, apply


def leaf(*values, dtype=None):
    return Tensor(list(values), requires_grad=True, dtype=dtype)


@pytest.fixture
def rule():
    """Enter a rule for one test."""
    names = []

    def enter(name, forward, backward):
        RULES[name] = Rule(name, forward, backward)
        names.append(name)

    yield enter
    for name in names:
        del RULES[name]


def test_types():
    """Lists become float32 and keep integers; arrays keep what they are."""
    assert Tensor([1.0, 2.0]).dtype == np.float32
    assert Tensor([1, 2]).dtype.kind == "i"
    assert Tensor(np.ones(2)).dtype == np.float64
    assert Tensor([1.0], dtype=np.float64).dtype == np.float64
    with pytest.raises(ValueError, match="requires_grad: expected floating point, got a tensor of int64"):
        Tensor(np.arange(3, dtype=np.int64), requires_grad=True)


def test_gradients_add_up_over_paths_and_passes():
    """A tensor used twice gets both contributions, and a second pass adds to the first."""
    x = leaf(1.0, 2.0)
    for n in (1, 2):
        (x * x + x + x).sum().backward()
        np.testing.assert_array_equal(x.grad, n * (2 * x.data + 2))


def test_gradients_are_arrays_of_their_own():
    """Changing one gradient in place (clipping) does not change another, nor the caller's array."""
    a, b, g = leaf(1.0, 2.0), leaf(3.0, 4.0), np.ones(2, np.float32)
    (a + b).backward(g)
    a.grad *= 5
    np.testing.assert_array_equal(b.grad, [1, 1])
    np.testing.assert_array_equal(g, [1, 1])
    left, right = grad(a + b, [a, b], g)
    left *= 5
    np.testing.assert_array_equal(right, [1, 1])
    (total,) = grad(a.sum(), [a])
    total *= 2  # not a read-only view of a broadcast number


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_buffers(dtype, rule):
    """An optimiser's buffer receives the gradient, over shared uses and several passes."""
    x = leaf(1.0, 2.0, dtype=dtype)
    given = []

    def backward(step, g):
        target = step.target(0)
        given.append(target)
        return [np.multiply(g, 3, out=target)]

    rule("triple", lambda a: a * 3, backward)
    x.buffer = np.full(2, np.nan, dtype)
    for n in (1, 2):
        (x + apply("triple", x) + apply("triple", x)).sum().backward()
        assert x.grad is x.buffer
        np.testing.assert_array_equal(x.grad, np.full(2, 7 * n))
    assert [t is x.buffer for t in given] == [True, False, False, False]


def test_chosen_inputs_only(rule):
    """An attack on an input computes nothing for the weights, and leaves their gradients alone."""

    def backward(step, g):
        assert step.needs == [True, False]
        return [g * step.arrays[1], None]

    rule("weigh", lambda a, b: a * b, backward)
    x, w, other = leaf(1.0, 2.0), leaf(3.0, 4.0), leaf(1.0)
    middle = x * 1
    wasted = ops.function(np.exp, lambda step, g: pytest.fail("a rule that leads nowhere was called"))(w)
    loss = apply("weigh", middle, w).sum() + wasted.sum()
    at_x, at_middle, at_other = grad(loss, [x, middle, other], retain_graph=True)
    np.testing.assert_array_equal(at_x, [3, 4])
    np.testing.assert_array_equal(at_middle, [3, 4])
    np.testing.assert_array_equal(at_other, [0])
    assert x.grad is w.grad is None
    np.testing.assert_array_equal(grad(loss, [middle])[0], [3, 4])  # and not beyond it


def test_chosen_inputs_may_be_one():
    """A tensor alone is not taken for the list of its rows."""
    x = leaf(1.0, 2.0)
    (found,) = grad((x * x).sum(), x)
    np.testing.assert_array_equal(found, [2, 4])


def test_retained_and_freed_graphs():
    """A graph is walked once, and lets go of its arrays; retain_graph keeps it."""
    x = leaf(1.0, 2.0)
    y = (x * x).sum()
    y.backward(retain_graph=True)
    y.backward()
    np.testing.assert_array_equal(x.grad, 4 * x.data)
    with pytest.raises(RuntimeError, match=r"the graph behind .* was walked before"):
        y.backward()


def test_backward_asks_for_what_it_needs():
    """No gradient of a constant, none of the wrong shape, none to guess for many numbers."""
    x = leaf(1.0, 2.0)
    with pytest.raises(RuntimeError, match="requires_grad=True"):
        Tensor([1.0]).backward()
    with pytest.raises(ValueError, match=r"expected one for a tensor of shape \(2,\), got None"):
        (x * 2).backward()
    with pytest.raises(ValueError, match=r"expected shape \(2,\), got \(3,\)"):
        (x * 2).backward(np.ones(3))
    x.backward(np.array([2.0, 3.0]))
    np.testing.assert_array_equal(x.grad, [2, 3])


def test_no_grad():
    """Updates and evaluation are not remembered, as a block and as a decorator, also after an error."""
    x = leaf(1.0)
    with no_grad():
        assert (x * 2).step is None
    with pytest.raises(ValueError, match="matmul"), no_grad():
        x @ leaf(1.0, 2.0)
    assert (x * 2).requires_grad
    assert not no_grad()(lambda: x * 2)().requires_grad
    assert (x.detach() * 2).step is None


def test_no_grad_is_of_one_thread():
    """Evaluation in one thread does not stop training in another."""
    x, inside, seen = leaf(1.0), threading.Event(), []
    done = threading.Event()

    def evaluate():
        with no_grad():
            inside.set()
            done.wait(10)

    thread = threading.Thread(target=evaluate)
    thread.start()
    inside.wait(10)
    seen.append((x * 2).requires_grad)
    done.set()
    thread.join()
    assert seen == [True]


def test_anomaly_names_the_operation():
    """A NaN is reported where it is born, forwards and backwards, with the line that made the step."""
    x = leaf(0.0, 1.0)
    with detect_anomaly(), np.errstate(all="ignore"):
        with pytest.raises(FloatingPointError, match=r"the output of log holds -inf at \(0,\), shape \(2,\)"):
            ops.log(x)
        y = ops.sqrt(x).sum()
        with pytest.raises(
            FloatingPointError, match=r"the gradient of sqrt holds inf at \(0,\)[\s\S]*test_tensor"
        ):
            y.backward()
    with np.errstate(all="ignore"):
        assert np.isneginf(ops.log(x).data[0])


def test_deep_graphs():
    """A chain as long as a training run of a recurrent network is walked without recursion."""
    x = leaf(1.0)
    y = x
    for _ in range(20_000):
        y = y + 1
    y.backward()
    assert x.grad[0] == 1


def test_numbers_out():
    """A loss prints, and converts to Python's numbers."""
    y = leaf(2.0) * 3
    assert repr(y) == "Tensor([6.], made by multiply)"
    assert repr(leaf(2.0)) == "Tensor([2.], requires_grad=True)"
    assert (float(y), int(y), y.item(), bool(y > 5), len(y), y.ndim, y.size) == (6, 6, 6, True, 1, 1, 1)
    with pytest.raises(ValueError, match="size 1"):
        leaf(1.0, 2.0).item()


def test_import_is_cheap():
    """`import eckart.nn` brings no SciPy, scikit-learn or pandas along: it stays under 200 ms."""
    heavy = "('scipy', 'sklearn', 'pandas')"
    code = f"import sys, eckart.nn.functional; print([m for m in sys.modules if m in {heavy}])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.strip().endswith("[]")


def test_gradients_belong_to_their_leaf_alone():
    """Arrays that native code made are handed on without a copy: never one to two leaves, or twice."""
    x, a, b = (Tensor(np.ones((40, 50), np.float32), requires_grad=True) for _ in range(3))
    given = ops.add(x, x).data  # native memory that the caller holds
    ops.add(a, b).backward(given)
    assert not any(np.shares_memory(*pair) for pair in ((a.grad, b.grad), (a.grad, given), (b.grad, given)))
    y = ops.tanh(ops.add(a, b))
    first = grad(y, [a, b], given, retain_graph=True)
    second = grad(y, [a, b], given)
    arrays = [*first, *second]
    assert not any(np.shares_memory(p, q) for i, p in enumerate(arrays) for q in arrays[:i])
    np.testing.assert_array_equal(first[0], second[1])
