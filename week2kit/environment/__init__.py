"""The environment: what is in force here, and how recorded facts are brought about again."""
