from collections.abc import Sequence
from typing import Any

from numpy.typing import DTypeLike, NDArray

from eckart._native import _T, _IndexArray, _OffsetArray

_Pair = Sequence[int]  # rows, columns
_Margins = Sequence[int]  # top, left, bottom, right

def empty(shape: Sequence[int], dtype: DTypeLike) -> NDArray[Any]: ...
def pool_statistics() -> dict[str, int]: ...
def release_memory() -> None: ...
def copy(source: NDArray[_T], to: NDArray[_T] | None, threads: int) -> NDArray[_T]: ...
def add(x: NDArray[_T], b: NDArray[_T], sums: NDArray[_T] | None, threads: int) -> NDArray[_T]: ...
def sum_leading(
    x: NDArray[_T], shape: Sequence[int], sums: NDArray[_T] | None, threads: int
) -> NDArray[_T]: ...
def take(x: NDArray[_T], ids: _OffsetArray, axis: int, threads: int) -> NDArray[_T]: ...
def take_backward(dy: NDArray[_T], ids: _OffsetArray, axis: int, rows: int, threads: int) -> NDArray[_T]: ...
def paired_loss(
    loss: str, x: NDArray[_T], target: NDArray[_T], delta: float, mean: bool, threads: int
) -> tuple[NDArray[_T], NDArray[_T]]: ...
def matmul(a: NDArray[_T], b: NDArray[_T], threads: int) -> NDArray[_T]: ...
def linear(
    x: NDArray[_T], weight: NDArray[_T], bias: NDArray[_T] | None, activation: str, threads: int
) -> NDArray[_T]: ...
def linear_backward(
    x: NDArray[_T],
    weight: NDArray[_T],
    dy: NDArray[_T],
    y: NDArray[_T] | None,
    activation: str,
    needs: Sequence[bool],
    dw: NDArray[_T] | None,
    db: NDArray[_T] | None,
    threads: int,
) -> tuple[NDArray[_T] | None, NDArray[_T] | None, NDArray[_T] | None]: ...
def conv2d(
    x: NDArray[_T],
    weight: NDArray[_T],
    bias: NDArray[_T] | None,
    stride: _Pair,
    padding: _Margins,
    dilation: _Pair,
    groups: int,
    activation: str,
    threads: int,
) -> NDArray[_T]: ...
def conv2d_transposed(
    dy: NDArray[_T],
    weight: NDArray[_T],
    bias: NDArray[_T] | None,
    shape: Sequence[int],
    stride: _Pair,
    padding: _Margins,
    dilation: _Pair,
    groups: int,
    activation: str,
    threads: int,
) -> NDArray[_T]: ...
def conv2d_backward(
    x: NDArray[_T],
    weight: NDArray[_T],
    dy: NDArray[_T],
    y: NDArray[_T] | None,
    stride: _Pair,
    padding: _Margins,
    dilation: _Pair,
    groups: int,
    activation: str,
    needs: Sequence[bool],
    dw: NDArray[_T] | None,
    db: NDArray[_T] | None,
    threads: int,
    own_bias: bool = ...,
) -> tuple[NDArray[_T] | None, NDArray[_T] | None, NDArray[_T] | None]: ...
def local2d(
    x: NDArray[_T],
    weight: NDArray[_T],
    bias: NDArray[_T] | None,
    stride: _Pair,
    padding: _Margins,
    dilation: _Pair,
    activation: str,
    threads: int,
) -> NDArray[_T]: ...
def local2d_backward(
    x: NDArray[_T],
    weight: NDArray[_T],
    dy: NDArray[_T],
    y: NDArray[_T] | None,
    stride: _Pair,
    padding: _Margins,
    dilation: _Pair,
    activation: str,
    needs: Sequence[bool],
    dw: NDArray[_T] | None,
    db: NDArray[_T] | None,
    threads: int,
) -> tuple[NDArray[_T] | None, NDArray[_T] | None, NDArray[_T] | None]: ...
def max_pool2d(
    x: NDArray[_T],
    kernel: _Pair,
    stride: _Pair,
    padding: _Pair,
    dilation: _Pair,
    ceil: bool,
    threads: int,
    rectify: bool = False,
) -> tuple[NDArray[_T], _IndexArray]: ...
def max_pool2d_backward(dy: NDArray[_T], places: _IndexArray, shape: _Pair, threads: int) -> NDArray[_T]: ...
def avg_pool2d(
    x: NDArray[_T],
    kernel: _Pair,
    stride: _Pair,
    padding: _Pair,
    ceil: bool,
    include_padding: bool,
    threads: int,
    divisor: int = 0,
) -> NDArray[_T]: ...
def avg_pool2d_backward(
    dy: NDArray[_T],
    shape: _Pair,
    kernel: _Pair,
    stride: _Pair,
    padding: _Pair,
    ceil: bool,
    include_padding: bool,
    threads: int,
    divisor: int = 0,
) -> NDArray[_T]: ...
def adaptive_avg_pool2d(x: NDArray[_T], size: _Pair, threads: int) -> NDArray[_T]: ...
def adaptive_avg_pool2d_backward(dy: NDArray[_T], shape: _Pair, threads: int) -> NDArray[_T]: ...
def attention(
    query: NDArray[_T],
    key: NDArray[_T],
    value: NDArray[_T],
    mask: NDArray[_T] | None,
    scale: float,
    causal: bool,
    threads: int,
) -> tuple[NDArray[_T], NDArray[_T]]: ...
def attention_backward(
    query: NDArray[_T],
    key: NDArray[_T],
    value: NDArray[_T],
    mask: NDArray[_T] | None,
    y: NDArray[_T],
    lse: NDArray[_T],
    dy: NDArray[_T],
    scale: float,
    causal: bool,
    threads: int,
    dquery: NDArray[_T] | None = None,
    dkey: NDArray[_T] | None = None,
    dvalue: NDArray[_T] | None = None,
) -> tuple[NDArray[_T], NDArray[_T], NDArray[_T]]: ...
def elementwise(function: str, x: NDArray[_T], threads: int) -> NDArray[_T]: ...
def elementwise_backward(
    function: str, x: NDArray[_T], y: NDArray[_T], dy: NDArray[_T], threads: int
) -> NDArray[_T]: ...
def softmax(x: NDArray[_T], logarithm: bool, threads: int) -> NDArray[_T]: ...
def softmax_backward(y: NDArray[_T], dy: NDArray[_T], logarithm: bool, threads: int) -> NDArray[_T]: ...
def cross_entropy(
    logits: NDArray[_T],
    target: _OffsetArray,
    weight: NDArray[_T] | None,
    ignore_index: int,
    smoothing: float,
    mean: bool,
    threads: int,
) -> tuple[NDArray[_T], NDArray[_T], NDArray[_T]]: ...
def embedding(ids: _OffsetArray, weight: NDArray[_T], threads: int) -> NDArray[_T]: ...
def embedding_backward(
    ids: _OffsetArray, dy: NDArray[_T], rows: int, dweight: NDArray[_T] | None, threads: int
) -> NDArray[_T]: ...
def dropout(x: NDArray[_T], p: float, stream: _OffsetArray, threads: int) -> NDArray[_T]: ...
def pad(x: NDArray[_T], widths: Sequence[tuple[int, int]], value: float, threads: int) -> NDArray[_T]: ...
def count(counter: _OffsetArray, threads: int) -> _OffsetArray: ...
def approach(average: NDArray[_T], now: NDArray[_T], share: float, scale: float, threads: int) -> None: ...
def layer_norm(
    x: NDArray[_T],
    weight: NDArray[_T] | None,
    bias: NDArray[_T] | None,
    eps: float,
    centered: bool,
    threads: int,
) -> tuple[NDArray[_T], NDArray[_T], NDArray[_T]]: ...
def layer_norm_backward(
    x: NDArray[_T],
    weight: NDArray[_T] | None,
    mean: NDArray[_T],
    inverse: NDArray[_T],
    dy: NDArray[_T],
    centered: bool,
    needs: Sequence[bool],
    dweight: NDArray[_T] | None,
    dbias: NDArray[_T] | None,
    threads: int,
) -> tuple[NDArray[_T] | None, NDArray[_T] | None, NDArray[_T] | None]: ...
def channel_moments(x: NDArray[_T], threads: int) -> tuple[NDArray[_T], NDArray[_T]]: ...
def batch_norm(
    x: NDArray[_T],
    mean: NDArray[_T],
    variance: NDArray[_T],
    weight: NDArray[_T] | None,
    bias: NDArray[_T] | None,
    eps: float,
    rectified: bool,
    threads: int,
) -> NDArray[_T]: ...
def batch_norm_backward(
    x: NDArray[_T],
    y: NDArray[_T],
    mean: NDArray[_T],
    variance: NDArray[_T],
    weight: NDArray[_T] | None,
    dy: NDArray[_T],
    eps: float,
    rectified: bool,
    fixed: bool,
    needs: Sequence[bool],
    dweight: NDArray[_T] | None,
    dbias: NDArray[_T] | None,
    threads: int,
) -> tuple[NDArray[_T] | None, NDArray[_T] | None, NDArray[_T] | None]: ...
def group_norm(
    x: NDArray[_T],
    groups: int,
    weight: NDArray[_T] | None,
    bias: NDArray[_T] | None,
    eps: float,
    threads: int,
) -> tuple[NDArray[_T], NDArray[_T], NDArray[_T]]: ...
def group_norm_backward(
    x: NDArray[_T],
    groups: int,
    mean: NDArray[_T],
    inverse: NDArray[_T],
    weight: NDArray[_T] | None,
    dy: NDArray[_T],
    needs: Sequence[bool],
    dweight: NDArray[_T] | None,
    dbias: NDArray[_T] | None,
    threads: int,
) -> tuple[NDArray[_T] | None, NDArray[_T] | None, NDArray[_T] | None]: ...
def response_norm(
    x: NDArray[_T], window: int, alpha: float, beta: float, k: float, threads: int
) -> tuple[NDArray[_T], NDArray[_T]]: ...
def response_norm_backward(
    x: NDArray[_T],
    y: NDArray[_T],
    d: NDArray[_T],
    dy: NDArray[_T],
    window: int,
    alpha: float,
    beta: float,
    k: float,
    threads: int,
) -> NDArray[_T]: ...
def sgd_step(
    parameters: NDArray[_T],
    gradient: NDArray[_T],
    velocity: NDArray[_T] | None,
    lr: float,
    momentum: float,
    keep: float,
    direct: float,
    carried: float,
    sign: float,
    decay: float,
    threads: int,
) -> None: ...
def heavy_ball_step(
    parameters: NDArray[_T],
    gradient: NDArray[_T],
    last: NDArray[_T],
    lr: float,
    momentum: float,
    sign: float,
    decay: float,
    threads: int,
) -> None: ...
def nesterov_step(
    parameters: NDArray[_T],
    gradient: NDArray[_T],
    last: NDArray[_T],
    lr: float,
    momentum: float,
    sign: float,
    decay: float,
    threads: int,
) -> None: ...
def extragradient_step(
    parameters: NDArray[_T],
    gradient: NDArray[_T],
    origin: NDArray[_T],
    lr: float,
    sign: float,
    decay: float,
    threads: int,
) -> None: ...
def adagrad_step(
    parameters: NDArray[_T],
    gradient: NDArray[_T],
    squares: NDArray[_T],
    lr: float,
    eps: float,
    sign: float,
    decay: float,
    threads: int,
) -> None: ...
def rmsprop_step(
    parameters: NDArray[_T],
    gradient: NDArray[_T],
    squares: NDArray[_T],
    mean: NDArray[_T] | None,
    velocity: NDArray[_T] | None,
    lr: float,
    alpha: float,
    eps: float,
    momentum: float,
    sign: float,
    decay: float,
    threads: int,
) -> None: ...
def adam_step(
    parameters: NDArray[_T],
    gradient: NDArray[_T],
    mean: NDArray[_T],
    squares: NDArray[_T],
    largest: NDArray[_T] | None,
    lr: float,
    beta1: float,
    beta2: float,
    eps: float,
    root_scale: float,
    shrink: float,
    sign: float,
    decay: float,
    threads: int,
) -> None: ...
def average_step(average: NDArray[_T], parameters: NDArray[_T], rate: float, threads: int) -> None: ...
def sum_of_squares(arrays: list[NDArray[_T]], threads: int) -> float: ...
def multiply_all(arrays: list[NDArray[_T]], factor: float, threads: int) -> None: ...
def begin_recording() -> None: ...
def end_recording() -> object: ...
def replay(recording: object, threads: int) -> None: ...
def recorded_kernels(recording: object) -> int: ...
