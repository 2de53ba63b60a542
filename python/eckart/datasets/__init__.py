"""Real ratings that packages ship, and synthetic ones with a known answer."""

from eckart.datasets.movielens import movielens
from eckart.datasets.synthetic import SyntheticRatings, make_ratings

__all__ = ["SyntheticRatings", "make_ratings", "movielens"]
