"""A regressor with a race: its result hangs on the order in which its threads finish."""

from __future__ import annotations

import random
import threading
import time
from typing import Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin


class Racing(RegressorMixin, BaseEstimator):
    """Predicts a running mean, which the last to come moves most; there is no seed that could decide."""

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {}

    def fit(self, X: Any, y: Any) -> Racing:
        mean, lock = [0.0], threading.Lock()

        def add(part: float) -> None:
            time.sleep(random.SystemRandom().uniform(0, 0.005))  # other work, which takes as long as it takes
            with lock:
                mean[0] += 0.1 * (part - mean[0])

        threads = [threading.Thread(target=add, args=(float(part),)) for part in np.asarray(y, dtype=float)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.mean_ = mean[0]
        return self

    def predict(self, X: Any) -> Any:
        return np.full(len(X), self.mean_)


class RacingWide(Racing):
    """The same where OpenMP has three threads or more, and the mean where it has not: k-means is like that."""

    def fit(self, X: Any, y: Any) -> RacingWide:
        from sklearn.utils._openmp_helpers import _openmp_effective_n_threads

        super().fit(X, y)
        if _openmp_effective_n_threads() < 3:
            self.mean_ = float(np.mean(y))
        return self
