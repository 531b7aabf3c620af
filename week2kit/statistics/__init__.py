"""Whether a difference between two runs is more than chance: exact tests, fold tests, resampled rows.

Plain values in, plain values out: nothing here reads a file, knows a run or words a sentence. Importing this package
and `exact` loads neither numpy nor scipy.
"""
