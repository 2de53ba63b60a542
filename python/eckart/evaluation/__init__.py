"""Protocols: measure fitted models on held-out ratings, and compare them."""

from eckart.evaluation.evaluate import compare, evaluate
from eckart.evaluation.report import Comparison, Report

__all__ = ["Comparison", "Report", "compare", "evaluate"]
