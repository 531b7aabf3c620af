"""A report as files: what is written, kept and refused."""
