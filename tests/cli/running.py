"""A command, run in the test's process."""

from typer.testing import CliRunner, Result

from pipeline.cli.main import app


def run(*arguments: object) -> Result:
    """What `apex-logs` does with these arguments."""
    return CliRunner().invoke(app, list(map(str, arguments)))
