"""Every English sentence about verdicts and reports, by its code."""
