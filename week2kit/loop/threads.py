"""Jobs as threads: the work is divided by the number of jobs, and done by as many threads as there are processors.

joblib starts a thread per job, and jobs within jobs multiply: 32 times 32 are a thousand threads, which a machine for
a class does not allow. How the work is divided decides the numbers of some estimators (bagging adds up what each job
gives); how many threads do it decides none.
"""

from __future__ import annotations

from multiprocessing.pool import ThreadPool

import joblib
from joblib._parallel_backends import SequentialBackend, ThreadingBackend


class Threads(ThreadingBackend):  # type: ignore[misc]
    """joblib's backend of threads, with at most `most` of them at work."""

    def __init__(self, most: int | None = None, nesting_level: int | None = None) -> None:
        super().__init__(nesting_level=nesting_level)
        self.most = most or joblib.cpu_count()

    def _get_pool(self) -> ThreadPool:
        if self._pool is None:  # type: ignore[has-type]
            self._pool = ThreadPool(min(self._n_jobs, self.most))
        return self._pool

    def get_nested_backend(self) -> tuple[ThreadingBackend | SequentialBackend, None]:
        """As joblib's: the first jobs within jobs are threads, those within them are none."""
        level = (self.nesting_level or 0) + 1
        if level > 1:
            return SequentialBackend(nesting_level=level), None
        return Threads(max(1, self.most // min(self._n_jobs, self.most)), level), None
