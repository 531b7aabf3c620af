"""The next experiment, with its reason."""
