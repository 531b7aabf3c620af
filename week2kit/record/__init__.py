"""The record of a run: its manifest and verdict as values, its folder on disk, and where its data lie."""
