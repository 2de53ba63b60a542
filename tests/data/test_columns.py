"""Times and numbers in columns (ids: test_vocabulary)."""

import numpy as np
import pandas as pd
import pytest

from eckart.data.columns import RowError, timestamp_column, title_column, value_column

SECONDS = [1577836800, -1]


@pytest.mark.parametrize(
    "column",
    [
        SECONDS,
        np.array(SECONDS, dtype=float),
        ["2020-01-01", "1969-12-31 23:59:59.5"],
        ["2020-01-01T00:00:00", "1969-12-31T23:59:59"],
        ["2020-01-01T01:00:00+01:00", "1969-12-31T23:59:59Z"],
        np.array(["2020-01-01T00:00:00", "1969-12-31T23:59:59"], dtype="M8[ns]"),
        pd.Series(pd.to_datetime(["2020-01-01 00:00:00", "1969-12-31 23:59:59"])),
        pd.Series(pd.to_datetime(["2020-01-01 00:00:00", "1969-12-31 23:59:59"])).dt.tz_localize("UTC"),
    ],
)
def test_times_are_whole_seconds(column):
    """Splits by time compare them, so they must mean the same whatever they came as."""
    times = timestamp_column(column, "t")
    assert times.tolist() == SECONDS
    assert times.dtype == np.int64


def test_dates():
    """A date is its midnight."""
    assert timestamp_column(np.array(["2020-01-01"], dtype="M8[D]"), "t").tolist() == SECONDS[:1]


@pytest.mark.parametrize(
    ("column", "row"),
    [(["2020-01-01", "soon"], 1), ([1, None], 1), ([np.nan, 1.0], 0), ([None, "2020-01-01"], 0)],
)
def test_what_is_no_time_names_its_row(column, row):
    """A half-parsed date would put a rating in 1970."""
    with pytest.raises(RowError) as error:
        timestamp_column(column, "t")
    assert error.value.row == row


def test_numbers():
    """Truth values and numerals count; missing and text do not."""
    assert value_column([True, False], "v", np.float32).tolist() == [1, 0]
    assert value_column(["1e2", "-.5"], "v", np.float64).tolist() == [100, -0.5]
    assert value_column(pd.array([1, 2], dtype="Int8"), "v", np.float32).tolist() == [1, 2]
    with pytest.raises(RowError, match="missing"):
        value_column(pd.array([1, None], dtype="Int8"), "v", np.float32)


def test_titles():
    """A missing title is empty, a number is text."""
    assert title_column(["a", None], "t").to_pylist() == ["a", ""]
    assert title_column(np.array([1984, 7]), "t").to_pylist() == ["1984", "7"]
