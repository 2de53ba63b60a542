"""Architectures. Parameters are named as in the usual PyTorch definitions, so that their state dicts load."""

from eckart.nn.models.gpt import GPT, next_token_loss
from eckart.nn.models.lecun import LeCun1989, LeNet5
from eckart.nn.models.mlp import MLP, LogisticRegression
from eckart.nn.models.resnet import ResNet20

__all__ = ["GPT", "MLP", "LeCun1989", "LeNet5", "LogisticRegression", "ResNet20", "next_token_loss"]
