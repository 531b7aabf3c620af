import os
import signal

from reading import read_rows

rows = read_rows("data.csv")
os.kill(os.getpid(), signal.SIGKILL)
