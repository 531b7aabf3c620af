import sys

with open(sys.argv[1]) as source, open(sys.argv[2], "w") as target:
    for number, line in enumerate(source):
        if number % 2 == 0:
            target.write(line)
