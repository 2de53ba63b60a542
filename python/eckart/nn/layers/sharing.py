"""Dense, local and shared weights are one layer, y = W x + b, with a pattern in W.

A dense layer has a number of its own in every place of W (outputs x inputs). A locally connected layer has
zeros outside each output's window. A convolution has, besides, the same numbers in every window: on n inputs
and as many outputs with a kernel of 3, W has n², 3n - 2 and 3 free numbers. The functions here write out a
layer as one with less of a pattern that computes the same.
"""

import numpy as np

from eckart.nn.layers.convolution import Conv1d, Conv2d, Sizes, as_sizes
from eckart.nn.layers.dense import Linear
from eckart.nn.layers.local import LocallyConnected1d, LocallyConnected2d
from eckart.nn.tensor import Array


def as_local(layer: Conv1d | Conv2d, input_size: Sizes) -> LocallyConnected1d | LocallyConnected2d:
    """Return the locally connected layer that equals a convolution on images of this size.

    Groups become zeros in its weights. ValueError for padding by name.
    """
    if isinstance(layer.padding, str):
        raise ValueError(f"padding: expected numbers, got {layer.padding!r}")
    kernel = _whole_kernel(layer)
    kind = LocallyConnected2d if layer.axes == 2 else LocallyConnected1d
    local = kind(
        layer.in_channels, layer.out_channels, input_size, layer.kernel_size, layer.stride, layer.padding,
        layer.dilation, layer.bias is not None, random_state=0,
    ).to(layer.weight.dtype)  # fmt: skip
    local.weight.data[...] = kernel
    if layer.bias is not None:
        local.bias.data[...] = layer.bias.data
    return local


def as_dense(layer: Conv1d | Conv2d | LocallyConnected1d | LocallyConnected2d, input_size: Sizes) -> Linear:
    """Return the dense layer from flattened images (n, in h w) to flattened outputs that equals `layer`.

    ValueError for a local layer of another input size.
    """
    local = as_local(layer, input_size) if isinstance(layer, Conv1d | Conv2d) else layer
    sizes = as_sizes(input_size, local.axes, "input_size")
    if sizes != local.input_size:
        raise ValueError(f"input_size: expected {local.input_size} as the layer has, got {sizes}")
    matrix = _as_matrix(local)
    dense = Linear(matrix.shape[1], matrix.shape[0], local.bias is not None, random_state=0)
    dense.to(matrix.dtype).weight.data[...] = matrix
    if local.bias is not None:
        dense.bias.data[...] = np.moveaxis(local.bias.data, -1, 0).reshape(-1)
    return dense


def _whole_kernel(layer: Conv1d | Conv2d) -> Array:
    """Return the kernel (out, in, ...) with the zeros that groups stand for."""
    weight, groups = layer.weight.data, layer.groups
    whole = np.zeros((layer.out_channels, layer.in_channels, *layer.kernel_size), weight.dtype)
    n_out, n_in = layer.out_channels // groups, layer.in_channels // groups
    for g in range(groups):
        out, into = slice(g * n_out, (g + 1) * n_out), slice(g * n_in, (g + 1) * n_in)
        whole[out, into] = weight[out]
    return whole


def _as_matrix(local: LocallyConnected1d | LocallyConnected2d) -> Array:
    """Return W (out oh ow, in h w): each place's weights where its window stands."""
    axes, weight = local.axes, local.weight.data
    places = weight.shape[:axes]
    padded = [n + 2 * p for n, p in zip(local.input_size, local.padding, strict=True)]
    wide = np.zeros((local.out_channels, *places, local.in_channels, *padded), weight.dtype)
    for place in np.ndindex(*places):
        steps = zip(place, local.stride, local.dilation, local.kernel_size, strict=True)
        window = tuple([slice(i * s, i * s + d * (k - 1) + 1, d) for i, s, d, k in steps])
        wide[(slice(None), *place, slice(None), *window)] = weight[place]
    inside = tuple([slice(p, p + n) for n, p in zip(local.input_size, local.padding, strict=True)])
    kept = wide[(..., *inside)]
    return kept.reshape(local.out_channels * int(np.prod(places)), -1)
