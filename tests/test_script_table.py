"""Small training scripts, as people write them: for each the inputs, modules, outputs and the verdict that are right.

A script may read and write through any library, in any process. Each is recorded by the command line in a folder of its
own, and verified there. Where the system does not let system calls be observed, an input that only they show may be
missing from the record; then the record must say that it saw not all.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import sqlite3
import stat
import subprocess
import sys
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from week2kit.observing.folder import snapshot
from week2kit.record.command import Coverage
from week2kit.record.written_paths import PYTHON
from week2kit.training.outputs import stable_name

from .forked import OF_COMMANDS, server_for

SCRIPTS = Path(__file__).parent / "scripts"

# --- data -------------------------------------------------------------------------------------------------------

ROWS = [(n % 7, n % 5, int((n % 7 > 3) ^ (n % 11 == 0))) for n in range(80)]
TABLE = "a,b,y\n" + "".join(f"{a},{b},{y}\n" for a, b, y in ROWS)


def csv(folder: Path) -> None:
    (folder / "data.csv").write_text(TABLE)


def parquet(folder: Path) -> None:
    import pandas as pd

    pd.DataFrame(ROWS, columns=["a", "b", "y"]).to_parquet(folder / "data.parquet")


def npz(folder: Path) -> None:
    import numpy as np

    table = np.array(ROWS, dtype=float)
    np.savez(folder / "data.npz", X=table[:, :2], y=table[:, 2])
    np.save(folder / "weights.npy", np.array([1.0, 0.125]))


def database(folder: Path) -> None:
    base = sqlite3.connect(folder / "data.db")
    base.execute("CREATE TABLE samples (a, b, y)")
    base.executemany("INSERT INTO samples VALUES (?, ?, ?)", ROWS)
    base.commit()
    base.close()


def dumped(folder: Path) -> None:
    import joblib

    joblib.dump([(a, y) for a, _, y in ROWS], folder / "data.joblib")


def hdf5(folder: Path) -> None:
    import h5py
    import numpy as np

    with h5py.File(folder / "data.h5", "w") as file:
        file["a"], file["y"] = np.array([a for a, _, _ in ROWS]), np.array([y for _, _, y in ROWS])


def zipped(folder: Path) -> None:
    with zipfile.ZipFile(folder / "data.zip", "w") as archive:
        archive.writestr("inner/data.csv", TABLE)


def parts(folder: Path) -> None:
    (folder / "parts").mkdir()
    for part in range(3):
        text = "".join(f"{a},{b},{y}\n" for a, b, y in ROWS[part::3])
        (folder / "parts" / f"{part}.csv").write_text(f"a,b,y\n{text}")


def beside(folder: Path) -> None:
    (folder.parent / "data").mkdir()
    (folder.parent / "data" / "x.csv").write_text(TABLE)


def linked(folder: Path) -> None:
    (folder.parent / "store").mkdir()
    (folder.parent / "store" / "4f1c").write_text(TABLE)
    (folder / "data.csv").symlink_to("../store/4f1c")


def console_script(folder: Path) -> None:
    csv(folder)
    tool = folder.parent / "bin" / "train-it"
    tool.parent.mkdir()
    tool.write_text(f"#!{sys.executable}\nimport sys\nfrom package.train import main\nsys.exit(main())\n")
    tool.chmod(0o755)


def environment(folder: Path) -> None:
    """An environment in the project, with a module and a console script."""
    csv(folder)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", ".venv"], cwd=folder, check=True)
    (packages,) = (folder / ".venv").glob("lib/python3*/site-packages")
    (packages / "only_there.py").write_text(
        "import json\n\n\ndef main():\n    rows = open('data.csv').readlines()\n"
        "    json.dump({'rows': len(rows) - 1}, open('metrics.json', 'w'))\n"
    )
    tool = folder / ".venv" / "bin" / "train-it"
    tool.write_text(f"#!{folder}/.venv/bin/python\nfrom only_there import main\nmain()\n")
    tool.chmod(0o755)


def code_beside(folder: Path) -> None:
    csv(folder)
    (folder.parent / "code").mkdir()
    shutil.move(folder / "train.py", folder.parent / "code" / "train.py")


def images(folder: Path) -> None:
    (folder / "images").mkdir()
    for number in range(12):
        (folder / "images" / f"{'cat' if number % 3 else 'dog'}_{number}.png").write_bytes(
            b"\x89PNG\0" + bytes([number])
        )


def flag(folder: Path) -> None:
    csv(folder)
    (folder / "strict.flag").touch()


def names(folder: Path) -> None:
    (folder / "my data").mkdir()
    (folder / "my data" / "größe 1.csv").write_text(TABLE)
    (folder / "linked").symlink_to("my data")
    (folder / "out").mkdir()
    (folder.parent / "else where").mkdir()
    (folder.parent / "else where" / "x.csv").write_text(TABLE)


def cache(folder: Path) -> None:
    csv(folder)
    (folder / "cache.json").write_text("[1, 2, 3, 4]")
    (folder / "history.csv").write_text("3\n4\n")


def array(folder: Path) -> None:
    import numpy as np

    np.save(folder / "table.npy", np.array(ROWS, dtype=float))


def absolute(folder: Path) -> None:
    csv(folder)
    code = (folder / "train.py").read_text()
    (folder / "train.py").write_text(code.replace('"data.csv"', f'"{folder}/data.csv"'))


def absolute_outputs(folder: Path) -> None:
    absolute(folder)
    code = (folder / "train.py").read_text()
    (folder / "train.py").write_text(code.replace('"metrics.json"', f'"{folder}/metrics.json"'))


def library(folder: Path) -> None:
    csv(folder)
    (folder.parent / "lib").mkdir()
    (folder / "limits.py").rename(folder.parent / "lib" / "limits.py")


def library_by_path(folder: Path) -> None:
    library(folder)
    code = (folder / "train.py").read_text()
    (folder / "train.py").write_text(f"import sys\n\nsys.path.insert(0, {str(folder.parent / 'lib')!r})\n{code}")


def nothing(folder: Path) -> None:
    pass


# --- the table --------------------------------------------------------------------------------------------------

METRICS = {"metrics.json": ("created", "metrics")}


@dataclass(frozen=True)
class Row:
    """A script, and what is right for it.

    Attributes:
        script: of tests/scripts: NAME.py, which becomes train.py, or a folder.
        argv: the command.
        data: makes the files that it reads, in its folder or beside.
        inputs: the files that it read and did not make, by path from its folder.
        hidden: those of them that only system calls show.
        modules: the project's files that ran.
        outputs: change and role of each file that it left; times in names are stars.
        options: of train.
        stdin: what it gets as standard input: the bytes of a stream, a file, or nothing.
        env: variables of train and of verify.
        needs: modules without which it does not run.
        posix: whether it needs fork, signals or a shell.
        failure: how it ended, with exit code or signal; None where it completed.
        hooked: whether a Python reported for itself.
        programs: those other than Python that ran; `native`: libraries that read past the audit hook.
        network: whether it used the network.
        changed: whether it changed its inputs.
        unlisted: what it needs, and no observer saw: the confined rerun names it.
        verdict: and `level`, `first`: that of verify; `because`: words of its reason.
    """

    script: str
    argv: tuple[str, ...] = ("python", "train.py")
    data: Callable[[Path], None] = csv
    inputs: frozenset[str] = frozenset({"data.csv"})
    hidden: frozenset[str] = frozenset()
    modules: frozenset[str] = frozenset({"train.py"})
    outputs: Mapping[str, tuple[str, str]] = field(default_factory=lambda: METRICS)
    options: tuple[str, ...] = ()
    stdin: bytes | str | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    needs: tuple[str, ...] = ()
    posix: bool = False
    failure: tuple[str, int | None] | None = None
    programs: frozenset[str] = frozenset()
    native: frozenset[str] = frozenset()
    hooked: bool = True
    network: bool = False
    changed: bool = False
    unlisted: str | None = None
    verdict: str = "identical"
    level: str | None = "metrics"
    first: str | None = None
    because: str | None = None


TABLE_OF_SCRIPTS = {
    "csv by pandas": Row(
        "csv_by_pandas.py",
        ("python", "train.py", "--seed", "1"),
        outputs={**METRICS, "predictions.csv": ("created", "predictions")},
        needs=("pandas",),
        level="predictions",
    ),
    "parquet by pandas": Row(
        "parquet_by_pandas.py",
        data=parquet,
        inputs=frozenset({"data.parquet"}),
        hidden=frozenset({"data.parquet"}),
        needs=("pandas", "pyarrow"),
        native=frozenset({"pyarrow"}),
    ),
    "polars": Row("polars_reader.py", hidden=frozenset({"data.csv"}), needs=("polars",), native=frozenset({"polars"})),
    "duckdb": Row(
        "duckdb_reader.py",
        hidden=frozenset({"data.csv"}),
        outputs={},
        needs=("duckdb",),
        native=frozenset({"duckdb"}),
    ),
    "npz and npy": Row(
        "npz.py",
        data=npz,
        inputs=frozenset({"data.npz", "weights.npy"}),
        outputs={**METRICS, "scores.npy": ("created", "other")},
        needs=("numpy",),
    ),
    "sqlite": Row("sqlite.py", data=database, inputs=frozenset({"data.db"})),
    "joblib": Row(
        "joblib_reader.py",
        data=dumped,
        inputs=frozenset({"data.joblib"}),
        outputs={**METRICS, "model.joblib": ("created", "model")},
        needs=("joblib",),
    ),
    "h5py": Row(
        "h5py_reader.py",
        data=hdf5,
        inputs=frozenset({"data.h5"}),
        hidden=frozenset({"data.h5"}),
        outputs={**METRICS, "scores.h5": ("created", "model")},
        needs=("h5py",),
        native=frozenset({"h5py"}),
    ),
    "zip": Row("zipped.py", data=zipped, inputs=frozenset({"data.zip"})),
    "standard input": Row(
        "standard_input.py",
        data=nothing,
        inputs=frozenset(),
        stdin=TABLE.encode(),
        verdict="undecided",
        level=None,
        first="metrics",
        because="undecided.standard_input",
    ),
    "standard input from a file": Row("standard_input.py", stdin="data.csv"),
    "environment variable": Row("environment_variable.py", env={"LIMIT": "3"}),
    "environment variable in the command": Row(
        "environment_variable.py", ("env", "LIMIT=4", "python", "train.py"), posix=True, programs=frozenset({"env"})
    ),
    "url that fails": Row("refused_url.py", network=True),
    "fork": Row(
        "pool_children.py",
        ("python", "train.py", "fork"),
        data=parts,
        inputs=frozenset({"parts/0.csv", "parts/1.csv", "parts/2.csv"}),
        posix=True,
    ),
    "spawn": Row(
        "pool_children.py",
        ("python", "train.py", "spawn"),
        data=parts,
        inputs=frozenset({"parts/0.csv", "parts/1.csv", "parts/2.csv"}),
    ),
    "loky": Row(
        "loky_children.py",
        data=parts,
        inputs=frozenset({"parts/0.csv", "parts/1.csv", "parts/2.csv"}),
        needs=("joblib",),
    ),
    "subprocess of Python": Row(
        "python_subprocess",
        modules=frozenset({"train.py", "prepare.py"}),
        outputs={**METRICS, "clean.csv": ("created", "other")},
    ),
    "subprocess of another program": Row(
        "other_program.py",
        hidden=frozenset({"data.csv"}),
        posix=True,
        programs=frozenset({"sh", "cat", "tail"}),
    ),
    "clock under names of times": Row(
        "clock_by_name.py",
        outputs={
            "artifacts/*/metrics.json": ("created", "metrics"),
            "artifacts/*/run_metadata.json": ("created", "other"),
        },
    ),
    "clock as a metric": Row("clock_as_metric.py", verdict="unstable", level=None, first="metrics"),
    "no seed": Row("no_seed.py", verdict="unstable", level=None, first="metrics"),
    "writes into its input": Row(
        "overwrites_input.py",
        outputs={**METRICS, "data.csv": ("modified", "other")},
        changed=True,
    ),
    "writes into an input of which no text is kept": Row(
        "overwrites_array.py",
        data=array,
        inputs=frozenset({"table.npy"}),
        outputs={**METRICS, "table.npy": ("modified", "other")},
        needs=("numpy",),
        changed=True,
        verdict="undecided",
        level=None,
        because="table.npy",
    ),
    "reads what an earlier run left": Row(
        "keeps_cache.py",
        data=cache,
        inputs=frozenset({"cache.json", "history.csv"}),
        outputs={**METRICS, "history.csv": ("modified", "other")},
        changed=True,
    ),
    "leaves a cache": Row(
        "keeps_cache.py",
        outputs={**METRICS, "cache.json": ("created", "other"), "history.csv": ("created", "other")},
    ),
    "lists a folder": Row("lists_folder.py", data=images, inputs=frozenset(), unlisted="images/cat_1.png"),
    "asks whether a file is there": Row("asks_only.py", data=flag, unlisted="strict.flag"),
    "absolute paths and names of all kinds": Row(
        "beside_itself",
        ("python", "{folder}/src/train.py", "{folder}/../else where/x.csv"),
        data=names,
        inputs=frozenset({"my data/größe 1.csv", "../else where/x.csv"}),
        modules=frozenset({"src/train.py"}),
        outputs={"out/metrics.json": ("created", "metrics")},
    ),
    "an absolute path in the code": Row("sorted_values.py", data=absolute),
    "absolute paths of outputs in the code": Row(
        "sorted_values.py", data=absolute_outputs, verdict="undecided", level=None, because="undecided.writes_elsewhere"
    ),
    "through a linked folder": Row(
        "beside_itself",
        ("python", "src/train.py", "../linked/größe 1.csv"),
        data=names,
        inputs=frozenset({"my data/größe 1.csv", "linked/größe 1.csv"}),
        modules=frozenset({"src/train.py"}),
        outputs={"out/metrics.json": ("created", "metrics")},
    ),
    "fails": Row("fails.py", outputs={"progress.txt": ("created", "other")}, failure=("ExitCode", 1), level="failure"),
    "killed": Row(
        "killed",
        modules=frozenset({"train.py", "reading.py"}),
        outputs={},
        posix=True,
        failure=("Signal", 9),
        verdict="undecided",
        level=None,
    ),
    "hangs": Row(
        "hangs.py",
        options=("--timeout", "2"),
        outputs={},
        failure=("TimeLimit", None),
        verdict="undecided",
        level=None,
    ),
    "data in another folder": Row("from_elsewhere.py", data=beside, inputs=frozenset({"../data/x.csv"})),
    "code in another folder": Row(
        "csv_by_pandas.py",
        ("python", "../code/train.py"),
        data=code_beside,
        modules=frozenset({"../code/train.py"}),
        outputs={**METRICS, "predictions.csv": ("created", "predictions")},
        needs=("pandas",),
        level="predictions",
    ),
    "data behind a link": Row("sqlite.py", data=nothing),
    "module of a package": Row(
        "package_module",
        ("python", "-m", "package.train"),
        modules=frozenset({"package/__init__.py", "package/limits.py", "package/train.py"}),
    ),
    "console script": Row(
        "package_module",
        ("train-it",),
        data=console_script,
        env={"PYTHONPATH": "."},
        modules=frozenset({"../bin/train-it", "package/__init__.py", "package/limits.py", "package/train.py"}),
        posix=True,
    ),
    "module of the project": Row(
        "project_module",
        ("python", "src/train.py", "data.csv"),
        modules=frozenset({"src/train.py", "src/features.py"}),
    ),
    "module on an absolute PYTHONPATH": Row(
        "library_user",
        data=library,
        env={"PYTHONPATH": "{folder}/../lib"},
        modules=frozenset({"train.py", "../lib/limits.py"}),
    ),
    "module behind an absolute path": Row(
        "library_user", data=library_by_path, modules=frozenset({"train.py", "../lib/limits.py"})
    ),
    "shell script": Row(
        "shell_script",
        ("./run.sh",),
        hidden=frozenset({"data.csv"}),
        modules=frozenset({"run.sh", "train.py"}),
        outputs={**METRICS, "clean.csv": ("created", "other")},
        posix=True,
        programs=frozenset({"run.sh", "grep"}),
    ),
    "a line of shell": Row(
        "sorted_values.py",
        ("sh", "-c", "grep -c ^3 data.csv > count.txt; echo rows: $(cat count.txt)"),
        hidden=frozenset({"data.csv"}),
        modules=frozenset(),
        outputs={"count.txt": ("created", "other")},
        posix=True,
        programs=frozenset({"sh", "grep", "cat"}),
        hooked=False,
    ),
    "make": Row(
        "make_target",
        ("make", "train"),
        inputs=frozenset({"data.csv", "Makefile"}),
        hidden=frozenset({"Makefile"}),
        needs=("/make",),
        posix=True,
        programs=frozenset({"make"}),
    ),
    "awk": Row(
        "awk_script",
        ("./run.sh",),
        hidden=frozenset({"data.csv"}),
        modules=frozenset({"run.sh"}),
        outputs={**METRICS, "sorted.csv": ("created", "other")},
        needs=("/awk", "/sort"),
        posix=True,
        hooked=False,
        programs=frozenset({"run.sh", "awk", "sort"}),
    ),
    "R": Row(
        "r_script",
        ("Rscript", "train.R", "--seed", "3"),
        hidden=frozenset({"data.csv"}),
        modules=frozenset({"train.R"}),
        outputs={**METRICS, "model.rds": ("created", "model")},
        needs=("/Rscript",),
        posix=True,
        hooked=False,
        programs=frozenset({"Rscript", "R", "rm", "sed", "which"}),
    ),
    "spawn and loky": Row("spawn_and_loky.py", needs=("joblib",)),
    "inline metadata by uv": Row(
        "inline_metadata.py",
        ("uv", "run", "--python", sys.executable, "train.py"),
        env={"UV_OFFLINE": "1"},
        needs=("/uv",),
        modules=frozenset({"train.py"}),
        programs=frozenset({"uv"}),
    ),
    "Python of an environment in the project": Row(
        "of_an_environment.py", (".venv/bin/python", "train.py"), data=environment, posix=True
    ),
    "console script of an environment in the project": Row(
        "of_an_environment.py", (".venv/bin/train-it",), data=environment, modules=frozenset(), posix=True
    ),
    "notebook by nbconvert": Row(
        "notebook",
        ("jupyter", "nbconvert", "--to", "notebook", "--execute", "nb.ipynb", "--output", "out.ipynb"),
        modules=frozenset({"nb.ipynb", "helper.py"}),
        outputs={**METRICS, "out.ipynb": ("created", "report")},
        needs=("/jupyter-nbconvert",),
    ),
    "notebook by papermill": Row(
        "notebook",
        ("papermill", "nb.ipynb", "out.ipynb", "-p", "seed", "1"),
        modules=frozenset({"nb.ipynb", "helper.py"}),
        outputs={**METRICS, "out.ipynb": ("created", "report")},
        needs=("/papermill",),
    ),
    "a script of the course": Row(
        "course_script.py",
        ("python", "train.py", "--input", "data.csv", "--label_col", "y", "--random_state", "7"),
        outputs={
            "artifacts/run_*/config.json": ("created", "config"),
            "artifacts/run_*/metrics.json": ("created", "metrics"),
            "artifacts/run_*/model.joblib": ("created", "model"),
            "artifacts/run_*/run_metadata.json": ("created", "other"),
            "artifacts/run_*/val_report.txt": ("created", "report"),
        },
        needs=("sklearn",),
    ),
}
TABLE_OF_SCRIPTS["data behind a link"] = Row("from_elsewhere.py", ("python", "train.py", "--input", "data.csv"), linked)

TABLE_OF_SCRIPTS["a Python without the hook"] = Row(
    "from_elsewhere.py",
    ("python", "-I", "train.py", "--input", "data.csv"),
    hidden=frozenset({"data.csv"}),
    programs=frozenset({"python"}),
    hooked=False,
)
#: Of a processor and a system libraries learn through these.
ASKING = frozenset({"uname", "lscpu", "ldconfig", "getconf", "nproc", "gcc", "cc", "ld"})
#: A shell goes by several names, and make starts one only where a line needs it.
SHELLS = frozenset({"sh", "dash", "bash", "busybox"})

# --- running ----------------------------------------------------------------------------------------------------


#: The command line, where the system refuses to let system calls be observed.
REFUSED = (
    "import week2kit.observing.calls as calls; calls.available = lambda: 'refused'\n"
    "from week2kit.cli import main; main()"
)


@dataclass(frozen=True)
class Ran:
    """What train said of a row, and where."""

    folder: Path
    env: Mapping[str, str]
    code: int
    manifest: dict[str, Any]
    errors: str
    refused: bool

    @property
    def is_whole(self) -> bool:
        """Whether the record claims that nothing was read unseen."""
        return Coverage.model_validate(self.manifest["inputs"]["coverage"]).is_whole


def week2kit(
    folder: Path, env: Mapping[str, str], *words: str, stdin: bytes | str | None = None, refused: bool = False
) -> tuple[int, bytes, str]:
    if stdin is None and not refused:
        done = server_for(env, OF_COMMANDS).run(
            "week2kit.cli:main", ["week2kit", *words], str(folder), env, timeout=120
        )
        return done.returncode, done.stdout.encode("utf-8", "surrogateescape"), done.stderr
    program = ["-c", REFUSED] if refused else ["-m", "week2kit"]
    command: dict[str, Any] = {"args": [sys.executable, *program, *words], "cwd": folder, "env": env}
    command |= {"capture_output": True, "timeout": 120}
    if isinstance(stdin, bytes):
        ended = subprocess.run(input=stdin, **command)
    else:
        with open(folder / stdin if stdin is not None else os.devnull, "rb") as file:
            ended = subprocess.run(stdin=file, **command)
    return ended.returncode, ended.stdout, ended.stderr.decode(errors="replace")


def missing(row: Row) -> str | None:
    """Why a row cannot run here."""
    if row.posix and os.name != "posix":
        return "needs a POSIX system"
    for name in row.needs:
        found = shutil.which(name[1:]) if name.startswith("/") else importlib.util.find_spec(name)
        if found is None:
            return f"{name.lstrip('/')} is not installed"
    return None


@pytest.fixture(
    scope="module", params=[False, pytest.param(True, marks=pytest.mark.slow)], ids=["all observers", "hook alone"]
)
def ran(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Ran]:
    """Records a row of the table, once."""
    known: dict[str, Ran] = {}

    def record(name: str) -> Ran:
        row = TABLE_OF_SCRIPTS[name]
        if why := missing(row):
            pytest.skip(why)
        if name not in known:
            known[name] = _recorded(row, tmp_path_factory.mktemp("row"), refused=request.param)
        return known[name]

    return record


def _recorded(row: Row, place: Path, *, refused: bool) -> Ran:
    folder = place / "project"
    if row.script.endswith(".py"):
        folder.mkdir()
        shutil.copy(SCRIPTS / row.script, folder / "train.py")
    else:
        shutil.copytree(SCRIPTS / row.script, folder, ignore=shutil.ignore_patterns("__pycache__"))
    for script in folder.glob("*.sh"):
        script.chmod(script.stat().st_mode | stat.S_IXUSR)
    row.data(folder)
    checkout = str(SCRIPTS.parents[1])
    own = row.env.get("PYTHONPATH", "").format(folder=folder)
    path = [str(place / "bin"), str(Path(sys.executable).parent), os.environ["PATH"]]
    env = {
        **os.environ,
        "PATH": os.pathsep.join(path),
        **row.env,
        "PYTHONPATH": os.pathsep.join([own, checkout] if own else [checkout]),
    }
    words = ("train", "--json", "--name", "one", *row.options, "--", *(word.format(folder=folder) for word in row.argv))
    code, out, errors = week2kit(folder, env, *words, stdin=row.stdin, refused=refused)
    assert code in (0, 1), errors
    return Ran(folder, env, code, json.loads(out), errors, refused)


#: Others of the same kind are among the rows that are always run.
SLOW = (
    *(
        "parquet by pandas",
        "polars",
        "duckdb",
        "spawn",
        "loky",
        "joblib",
        "clock as a metric",
        "code in another folder",
    ),
    *(
        "zip",
        "npz and npy",
        "module of a package",
        "data behind a link",
        "through a linked folder",
        "a script of the course",
        "a Python without the hook",
    ),
)
every_row = pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] if name in SLOW else []) for name in TABLE_OF_SCRIPTS]
)

# --- what the record says ---------------------------------------------------------------------------------------


@every_row
def test_how_it_ended(name: str, ran: Callable[[str], Ran]) -> None:
    row, one = TABLE_OF_SCRIPTS[name], ran(name)
    failure = one.manifest["failure"]
    assert one.manifest["kind"] == "command"
    assert one.code == (0 if row.failure is None else 1)
    assert (failure and (failure["error"], failure["code"])) == row.failure
    assert "Traceback" not in one.errors or row.failure == ("ExitCode", 1)


@every_row
def test_its_inputs(name: str, ran: Callable[[str], Ran]) -> None:
    row, one = TABLE_OF_SCRIPTS[name], ran(name)
    inputs = one.manifest["inputs"]
    found = {file["path"] for file in inputs["files"]}
    if "system_calls" in inputs["coverage"]["observers"]:
        assert found == row.inputs
    else:
        assert row.inputs - row.hidden <= found <= row.inputs
    assert found == row.inputs or not one.is_whole
    assert all(file["how"] == "observed" for file in inputs["files"])
    assert any(file["after"] != file["sha256"] for file in inputs["files"]) == row.changed


@every_row
def test_its_modules(name: str, ran: Callable[[str], Ran]) -> None:
    row, one = TABLE_OF_SCRIPTS[name], ran(name)
    assert {*one.manifest["inputs"]["program"]["modules"]} == row.modules


@every_row
def test_its_outputs(name: str, ran: Callable[[str], Ran]) -> None:
    row, one = TABLE_OF_SCRIPTS[name], ran(name)
    outcome = one.manifest["outcome"]
    if outcome is None:
        assert row.failure is not None
        return
    found = {stable_name(file["path"]): (file["change"], file["role"]) for file in outcome["files"]}
    assert found == dict(row.outputs)
    assert outcome["metrics"] or row.failure


@every_row
def test_it_says_what_was_not_seen(name: str, ran: Callable[[str], Ran]) -> None:
    row, one = TABLE_OF_SCRIPTS[name], ran(name)
    coverage = one.manifest["inputs"]["coverage"]
    whole = "system_calls" in coverage["observers"]
    assert ("audit_hook" in coverage["observers"]) == (coverage["hooked"] > 0) == row.hooked
    assert {*coverage["native_readers"]} >= row.native
    programs = {*coverage["programs"]} - SHELLS - ASKING
    if "uv" in row.programs:  # it asks each interpreter that it finds, and does not know yet, what it is
        programs = {program for program in programs if not PYTHON.fullmatch(program)}
    assert programs == row.programs - SHELLS if whole else programs <= row.programs
    assert whole or coverage["refused"]["system_calls"]
    assert coverage["network"] == row.network  # a kernel is spoken to over TCP: that is none
    assert coverage["unreadable"] == 0
    stdin = one.manifest["inputs"]["program"]["stdin"]
    assert stdin == ("-" if isinstance(row.stdin, bytes) else row.stdin)


# --- the verdict ------------------------------------------------------------------------------------------------


@every_row
def test_its_verdict(name: str, ran: Callable[[str], Ran]) -> None:
    row, one = TABLE_OF_SCRIPTS[name], ran(name)
    before = snapshot(one.folder)
    _, out, errors = week2kit(one.folder, one.env, "verify", "--json", "runs/one", refused=one.refused)
    assert snapshot(one.folder) == before  # nothing of a person's own is touched
    assert "Traceback" not in errors
    found = json.loads(out)["runs"][0]
    told = json.dumps(found)
    if one.refused and found["verdict"] == "undecided":  # what no observer saw, nobody can bring about again
        return
    assert (found["verdict"], found["level"], found["first_divergence"]) == (row.verdict, row.level, row.first), told
    assert row.because is None or row.because in told
    hermetic = [check for check in found["checks"] if check["code"] == "hermetic"]
    if row.verdict == "identical" and row.failure is None:
        (outcome,) = [check["outcome"] for check in hermetic]
        assert outcome in ("failed" if row.unlisted else "passed", "skipped"), told
    assert row.unlisted is None or one.refused or row.unlisted in json.dumps(hermetic)


# --- the same later -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Later:
    """A row that is verified after something changed, and what is right then."""

    row: str
    change: Callable[[Path], None]
    env: Mapping[str, str | None]
    verdict: str
    because: str


def add_a_file(folder: Path) -> None:
    (folder / "images" / "dog_99.png").write_bytes(b"")


def edit_the_library(folder: Path) -> None:
    (folder.parent / "lib" / "limits.py").write_text("LIMIT = 5\n")


LATER = {
    "a module on an absolute PYTHONPATH was edited": Later(
        "module on an absolute PYTHONPATH", edit_the_library, {}, "identical", "limits.py"
    ),
    "a module behind an absolute path was edited": Later(
        "module behind an absolute path", edit_the_library, {}, "undecided", "../lib/limits.py was edited since"
    ),
    "an environment variable is another": Later(
        "environment variable", nothing, {"LIMIT": "5"}, "undecided", "LIMIT, TABLE"
    ),
    "an environment variable is gone": Later(
        "environment variable", nothing, {"LIMIT": None}, "undecided", "LIMIT, TABLE"
    ),
    "a file came to a folder that it lists": Later(
        "lists a folder", add_a_file, {}, "undecided", "it asks for what its record does not have: images/cat_1.png"
    ),
    "a variable in the command is none of the shell": Later(
        "environment variable in the command", nothing, {"LIMIT": "9"}, "identical", ""
    ),
}


@pytest.mark.parametrize("case", LATER)
def test_a_verdict_later(case: str, tmp_path: Path) -> None:
    here = LATER[case]
    row = TABLE_OF_SCRIPTS[here.row]
    if why := missing(row):
        pytest.skip(why)
    one = _recorded(row, tmp_path, refused=False)
    here.change(one.folder)
    env = {name: value for name, value in {**one.env, **here.env}.items() if value is not None}
    _, out, errors = week2kit(one.folder, env, "verify", "runs/one")
    assert f"{here.verdict}" in out.decode()
    assert here.because in re.sub(r"\s+", " ", out.decode())
    assert "Traceback" not in errors
