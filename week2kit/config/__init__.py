"""The config: what a person writes, checked as a whole, and the same form fully written out."""
