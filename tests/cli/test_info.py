"""`eckart info` and the program itself."""

import json

from eckart import __version__
from eckart.base.config import build_info


def test_the_build_is_shown(answer, run):
    """Bug reports start here."""
    assert answer("info") == build_info()
    assert __version__ in run("info").stdout


def test_a_model_file_is_described(answer, run, model, bare, ratings):
    """What is in a file must be knowable without Python."""
    document = answer("info", model)
    assert document["class"] == "ALS"
    assert document["parameters"]["rank"] == 4
    assert (document["n_users"], document["n_items"]) == (30, 23)
    assert document["interactions"] is True
    assert document["n_ratings"] == len(ratings.read_text().splitlines()) - 1
    assert document["arrays"]["user_factors_"] == "float32 [30, 4]"
    assert document["provenance"]["eckart"] == __version__
    assert document["file_bytes"] == model.stat().st_size
    assert answer("info", bare)["interactions"] is False
    assert "left out" in run("info", bare).stdout
    assert "user_factors_" in run("info", model).stdout


def test_a_file_of_ratings_is_described(answer, ratings, tmp_path):
    """Saved data sets are files of ours too."""
    import eckart as ek

    ek.save(ek.data.Ratings.from_file(ratings), tmp_path / "r.safetensors")
    document = answer("info", tmp_path / "r.safetensors")
    assert document["class"] == "Ratings"
    assert document["titles"] is True


def test_help_and_version(run):
    """The first two things anybody types."""
    for arguments in (["--help"], ["-h"], ["fit", "--help"], ["demo", "-h"]):
        result = run(*arguments)
        assert result.exit_code == 0
        assert "Usage" in result.stdout
    assert run("--version").stdout.strip() == __version__


def test_a_process_answers_on_stdout(spawn, model):
    """Scripts pipe stdout into a parser: nothing else may be there."""
    result = spawn("recommend", model, "--user", "10", "--json")
    assert (result.returncode, result.stderr) == (0, "")
    assert len(json.loads(result.stdout)["users"][0]["list"]) == 10


def test_recommending_imports_nothing_heavy(model):
    """A second of imports would be most of the command's time."""
    import subprocess
    import sys

    script = (
        "import sys\nfrom eckart.cli.app import app\n"
        f"app(['recommend', {str(model)!r}, '--user', '10', '--json'], standalone_mode=False)\n"
        "heavy = {'scipy', 'sklearn', 'pandas', 'polars', 'pyarrow', 'matplotlib'} & set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
