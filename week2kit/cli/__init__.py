"""The command line: parse, one call, print, exit. The product is on standard output, all talk on standard error."""

from week2kit.cli.entry import main

__all__ = ["main"]
