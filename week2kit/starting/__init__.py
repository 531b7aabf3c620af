"""The verb init: a first experiment for a table."""
