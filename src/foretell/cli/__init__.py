"""The command line: parse, one job, exit code."""

from foretell.cli.entry import main

__all__ = ["main"]
