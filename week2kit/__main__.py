"""``python -m week2kit``: the same as the command."""

import os
import sys

if not sys.flags.safe_path:
    # -m looks for every module in the working directory first; the command does not, and it may be anybody's folder
    here = sys.path.pop(0)
    if os.path.realpath(here) == os.path.dirname(os.path.dirname(os.path.realpath(__file__))):  # noqa: PTH120
        sys.path.append(here)  # a checkout that is not installed: week2kit itself is found there

from week2kit.cli import main

main()
