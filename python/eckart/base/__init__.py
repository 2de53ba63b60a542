"""What every family stands on: errors, seeds, threads, validation, the estimator base, files."""
