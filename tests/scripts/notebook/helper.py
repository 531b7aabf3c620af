"""What a notebook has beside itself."""


def clean(rows):
    return [row for row in rows if row["a"]]
