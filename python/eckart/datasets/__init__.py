"""Real ratings that packages ship, and synthetic data with a known answer."""

from eckart.datasets.movielens import movielens
from eckart.datasets.swimmer import Swimmer, make_swimmer
from eckart.datasets.synthetic import SyntheticRatings, make_ratings

__all__ = ["Swimmer", "SyntheticRatings", "make_ratings", "make_swimmer", "movielens"]
