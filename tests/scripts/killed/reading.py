import csv


def read_rows(path):
    with open(path) as file:
        return list(csv.DictReader(file))
