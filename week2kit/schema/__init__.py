"""The documents that week2kit reads and writes: the config, the run manifest and its migrations."""
