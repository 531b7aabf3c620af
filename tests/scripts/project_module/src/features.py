import csv


def read(path):
    with open(path) as file:
        return [int(row["a"]) for row in csv.DictReader(file)]


def mean(values):
    return sum(values) / len(values)
