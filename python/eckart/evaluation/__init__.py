"""Honest evaluation: measure models on held-out ratings, compare them, and run the named protocols."""

from eckart.evaluation.evaluate import compare, evaluate
from eckart.evaluation.paired import PairedComparison
from eckart.evaluation.protocols import PROTOCOLS, Protocol
from eckart.evaluation.record import Record, compare_records, load_record
from eckart.evaluation.report import Comparison, Report
from eckart.evaluation.run import run_protocol
from eckart.evaluation.statistics import Difference, Estimate

__all__ = [
    "PROTOCOLS",
    "Comparison",
    "Difference",
    "Estimate",
    "PairedComparison",
    "Protocol",
    "Record",
    "Report",
    "compare",
    "compare_records",
    "evaluate",
    "load_record",
    "run_protocol",
]
