"""Tests share their references as `tests.<family>.<module>`, whatever package `tests` else is installed."""
