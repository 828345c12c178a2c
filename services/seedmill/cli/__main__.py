"""`python -m seedmill.cli`, for processes that start each other."""

from seedmill.cli.entry import main

main()
