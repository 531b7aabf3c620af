"""The tampering table, row by row; and that verification changes nothing, runs nothing, and works wherever it stands.

Base runs are trained once, and copied for every row; of what is the same in two copies, nothing is trained again.
"""

from __future__ import annotations

import json
import os
import pickle
import re
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.forked import server_for
from tests.sessions import command as week2kit
from tests.sessions import python
from week2kit import verify
from week2kit.processes.forking import end_server
from week2kit.record.verdict import Verdict, VerdictDocument
from week2kit.sentences.verdicts import describe_verdict
from week2kit.verification.options import exit_code
from week2kit.verification.verifying import document

from .cases import CASES, Case
from .copies import Copy, scores_scaled, snapshot
from .remembered import verdict_of

ROOT = Path(__file__).resolve().parents[2]


pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    """One thread, where bases are trained and here: with two processors, the recorded environment is in force."""
    end_server()  # it has the variables of its start
    with pytest.MonkeyPatch.context() as patch:
        for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
            patch.setenv(name, "1")
        yield
        end_server()


@pytest.fixture(scope="module")
def bases(tmp_path_factory: pytest.TempPathFactory, one_thread: None) -> Path:
    directory = tmp_path_factory.mktemp("bases")
    # train remembers where it read which data: on the machine that verifies, nobody trained
    made = f"import copies, pathlib; copies.make_bases(pathlib.Path({str(directory)!r}))"
    done = python("-c", made, path=Path(__file__).parent, XDG_CACHE_HOME=str(directory / "cache"))
    assert done.returncode == 0, done.stderr
    return directory


@pytest.fixture
def copy_of(bases: Path, tmp_path: Path) -> Callable[[str], Copy]:
    def make(base: str) -> Copy:
        return _copy(bases, base, tmp_path / f"copy of {base}")

    return make


def _copy(bases: Path, base: str, to: Path) -> Copy:
    shutil.copytree(bases / base, to)
    return Copy(to, bases)


# --- the table --------------------------------------------------------------------------------------------------


def _verify(*arguments: object) -> VerdictDocument:
    return VerdictDocument.model_validate_json(week2kit("verify", "--json", *arguments).stdout)


#: What week2kit imports: another one is imported in a fork of a process that has it.
LIBRARIES = ("typer", "rich", "pydantic", "pandas", "sklearn.ensemble", "sklearn.linear_model", "sklearn.compose")


def _verdict_with_other_code(root: Path, change: Callable[[Path], object], run: Path) -> Verdict:
    """What a week2kit that was changed says; it is first on the path of its process."""
    shutil.copytree(ROOT / "week2kit", root / "week2kit")  # compiled, too: only what is changed is compiled again
    change(root / "week2kit")
    words = ["week2kit", "verify", "--json", str(run)]
    done = server_for(os.environ, LIBRARIES).run(
        "week2kit.cli:main", words, str(root), os.environ, 300, first=str(root)
    )
    return VerdictDocument.model_validate_json(done.stdout).runs[0]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_every_damage_gets_its_verdict(case: Case, bases: Path, tmp_path: Path) -> None:
    copy = _copy(bases, case.base, tmp_path / "copy")
    case.change(copy)
    before = snapshot(copy.project)
    if case.code is not None:
        verdict = _verdict_with_other_code(tmp_path / "code", case.code, copy.run)
    else:
        data = copy.project / case.data if case.data is not None else None
        verdict = verdict_of(copy.run, copy.project, data=data, repeats=case.repeats)
    changed = snapshot(copy.project) != before
    if copy.run.is_dir():
        copy.run.chmod(0o755)
    told = describe_verdict(verdict)
    shown = "\n".join(told)
    assert (verdict.verdict, verdict.first_divergence) == (case.verdict, case.layer), shown
    assert verdict.level in (case.level if isinstance(case.level, tuple) else (case.level,)), shown
    assert case.says in shown
    if case.cause is not None:
        causes = [f"{cause.input} {cause.factor}" for cause in verdict.causes]
        assert any(case.cause in cause for cause in causes) if case.cause else not causes, causes
    assert exit_code(document([verdict])) == case.exit_code
    assert not changed, "verification changed the folder"
    for line in told:
        assert line.isprintable(), line
        assert len(line) < 700, line
        assert "None" not in line, line
        assert "Traceback" not in line, line
    value = verdict.model_dump(mode="json")
    assert Verdict.model_validate(json.loads(json.dumps(value, allow_nan=False))).model_dump(mode="json") == value


