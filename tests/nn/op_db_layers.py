"""What layers compute, with PyTorch's arguments, for the comparison in test_op_db."""

import numpy as np
from tests.nn.op_db_table import Absent, loss, without

from eckart.nn import functional as F


def pooled(function):
    def call(x, *sizes, return_indices=False, **options):
        without(return_indices=return_indices)
        return function(x, *sizes, **options)

    return call


def averaged(x, kernel, stride=None, *others, **options):
    return F.avg_pool2d(x, kernel, stride or None, *others, **options)


def batch_normalized(x, mean, variance, weight=None, bias=None, training=False, momentum=0.1, eps=1e-5):
    if x.ndim < 2:
        raise Absent("numbers without a channel")
    return F.batch_norm(x, mean, variance, weight, bias, training, momentum, eps)


def instance_normalized(
    x, running_mean=None, running_var=None, weight=None, bias=None, use_input_stats=True, momentum=0.1,
    eps=1e-5,
):  # fmt: skip
    without(running_averages_in_use=not use_input_stats)
    return F.instance_norm(x, weight, bias, eps)


def embedded(weight, ids, padding_idx=None, max_norm=None, norm_type=2.0, **options):
    if padding_idx is not None:
        raise Absent("padding_idx")
    without(max_norm=max_norm, **options)
    return F.embedding(ids, weight)


def margins(x, y, *args, **options):
    if x.ndim < 1:
        raise Absent("one number as the scores")
    return loss(F.multi_margin_loss)(x, np.reshape(y, x.shape[:-1]), *args, **options)


def attended(q, k, v, attn_mask=None, dropout_p=0.0, is_causal=False, scale=None, enable_gqa=False):
    without(dropout_p=dropout_p, enable_gqa=enable_gqa)
    return F.scaled_dot_product_attention(q, k, v, attn_mask, is_causal, scale)


LAYERS = {
    "linear": F.linear, "conv1d": F.conv1d, "conv2d": F.conv2d, "conv_transpose1d": F.conv_transpose1d,
    "conv_transpose2d": F.conv_transpose2d, "max_pool1d": pooled(F.max_pool1d),
    "max_pool2d": pooled(F.max_pool2d), "avg_pool1d": F.avg_pool1d, "avg_pool2d": averaged,
    "adaptive_avg_pool1d": F.adaptive_avg_pool1d, "adaptive_avg_pool2d": F.adaptive_avg_pool2d,
    "layer_norm": F.layer_norm, "rms_norm": F.rms_norm, "group_norm": F.group_norm,
    "batch_norm": batch_normalized, "instance_norm": instance_normalized,
    "local_response_norm": F.local_response_norm, "multi_margin_loss": margins, "embedding": embedded,
    "scaled_dot_product_attention": attended,
}  # fmt: skip
LAYER_COUNTS = {
    "adaptive_avg_pool1d": 6, "adaptive_avg_pool2d": 10, "avg_pool1d": 9, "avg_pool2d": 7, "batch_norm": 10,
    "batch_norm.without_cudnn": 10, "conv1d": 10, "conv2d": 30, "conv_transpose1d": 10,
    "conv_transpose2d": 12, "embedding": 3, "group_norm": 21, "instance_norm": 9, "layer_norm": 6,
    "linear": 18, "local_response_norm": 11, "max_pool1d": 432, "max_pool2d": 720, "multi_margin_loss": 9,
    "rms_norm": 6, "scaled_dot_product_attention": 13,
}  # fmt: skip
LAYER_ERRORS = {
    "adaptive_avg_pool1d": 2, "adaptive_avg_pool2d": 3, "avg_pool1d": 2, "avg_pool2d": 5, "conv1d": 10,
    "conv2d": 10, "embedding": 2, "group_norm": 2, "max_pool1d": 16, "max_pool2d": 3,
    "multi_margin_loss": 9, "rms_norm": 3,
}  # fmt: skip
