"""``eckart reproduce``."""

import json


def test_an_experiment_on_a_file(fails, tmp_path):
    """--data reaches the experiment; what is missing or wrong is one line that names the option's file."""
    fails("reproduce", "character-gpt", "--no-figure", says=["--data FILE", "a text file"])
    fails("reproduce", "image-filters", "--no-figure", "--data", "x", says=["reads no file"])
    none = tmp_path / "none.txt"
    fails("reproduce", "character-gpt", "--quick", "--no-figure", "--data", none, says=["none.txt", "a text"])


def test_a_run_is_told_in_json(run):
    """Checks, tables and the exit code, for machines."""
    result = run("reproduce", "parameter-counts", "--quick", "--no-figure", "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["passed"] is True
    assert {"name", "title", "checks", "tables", "notes", "seconds"} <= found.keys()