def test_every_row_has_its_own_name_and_is_counted_in_the_readme() -> None:
    assert len({case.id for case in CASES}) == len(CASES)
    # what it says of them is held against the slow corpus; a row is added here
    assert f"With the {len(CASES)} rows of `tests/tampering`" in (ROOT / "README.md").read_text(encoding="utf-8")


# --- every single value of a manifest ---------------------------------------------------------------------------

#: What a manifest says that no rerun can prove: who, when, how long; and what is no claim about
#: the outcome. Whatever else is changed must be noticed. (Modules have dots in their names: the table has them.)
UNPROVEN = re.compile(
    r"run_id|nonce|created_at|command|stages\..*|artifacts\.\d+\.bytes|inputs\.seed\.source"
    r"|inputs\.code\.(week2kit|git.*|modules.*)|inputs\.data\.(validation\.)?(sha256|from_run)|inputs\.environment\.(?!libraries).*"
)


def _leaves(value: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict | list) and value:
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, item in items:
            yield from _leaves(item, f"{place}.{key}" if place else str(key))
    else:
        yield place, value


def _another(value: Any) -> Any:
    """Another value of the same type, so that the schema is not what notices it."""
    match value:
        case bool():
            return not value
        case int():
            return value + 1
        case float():
            return value + 0.25
        case str() if re.fullmatch("[0-9a-f]{16,64}", value):
            return value[1:] + ("0" if value[0] != "0" else "1")
        case str():
            return f"{value}x"
        case None:
            return "x"
    return ["x"]


@pytest.mark.parametrize("base", ["penguins", "folds", "houses", "two_files"])
def test_no_value_of_a_manifest_can_be_changed_unnoticed(base: str, bases: Path, tmp_path: Path) -> None:
    manifest = json.loads((bases / base / "runs" / "run" / "manifest.json").read_text(encoding="utf-8"))
    provable = [(p, v) for p, v in _leaves(manifest) if not UNPROVEN.fullmatch(p)]
    if base != "penguins":  # what is common to all was seen there
        own = ("outcome.", "inputs.data.validation")
        provable = [(place, value) for place, value in provable if place.startswith(own)]
    verdicts = {}
    for number, (place, value) in enumerate(provable):
        copy = _copy(bases, base, tmp_path / str(number))
        copy.set(place, _another(value))
        verdicts[place] = verdict_of(copy.run, copy.project).verdict
    assert {place: v for place, v in verdicts.items() if v not in (None, "tampered", "different")} == {}


def test_what_no_rerun_can_prove_does_not_condemn(bases: Path, tmp_path: Path) -> None:
    copy = _copy(bases, "penguins", tmp_path / "copy")
    for place in ("created_at", "nonce", "command", "inputs.seed.source", "inputs.data.sha256", "inputs.code.week2kit"):
        value = {"created_at": "1999-01-01T00:00:00Z", "inputs.seed.source": "drawn"}.get(place)
        copy.set(place, value or _another(copy.get(place)))
    (verdict,) = _verify(copy.run).runs
    assert (verdict.verdict, verdict.level) == ("identical", "model")


# --- wherever it stands -----------------------------------------------------------------------------------------


def test_it_holds_from_another_working_directory(copy_of: Callable[[str], Copy], tmp_path: Path) -> None:
    copy = copy_of("penguins")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for directory in (copy.run, elsewhere):
        done = week2kit("verify", os.path.relpath(copy.run, directory), cwd=directory)
        assert done.returncode == 0, done.stdout


