"""The way in for the `seedmill` script and `python -m seedmill.cli`: little is imported before Ctrl-C is handled."""

import sys


def main() -> None:
    """Run the command line. Ctrl-C ends it quietly, also while it is still loading what it needs."""
    try:
        from seedmill.cli.main import main as command_line

        command_line()
    except KeyboardInterrupt:
        sys.exit(130)
