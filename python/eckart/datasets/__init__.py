"""Real data that packages ship or the user has, and synthetic data with a known answer."""

from eckart.datasets.digits import Digits, read_mnist, small_digits
from eckart.datasets.mnist1d import make_mnist1d
from eckart.datasets.movielens import movielens
from eckart.datasets.swimmer import Swimmer, make_swimmer
from eckart.datasets.synthetic import SyntheticRatings, make_ratings

__all__ = [
    "Digits",
    "Swimmer",
    "SyntheticRatings",
    "make_mnist1d",
    "make_ratings",
    "make_swimmer",
    "movielens",
    "read_mnist",
    "small_digits",
]
