"""What a command reads and writes, as it is seen from outside."""
