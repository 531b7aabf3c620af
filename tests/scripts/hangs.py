import time

with open("data.csv") as file:
    rows = file.readlines()
print(len(rows), "rows, waiting for the next", flush=True)
time.sleep(600)
