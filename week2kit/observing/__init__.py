"""What a command of a person's own reads, writes and starts, seen from outside it, and what it may read."""
