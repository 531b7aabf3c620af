"""The training loop: the code whose digest is the input *code* of a run.

load -> split -> fit -> evaluate, from bytes and a valid config to numbers. Everything here is computed the same way by
`train` and by the rerun of `verify`; nothing here reads a run folder, and nothing here judges. Importing the modules
of this package may import scikit-learn, so nothing else imports them before it has to.
"""

from week2kit.deferral import defer_scipy_stats

defer_scipy_stats()
