"""What layers compute, as functions of tensors, with PyTorch's names and arguments (`axis` for its `dim`)."""

# ruff: noqa: F403
from eckart.nn.functional.activations import *
from eckart.nn.functional.attention import *
from eckart.nn.functional.convolution import *
from eckart.nn.functional.dense import *
from eckart.nn.functional.dropout import *
from eckart.nn.functional.embedding import *
from eckart.nn.functional.filters import *
from eckart.nn.functional.local import *
from eckart.nn.functional.losses import *
from eckart.nn.functional.normalization import *
from eckart.nn.functional.pooling import *
