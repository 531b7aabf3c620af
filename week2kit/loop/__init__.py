"""The training loop: the code whose digest is the input *code* of a run.

load -> split -> fit -> evaluate, from bytes and a valid config to numbers. Everything here is computed the same way by
`train` and by the rerun of `verify`; nothing here reads a run folder, and nothing here judges. Importing the modules
of this package may import scikit-learn, so nothing else imports them before it has to.
"""

import os

from week2kit.importing import defer_scipy_stats

# Threads that wait shall sleep: where others use the processors too, spinning ones make a small fit take thirty times
# as long. The libraries read this when they are loaded, and it changes no number.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "16")  # 2**16 cycles of waiting instead of 2**26

defer_scipy_stats()