def test_it_holds_after_folder_and_data_were_moved_together(copy_of: Callable[[str], Copy], tmp_path: Path) -> None:
    copy = copy_of("penguins")
    moved = tmp_path / "määh (1) [2] \N{SNOWMAN}"
    shutil.move(copy.project, moved)
    (moved / "runs" / "run").rename(moved / "runs" / "-o another 'name'")
    done = week2kit("verify", moved / "runs")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    "locale", [{"LC_ALL": "C"}, {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}, {"LANG": "tr_TR"}]
)
def test_it_holds_in_any_locale(locale: dict[str, str], copy_of: Callable[[str], Copy], tmp_path: Path) -> None:
    moved = tmp_path / "mäh"
    shutil.move(copy_of("penguins").project, moved)
    done = week2kit("verify", moved / "runs", **locale)
    assert done.returncode == 0, done.stdout + done.stderr


def test_it_holds_with_numbers_and_text_that_need_care(tmp_path: Path) -> None:
    """Names and labels with commas, quotes, blanks, accents, formulas, and numbers at the ends of their range."""
    labels = ["x, y", "ü", "=z", "1.0"]
    lines = ['"a,b","c ""d""",é,=1+1,target']
    lines += [
        f'{i}.{i}e{i % 5 - 2},{i % 7 * 1e15 + 0.1},{9007199254740993 + i},-{i},"{labels[i % 4]}"' for i in range(40)
    ]
    (tmp_path / "t.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    config = {"data": {"path": "t.csv", "target": "target"}, "model": "decision_tree", "seed": 1}
    (tmp_path / "c.json").write_text(json.dumps(config))
    assert week2kit("train", "c.json", "--name", "a", cwd=tmp_path).returncode == 0
    (verdict,) = _verify(tmp_path / "runs" / "a").runs
    assert (verdict.verdict, verdict.level) == ("identical", "model")


def test_twice_and_at_the_same_time_give_the_same(copy_of: Callable[[str], Copy]) -> None:
    copy = copy_of("folds")
    before = snapshot(copy.project)
    results: list[VerdictDocument] = []
    threads = [threading.Thread(target=lambda: results.append(_verify(copy.run))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    results.append(_verify(copy.run))
    assert {(result.runs[0].verdict, result.runs[0].level) for result in results} == {("identical", "model")}
    assert len(results) == 3
    assert snapshot(copy.project) == before


def test_it_holds_for_a_user_who_may_only_read(copy_of: Callable[[str], Copy]) -> None:
    copy = copy_of("penguins")
    for path in [copy.project, *copy.project.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    before = snapshot(copy.project)
    assert week2kit("verify", copy.run, cwd=copy.run).returncode == 0
    assert snapshot(copy.project) == before


# --- nothing is run ---------------------------------------------------------------------------------------------


class _Canary:
    """Writes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


def test_nothing_is_ever_unpickled(copy_of: Callable[[str], Copy], tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    copy = copy_of("penguins")
    for name in ("model.joblib", "model.pkl", "cache.pkl"):
        (copy.run / name).write_bytes(pickle.dumps(_Canary(canary)))
    copy.seal()
    (verdict,) = _verify(copy.run).runs
    assert (verdict.verdict, verdict.first_divergence) == ("different", "model")
    assert not canary.exists()


MODULES = (
    *("sklearn", "rich", "numpy", "joblib", "pandas", "pyarrow", "multiprocessing", "json", "sitecustomize"),
    *("usercustomize", "conftest", "matplotlib", "threadpoolctl", "typer", "jinja2", "week2kit"),
)


def _plant_modules(directory: Path, canary: Path) -> None:
    for name in MODULES:
        code = f"open({str(canary)!r}, 'a').write({name!r} + ' ')\nraise ImportError('planted')\n"
        (directory / f"{name}.py").write_text(code)


@pytest.mark.parametrize(
    ("start", "command"),
    [
        (["-P", "-m", "week2kit"], ["verify"]),
        (["-m", "week2kit"], ["verify"]),
        (["SCRIPT"], ["verify", "--jobs", "2"]),
        (["-m", "week2kit"], ["report"]),
        (["SCRIPT"], ["report"]),
        (["-m", "week2kit"], ["runs"]),
    ],
    ids=lambda words: " ".join(words),
)
def test_no_module_in_the_working_directory_is_imported(
    start: list[str], command: list[str], copy_of: Callable[[str], Copy], tmp_path: Path
) -> None:
    copy, canary = copy_of("iris"), tmp_path / "canary"
    script = tmp_path / "bin" / "week2kit"
    script.parent.mkdir()
    script.write_text("from week2kit.cli import main\nmain()\n")
    _plant_modules(copy.run.parent, canary)
    _plant_modules(copy.run, canary)
    shutil.copytree(copy.run, copy.run.parent / "second")
    if start == ["-m", "week2kit"]:  # Python itself looks for that one module here, before week2kit is asked
        (copy.run.parent / "week2kit.py").unlink()
        (copy.run / "week2kit.py").unlink()
    arguments = [str(script) if part == "SCRIPT" else part for part in start]
    for directory, path in ((copy.run.parent, "."), (copy.run, "..")):
        done = python(*arguments, *command, path, cwd=directory)
        assert not canary.exists(), canary.read_text()
        assert done.returncode == 0, done.stdout + done.stderr


def test_no_module_is_imported_where_a_fit_starts_processes(copy_of: Callable[[str], Copy], tmp_path: Path) -> None:
    copy, canary = copy_of("iris"), tmp_path / "canary"
    config = {"data": {"dataset": "iris"}, "seed": 1}
    config["model"] = {"class": "sklearn.ensemble.VotingClassifier", "params": {"n_jobs": 2, "estimators": [
        ["a", {"class": "decision_tree"}], ["b", {"class": "naive_bayes"}]
    ]}}  # fmt: skip
    (copy.project / "c.json").write_text(json.dumps(config))
    assert week2kit("train", "c.json", "--name", "many", cwd=copy.project).returncode == 0
    _plant_modules(copy.run.parent, canary)
    done = week2kit("verify", "many", cwd=copy.run.parent)
    assert not canary.exists(), canary.read_text()
    assert done.returncode == 0, done.stdout + done.stderr


def test_git_is_never_started_for_a_run(copy_of: Callable[[str], Copy], tmp_path: Path) -> None:
    copy, canary = copy_of("penguins"), tmp_path / "canary"
    subprocess.run(["git", "init", "-q", copy.run], check=True)
    script = tmp_path / "evil"
    script.write_text(f"#!/bin/sh\ntouch {canary}\n")
    script.chmod(0o755)
    (copy.run / ".git" / "config").write_text(f"[core]\n\tfsmonitor = {script}\n\tpager = {script}\n")
    for command in (["verify", "."], ["report", ".", "."], ["runs", ".."]):
        week2kit(*command, cwd=copy.run)
    assert not canary.exists()


def test_a_memory_folder_of_pickles_is_never_used(copy_of: Callable[[str], Copy]) -> None:
    """A search's grid can reach parameters inside the estimators: one of them loads pickles from a folder."""
    copy = copy_of("other")
    search = {
        "class": "sklearn.model_selection.GridSearchCV",
        "params": {
            "estimator": {
                "class": "sklearn.pipeline.Pipeline",
                "params": {"steps": [["model", {"class": "decision_tree"}]]},
            },
            "param_grid": {"memory": [str(copy.run / "cache")]},
        },
    }  # fmt: skip
    copy.forge_config("model", search)
    copy.set("outcome.model.class", "sklearn.model_selection.GridSearchCV")
    (verdict,) = _verify(copy.run).runs
    assert verdict.verdict == "different"
    assert "reads or writes files" in "\n".join(describe_verdict(verdict))
    assert not (copy.run / "cache").exists()


# --- what is shown ----------------------------------------------------------------------------------------------


def test_foreign_text_cannot_act_on_a_terminal_or_a_log(copy_of: Callable[[str], Copy]) -> None:
    copy = copy_of("fails")
    evil = "\x1b[2J\x1b]0;title\x07\n::error::x\r\u202e[/oops] [link=x]"
    copy.set("failure.message", evil)
    copy.set("failure.error", "Error" + evil)
    copy.run.rename(copy.run.with_name("\x1b[31mred\n::set-output name=x::y"))
    (copy.run.parent / "\x1b[31mno run\n::error::z").mkdir()
    done = week2kit("verify", copy.run.parent)
    for text in (done.stdout, done.stderr):
        assert "\x1b" not in text
        assert "\u202e" not in text
        assert not any(line.strip().startswith("::") for line in text.splitlines())
    assert done.returncode == 125


# --- the command line -------------------------------------------------------------------------------------------


def test_the_exit_code_of_several_runs_is_the_worst_one(copy_of: Callable[[str], Copy]) -> None:
    runs = {
        base: copy_of(base).run for base in ("penguins", "folds", "houses", "iris", "interrupted", "fails", "other")
    }
    copies = {base: Copy(run.parent.parent, Path()) for base, run in runs.items()}
    copies["folds"].set("outcome.metrics.accuracy.training", 1.0)  # different: 1
    copies["houses"].set("outcome.metrics.r2.value", 1.0)  # tampered: 3
    (runs["iris"] / "manifest.json").write_text("{")  # unreadable: 2
    (copies["other"].project / "penguins.csv").unlink()  # undecided: 125
    all_of_them = week2kit("verify", "--json", "--jobs=2", *runs.values())
    assert all_of_them.returncode == 2
    error, *progress = all_of_them.stderr.splitlines()
    assert error.startswith(f"error: {runs['iris']}/manifest.json: not a manifest that can be read: ")
    assert [re.fullmatch(r"(\d/\d) .+: [a-z]+", line)[1] for line in progress] == [f"{n}/6" for n in range(1, 7)]  # type: ignore[index]
    found = {verdict.run: verdict for verdict in VerdictDocument.model_validate_json(all_of_them.stdout).runs}
    for names, code in (
        (["penguins"], 0),
        (["penguins", "interrupted", "fails"], 0),
        (["interrupted", "fails"], 125),
        (["penguins", "other"], 125),
        (["penguins", "folds", "other"], 1),
        (["penguins", "folds", "houses", "other"], 3),
        (["penguins", "folds", "houses", "iris", "other"], 2),
    ):
        assert exit_code(document(found[runs[name].as_posix()] for name in names)) == code, names
    assert week2kit("verify", runs["penguins"], runs["folds"], runs["interrupted"]).returncode == 1
    assert week2kit("verify", runs["houses"], runs["folds"]).returncode == 3


def test_a_deeper_level_can_be_asked_for(copy_of: Callable[[str], Copy]) -> None:
    copy = copy_of("margins")
    assert week2kit("verify", copy.run, "--strict", "model").returncode == 0
    copy.forge_predictions(scores_scaled(1 + 1e-13))
    copy.set("inputs.environment.cpu.model", "Z80")
    assert week2kit("verify", copy.run).returncode == 0
    assert week2kit("verify", copy.run, "--strict", "scores").returncode == 1


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("nowhere", "not there"),
        ("x" * 5000, "not there"),
        ("empty", "it holds no run"),
        ("file", "it is a file"),
        ("loop", "expected a run folder"),
        ("dead", "expected a run folder"),
        ("subfolders", "it holds no run"),
        ("", ""),
    ],
)
def test_what_is_no_run_ends_with_2_and_a_sentence(path: str, says: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "subfolders" / "a").mkdir(parents=True)
    (tmp_path / "file").write_text("x")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "dead").symlink_to("gone")
    for command in ("verify", "report"):
        done = week2kit(command, path, cwd=tmp_path)
        assert done.returncode == 2, done.stderr
        assert says in done.stderr
        assert "Traceback" not in done.stderr


def test_in_python_it_gives_the_same_verdicts_and_prints_nothing(
    copy_of: Callable[[str], Copy], capfd: pytest.CaptureFixture[str]
) -> None:
    broken, fine = copy_of("folds"), copy_of("houses")
    broken.set("outcome.metrics.accuracy.value", 1.0)
    result = verify(broken.run, fine.run)
    assert [verdict.verdict for verdict in result.runs] == ["tampered", "identical"]
    assert "| `tampered` |" in result._repr_markdown_()
    assert "| `identical` | `model` |" in result.runs[1]._repr_markdown_()
    assert capfd.readouterr() == ("", "")
