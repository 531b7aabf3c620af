"""Whether a difference is more than noise, and how far numbers move."""
