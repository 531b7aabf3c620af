"""The children in which runs are trained again, within the time that there is."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from week2kit.canonical import clean
from week2kit.errors import (
    CannotRestore,
    ChildDied,
    DataNotFound,
    LimitReached,
    TimeLimitReached,
)
from week2kit.inputs.causes import Here
from week2kit.processes.children import Child, ChildBug, Children
from week2kit.processes.interpreters import RESTORED, Interpreter, build
from week2kit.processes.limits import Limits, memory_in_force
from week2kit.record.looking import DataFile
from week2kit.record.manifest import Failure
from week2kit.record.requirements import class_names
from week2kit.record.store import Run
from week2kit.verification.messages import Fresh, RerunRequest, Stored
from week2kit.verification.options import Options
from week2kit.verification.trials import Kind

WORK: Final = "week2kit.verification.child"

#: Told of a training before it begins: the run, why it is done, and the factors with the values that are asked for.
OnTrial: TypeAlias = Callable[[str, Kind, Sequence[tuple[str, object]]], None]


def rerun_children(runs: Iterable[Run] = (), limits: Limits | None = None) -> Children:
    """The child processes in which runs are trained again: entered once, for any number of runs.

    What their configs name of scikit-learn is imported once, by the server that forks the children.
    """
    needed = {module for run in runs for module in _modules_for(run)}
    return Children(preload=["week2kit.loop", WORK, *sorted(needed & _PRELOADED)], limits=limits)


def _modules_for(run: Run) -> Iterator[str]:
    """The parts of scikit-learn from which a run's config takes its classes, and its table where that is bundled."""
    if run.partial is not None:
        yield from _OF_THE_FLAT_FORM
        return
    config = run.manifest.inputs.config.resolved
    yield from (".".join(name.split(".")[:2]) for name in class_names(config))
    data = config.get("data") if config is not None else None
    if isinstance(data, dict) and "dataset" in data:
        yield "sklearn.datasets"


#: The parts of scikit-learn that are worth importing ahead; a config may name anything, and only these are taken.
_PRELOADED: Final = frozenset(
    f"sklearn.{name}"
    for name in (
        "calibration", "cluster", "compose", "datasets", "decomposition", "discriminant_analysis", "ensemble",
        "feature_extraction", "feature_selection", "gaussian_process", "impute", "kernel_approximation", "linear_model",
        "naive_bayes", "neighbors", "neural_network", "preprocessing", "svm", "tree",
    )
)  # fmt: skip

_OF_THE_FLAT_FORM: Final = ("sklearn.compose", "sklearn.impute", "sklearn.linear_model", "sklearn.preprocessing")


@dataclass(frozen=True)
class Trainings:
    """The children that train, within the time that there is."""

    children: Children
    options: Options
    deadline: float
    on_trial: OnTrial

    def here(self) -> Here:
        """What is in force in the children."""
        modules = self.options.allow_modules
        return Here.model_validate_json(
            self.children.call_once(f"{WORK}:describe_here", modules, timeout=self.time_left())
        )

    def train_in(self, child: Child | Children, request: RerunRequest, stored: Stored | None) -> Fresh:
        """Train once in a child.

        Raises:
            LimitReached: it met a limit of this machine; of such a training nothing follows.
            OtherFile: the data are another table than the only one that may be trained on.
        """
        answer = child.call(f"{WORK}:train_again", request, stored, timeout=self.time_left())
        fresh = Fresh.model_validate_json(answer)
        match fresh.failure.error if fresh.failure is not None else None:
            case "MemoryError":
                raise LimitReached(*memory_in_force(self.options.limits))
            case "ThreadLimit":
                raise LimitReached("processes", self.options.limits.processes)
        _check_read(request, fresh)
        return fresh

    def train_under(self, request: RerunRequest, stored: Stored | None) -> Fresh:
        """Train under conditions; what cannot be brought about, or dies of it, is a failure and no end of the matter.

        Kernels of another processor end a process by SIGILL, without a word.
        """
        conditions = request.conditions
        try:
            if not conditions.need_a_process:
                return self.train_in(self.children, request, stored)
            variables, python = dict(conditions.variables()), None
            if conditions.versions is not None:
                interpreter = self._interpreter(dict(conditions.versions))
                variables, python = {**variables, **interpreter.variables}, str(interpreter.executable)
            with self.children.started(variables, python) as child:
                return self.train_in(child, request, stored)
        except (ChildDied, ChildBug, CannotRestore, LimitReached, NotImplementedError, OSError) as error:
            failure = Failure(
                stage="fit", error=type(error).__name__, message=str(error), traceback=[], hint="It cannot be put back."
            )
            return Fresh(failure=failure)

    def _interpreter(self, versions: dict[str, str]) -> Interpreter:
        """A Python in which these versions are in force, and for the other deciding libraries those that are here."""
        here = self.here().environment
        kept = {name: here.libraries[name] for name in RESTORED if name in here.libraries}
        python = versions.pop("python", here.python)
        return build(python, kept | versions, timeout=self.time_left())

    def time_left(self) -> float:
        """The seconds that are left for this run.

        Raises:
            TimeLimitReached: there are none.
        """
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeLimitReached("The time was over.")
        return left


class OtherFile(Exception):
    """The only file that a record leads to holds another table than the recorded one; nothing more is told of it."""

    def __init__(self, file: DataFile, recorded: str | None) -> None:
        super().__init__()
        self.file, self.recorded = file, recorded


def _check_read(request: RerunRequest, fresh: Fresh) -> None:
    """What was parsed is what was looked at before; and it is the recorded table, where no other may be trained on."""
    read = fresh.data.files if fresh.data is not None else ()
    for file, one in zip(request.files, read, strict=False):
        if one.sha256 not in (None, file.sha256) and not request.conditions.other_text:
            raise DataNotFound(f'The data file "{clean(file.shown)}" changed while it was verified.', "Verify again.")
    failure = fresh.failure
    if request.only and failure is not None and (failure.stage, failure.error) == ("load", "StageError"):
        raise OtherFile(request.only.file, request.only.recorded)
