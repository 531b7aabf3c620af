"""Other processes and other Pythons: children that do one piece of work each, and what is written to the terminal."""
