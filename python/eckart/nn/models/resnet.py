"""Residual networks for small images (He et al. 2016, section 4.2)."""

from typing import Any

from eckart.base.seeds import RandomState
from eckart.base.validation import check_int, check_option
from eckart.nn import functional as F
from eckart.nn import init, layers, ops
from eckart.nn.module import Module
from eckart.nn.tensor import Tensor


class Shortcut(Module):
    """The way past a block that halves the image: every other pixel, and zero in the new channels."""

    def __init__(self, new_channels: int) -> None:
        self.before, self.after = new_channels // 2, new_channels - new_channels // 2

    def forward(self, x: Any) -> Tensor:
        return ops.pad(x[:, :, ::2, ::2], ((0, 0), (self.before, self.after), (0, 0), (0, 0)))


class BasicBlock(Module):
    """Two 3 x 3 convolutions and the input added: relu(F(x) + shortcut(x))."""

    def __init__(self, n_in: int, n_out: int, stride: int, option: str, random_state: RandomState) -> None:
        rng = init.stream(random_state)
        self.conv1 = _convolution(n_in, n_out, 3, stride, rng)
        self.bn1 = layers.BatchNorm2d(n_out)
        self.conv2 = _convolution(n_out, n_out, 3, 1, rng)
        self.bn2 = layers.BatchNorm2d(n_out)
        if stride == 1 and n_in == n_out:
            self.shortcut: Module = layers.Identity()
        elif option == "A":
            self.shortcut = Shortcut(n_out - n_in)
        else:
            self.shortcut = layers.Sequential(
                _convolution(n_in, n_out, 1, stride, rng), layers.BatchNorm2d(n_out)
            )

    def forward(self, x: Any) -> Tensor:
        y = self.bn1(self.conv1(x), "relu")
        return F.relu(self.bn2(self.conv2(y)) + self.shortcut(x))


class ResNet20(Module):
    """ResNet of 6 n + 2 layers, n = `blocks` a stage: (n, 3, 32, 32) becomes (n, n_classes) logits.

    shortcut : "A" (no parameters: 269,722 in all, the paper's choice) or "B" (1 x 1 convolutions)

    Parameters as in Y. Idelbayev's reference: conv1, bn1, layer1.0.conv1, ..., linear.
    """

    def __init__(
        self, n_classes: int = 10, in_channels: int = 3, blocks: int = 3, shortcut: str = "A", *,
        random_state: RandomState = None,
    ) -> None:  # fmt: skip
        check_option(shortcut, "shortcut", ("A", "B"))
        check_int(blocks, "blocks")
        rng = init.stream(random_state)
        self.conv1 = _convolution(in_channels, 16, 3, 1, rng)
        self.bn1 = layers.BatchNorm2d(16)
        self.layer1 = _stage(blocks, 16, 16, 1, shortcut, rng)
        self.layer2 = _stage(blocks, 16, 32, 2, shortcut, rng)
        self.layer3 = _stage(blocks, 32, 64, 2, shortcut, rng)
        self.linear = layers.Linear(64, n_classes, random_state=rng)

    def forward(self, x: Any) -> Tensor:
        x = self.bn1(self.conv1(x), "relu")  # (n, 16, 32, 32)
        x = self.layer3(self.layer2(self.layer1(x)))  # (n, 64, 8, 8)
        return self.linear(ops.flatten(F.adaptive_avg_pool2d(x, 1), 1))


def _convolution(n_in: int, n_out: int, size: int, stride: int, rng: Any) -> layers.Conv2d:
    """Return a convolution without bias (batch norm has one), He's initialisation."""
    layer = layers.Conv2d(n_in, n_out, size, stride, size // 2, bias=False, random_state=rng)
    layer.weight.data[...] = init.kaiming_normal(layer.weight.shape, random_state=rng)
    return layer


def _stage(blocks: int, n_in: int, n_out: int, stride: int, option: str, rng: Any) -> layers.Sequential:
    ends = [(n_in, stride)] + [(n_out, 1)] * (blocks - 1)
    return layers.Sequential(*[BasicBlock(n, n_out, s, option, rng) for n, s in ends])
