"""The verb train: from a config to a recorded run."""
