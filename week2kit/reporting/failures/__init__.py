"""What failed on the way, and what that teaches."""
