"""Uses what only an environment of the project has installed."""

from only_there import main

main()
