"""Optimisers over one flat buffer, schedules of their learning rates, clipping, and averages of weights.

Names, arguments and defaults are PyTorch's, and so are the numbers: a state dict may come from there.
"""

from eckart.nn.optim.adaptive import AdaGrad, Adam, AdamW, RMSProp
from eckart.nn.optim.averaging import ExponentialMovingAverage, StochasticWeightAverage
from eckart.nn.optim.clipping import clip_grad_norm, clip_grad_value
from eckart.nn.optim.descent import SGD, Extragradient, GradientDescent, HeavyBall, Nesterov
from eckart.nn.optim.optimizer import Optimizer
from eckart.nn.optim.schedules import (
    CosineAnnealingLR,
    ExponentialLR,
    LinearLR,
    MultiStepLR,
    OneCycleLR,
    ReduceLROnPlateau,
    Schedule,
    StepLR,
)

__all__ = [
    "SGD", "AdaGrad", "Adam", "AdamW", "CosineAnnealingLR", "ExponentialLR", "ExponentialMovingAverage",
    "Extragradient", "GradientDescent", "HeavyBall", "LinearLR", "MultiStepLR", "Nesterov", "OneCycleLR",
    "Optimizer", "RMSProp", "ReduceLROnPlateau", "Schedule", "StepLR", "StochasticWeightAverage",
    "clip_grad_norm", "clip_grad_value",
]  # fmt: skip
