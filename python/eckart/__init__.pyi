from eckart import completion as completion
from eckart import data as data
from eckart import datasets as datasets
from eckart import decomposition as decomposition
from eckart import evaluation as evaluation
from eckart import experiments as experiments
from eckart import linalg as linalg
from eckart import metrics as metrics
from eckart import nn as nn
from eckart import testing as testing
from eckart.base.config import show_config as show_config
from eckart.base.errors import EckartError as EckartError
from eckart.base.persistence import load as load
from eckart.base.persistence import save as save
from eckart.base.threads import get_num_threads as get_num_threads
from eckart.base.threads import set_num_threads as set_num_threads

__version__: str
__all__: list[str]
