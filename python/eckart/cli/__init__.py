"""The ``eckart`` command. Each file holds one command; what several share starts with an underscore."""


def main() -> None:
    """Run the command line (the entry point that pyproject.toml names)."""
    from eckart.cli.app import app

    app()
