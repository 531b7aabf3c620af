"""``python -m week2kit``: the same as the command."""

from week2kit.cli import main

main()
