"""Why a recorded command comes out otherwise: versions that are put back, and what is varied on purpose."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import os
import platform
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from week2kit.environment.conditions import Conditions
from week2kit.environment.restoring import Factor
from week2kit.errors import CannotRestore
from week2kit.observing.confined import available as confined_available
from week2kit.processes.interpreters import build_for_command
from week2kit.processes.limits import read_limits
from week2kit.record.artifacts import artifact_digest
from week2kit.record.store import Run
from week2kit.record.verdict import Verdict
from week2kit.sentences.reruns import account
from week2kit.sentences.variations import variation_lines
from week2kit.sentences.verdicts import describe_verdict, short_verdict
from week2kit.training.asked import Asked
from week2kit.training.command import train_command
from week2kit.verification.other_python import words_with
from week2kit.verification.putting_back import variables_of
from week2kit.verification.shown import verify
from week2kit.verification.trials import EffortSpent, smallest_set

#: A small distribution that comes with scikit-learn, in a version that is not the one that is here.
NAME = "threadpoolctl"
HERE = importlib.metadata.version(NAME)
OTHER = next(version for version in ("3.5.0", "3.4.0") if version != HERE)

OF_VERSION = f"""
    import {NAME}
    print("minor:", int({NAME}.__version__.split(".")[1]))
"""


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def project(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def other(cache: Path) -> Path:
    """A Python with another version of a distribution than is here."""
    try:
        return build_for_command(platform.python_version(), {NAME: OTHER}, timeout=300)
    except CannotRestore as error:
        pytest.skip(f"no uv, or no package index: {error}")


def script(code: str, name: str = "train.py", first: str = "") -> None:
    Path(name).write_text(first + textwrap.dedent(code).lstrip("\n"))
    Path(name).chmod(0o755)


def train(*words: str, program: str = sys.executable, name: str = "one") -> Run:
    return train_command(Asked([program, *words]), name=name)


def judged(name: str = "one", **options: Any) -> Verdict:
    return verify(f"runs/{name}", **options).runs[0]


def text(verdict: Verdict) -> str:
    return "\n".join(describe_verdict(verdict))


def forge(name: str, metric: str, value: float) -> None:
    """Change a metric as somebody would who keeps the run agreeing with itself."""
    folder = Path("runs") / name
    (folder / "metrics.json").write_text(json.dumps({metric: value}))
    digest = artifact_digest("metrics", (folder / "metrics.json").read_bytes())
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["outcome"]["metrics"] = {metric: value}
    manifest["artifacts"] = [o | ({"sha256": digest} if o["name"] == "metrics" else {}) for o in manifest["artifacts"]]
    (folder / "manifest.json").write_text(json.dumps(manifest))


# --- versions ---------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("way", ["python", "first line", "make", "uv"])
def test_recorded_versions_are_put_back_and_prove_the_cause(
    way: str, other: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script(OF_VERSION, first="#!/usr/bin/env python3\n" if way == "first line" else "")
    Path("Makefile").write_text("train:\n\tpython train.py\n")
    path = os.environ["PATH"]
    monkeypatch.setenv("PATH", f"{other.parent}{os.pathsep}{path}")
    if way in ("make", "uv") and shutil.which(way) is None:
        pytest.skip(f"{way} is not installed")
    match way:
        case "python":
            train("train.py", "--seed", "1", program=str(other))
        case "first line":
            train("--seed", "1", program="./train.py")
        case "make":
            train("train", program="make")
        case "uv":
            monkeypatch.setenv("VIRTUAL_ENV", str(other.parents[1]))
            train("run", "--no-project", "--active", "train.py", "--seed", "1", program="uv")
            monkeypatch.setenv("VIRTUAL_ENV", sys.prefix)
    monkeypatch.setenv("PATH", path)
    untested = judged()
    assert untested.verdict == "undecided", text(untested)
    assert "--restore versions tries the recorded versions." in "\n".join(short_verdict(untested))
    verdict = judged(restore_versions=True)
    assert (verdict.verdict, verdict.level) == ("explained", "metrics"), text(verdict)
    assert [(cause.factor, cause.recorded, cause.now, cause.proof) for cause in verdict.causes] == [
        (f"library.{NAME}", OTHER, HERE, "restored")
    ]
    minors = [float(version.split(".")[1]) for version in (OTHER, HERE)]
    assert [verdict.metrics["minor"].restored, verdict.metrics["minor"].here] == minors
    assert f"bit for bit with the recorded {NAME} {OTHER} put back" in text(verdict)
    hermetic = next(check for check in verdict.checks if check.code == "hermetic")
    if way == "python":
        assert hermetic.outcome == ("skipped" if confined_available() else "passed")


@pytest.mark.slow
def test_of_several_versions_those_that_are_needed_are_named(other: Path) -> None:
    both = {NAME: OTHER, "joblib": "1.4.0"}
    try:
        python = build_for_command(platform.python_version(), both, timeout=300)
    except CannotRestore as error:
        pytest.skip(f"no package index: {error}")
    script("import joblib\n" + textwrap.dedent(OF_VERSION))
    train("train.py", "--seed", "1", program=str(python))
    verdict = judged(restore_versions=True)
    assert verdict.verdict == "explained", text(verdict)
    assert [cause.factor for cause in verdict.causes] == [f"library.{NAME}"]
    assert {*verdict.reruns[3].factors} >= {f"library.{NAME}", "library.joblib"}


@pytest.mark.slow
def test_a_distribution_that_is_not_here_at_all_is_put_back(cache: Path) -> None:
    try:
        python = build_for_command(platform.python_version(), {NAME: OTHER, "isodate": "0.7.2"}, timeout=300)
    except CannotRestore as error:
        pytest.skip(f"no uv, or no package index: {error}")
    if importlib.util.find_spec("isodate"):
        pytest.skip("it is here")
    script("import isodate, threadpoolctl\nprint('long:', isodate.parse_duration('PT5S').seconds)")
    train("train.py", "--seed", "1", program=str(python))
    verdict = judged(restore_versions=True)
    assert verdict.verdict == "explained", text(verdict)
    # the script fails before it imports the other one: what is installed here is what it would have had
    assert [(cause.factor, cause.now) for cause in verdict.causes] == [("library.isodate", None)]
    assert "Without that, the training fails here" in text(verdict)


@pytest.mark.slow
def test_a_forgery_is_not_excused_by_versions_that_can_be_put_back(other: Path) -> None:
    script(OF_VERSION)
    train("train.py", "--seed", "1", program=str(other))
    forge("one", "minor", 77.0)
    assert judged(trust=True).verdict == "undecided"
    verdict = judged(trust=True, restore_versions=True)
    assert (verdict.verdict, verdict.reason and verdict.reason.code) == ("different", "different.all_put_back")
    assert f"the recorded facts were put back (library.{NAME})" in text(verdict)
    assert not verdict.causes


@pytest.mark.slow
@pytest.mark.parametrize("bad", ["99.99.99", "1.0 --index-url=https://example.org"])
def test_versions_that_cannot_be_had_are_told_and_decide_nothing(bad: str, other: Path) -> None:
    script(OF_VERSION)
    train("train.py", "--seed", "1", program=str(other))
    place = Path("runs/one/manifest.json")
    place.write_text(place.read_text().replace(f'"{NAME}": "{OTHER}"', f'"{NAME}": "{bad}"'))
    verdict = judged(trust=True, restore_versions=True)
    assert verdict.verdict == "undecided"
    assert f"note: library.{NAME}: it could not be put back: " in "\n".join(short_verdict(verdict))
    assert "--restore versions tries" not in "\n".join(short_verdict(verdict))


@pytest.mark.slow
def test_where_a_python_is_not_here_the_libraries_are_still_put_back(other: Path) -> None:
    script(OF_VERSION)
    train("train.py", "--seed", "1", program=str(other))
    place = Path("runs/one/manifest.json")
    place.write_text(place.read_text().replace(f'"python": "{platform.python_version()}"', '"python": "3.77.1"'))
    verdict = judged(trust=True, restore_versions=True)
    assert verdict.verdict == "explained", text(verdict)
    assert [(cause.factor, cause.proof) for cause in verdict.causes] == [(f"library.{NAME}", "restored")]
    assert "it holds here although other than recorded are: python." in text(verdict)
    assert "Python 3.77 is not installed here" in next(rerun.failure or "" for rerun in verdict.reruns[3:])
    forge("one", "minor", 77.0)
    assert judged(trust=True, restore_versions=True).verdict == "undecided"  # that Python may have done it


def test_without_uv_the_reason_is_told_and_other_facts_are_still_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    script("print('hash:', hash('text') % 1000)\nimport threadpoolctl")
    monkeypatch.setenv("PYTHONHASHSEED", "7")
    train("train.py", "--seed", "1")
    place = Path("runs/one/manifest.json")
    place.write_text(place.read_text().replace(f'"{NAME}": "{HERE}"', f'"{NAME}": "0.0.1"'))
    monkeypatch.setenv("PYTHONHASHSEED", "8")
    monkeypatch.setitem(sys.modules, "uv", None)
    monkeypatch.setenv("PATH", "/usr/bin-that-is-not-there")
    verdict = judged(trust=True, restore_versions=True)
    assert verdict.verdict == "explained", text(verdict)
    assert [cause.factor for cause in verdict.causes] == ["variable.PYTHONHASHSEED"]
    assert next(rerun.failure for rerun in verdict.reruns if rerun.kind == "restored").startswith("uv, which installs")


def test_a_program_that_no_environment_has_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    script("echo f1: 0.5\n", "tool", "#!/bin/sh\n")
    train(program="./tool")
    place = Path("runs/one/manifest.json")
    manifest = json.loads(place.read_text())
    manifest["inputs"]["program"]["argv"] = ["no-such-program"]
    place.write_text(json.dumps(manifest))
    verdict = judged(trust=True, restore_versions=True)
    assert (verdict.verdict, verdict.reason and verdict.reason.code) == ("undecided", "undecided.no_program")


def test_the_python_of_an_environment_in_the_project_is_run_where_it_lies() -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", ".venv"], check=True)
    script("import sys\nprint('own:', int(sys.prefix != sys.base_prefix and sys.prefix.endswith('.venv')))")
    run = train("train.py", "--seed", "1", program=".venv/bin/python")
    assert run.manifest.inputs.program.script == "train.py"
    assert [*run.manifest.inputs.program.modules] == ["train.py"]
    verdict = judged()
    assert (verdict.verdict, verdict.metrics["own"].here) == ("identical", 1.0)
    if confined_available() is None:
        assert "proven" in text(verdict)
    shutil.rmtree(".venv")  # as where the project was cloned anew: the one on the PATH is run
    assert judged().metrics["own"].here == 0.0


# --- the words of a command -------------------------------------------------------------------------------------

PYTHON = Path("/env/bin/python")


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["python", "train.py", "-x"], [str(PYTHON), "train.py", "-x"]),
        (["../venv/bin/python3.12", "-m", "lab.train"], [str(PYTHON), "-m", "lab.train"]),
        (["uv", "run", "train.py", "--seed", "1"], [str(PYTHON), "train.py", "--seed", "1"]),
        (["uv", "run", "--with", "numpy", "-p3", "train.py"], None),
        (["uv", "run", "--with", "numpy", "--python=3.12", "python", "-u", "a.py"], [str(PYTHON), "-u", "a.py"]),
        (["uv", "run", "-m", "lab.train", "-q"], [str(PYTHON), "-m", "lab.train", "-q"]),
        (["uv", "run", "--frozen", "--", "python", "a.py"], [str(PYTHON), "a.py"]),
        (["poetry", "run", "python", "a.py"], [str(PYTHON), "a.py"]),
        (["uv", "run"], None),
        (["./script", "1"], [str(PYTHON), "-u", "./script", "1"]),
        (["./shell", "1"], ["./shell", "1"]),
        (["make", "train"], ["make", "train"]),
        (["tool", "1"], None),
    ],
)
def test_the_other_python_takes_the_place_of_the_one_that_is_named(argv: list[str], words: list[str] | None) -> None:
    script("print(1)", "script", "#!/usr/bin/env -S python3 -u\n")
    script("echo 1", "shell", "#!/bin/sh\n")
    Path("bin").mkdir()
    script("print(1)", "bin/tool", f"#!{sys.executable}\n")
    Path("work").mkdir()
    for name in ("script", "shell"):
        shutil.move(name, f"work/{name}")
    environment = {"PATH": f"{Path('bin').absolute()}{os.pathsep}{os.environ['PATH']}"}
    here = Path("work").absolute()
    if argv[0] == "make" and shutil.which("make") is None:
        pytest.skip("make is not installed")
    if words is None:
        with pytest.raises(CannotRestore):
            words_with(PYTHON, argv, here, environment)
    else:
        assert words_with(PYTHON, argv, here, environment) == words


def test_conditions_of_a_process_are_variables_of_a_command() -> None:
    threads = Conditions(openmp_threads=2, blas_threads=(("numpy", 3), ("scipy", 3)))
    assert variables_of(threads) == {
        **dict.fromkeys(("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS"), "3"),
        "OMP_NUM_THREADS": "2",
    }
    apart = Conditions(blas_threads=(("numpy", 2), ("scipy", 3)), time_zone="UTC0", torch_kernel="avx2")
    assert variables_of(apart) == {"TZ": "UTC0", "ATEN_CPU_CAPABILITY": "avx2"}
    gone = Conditions(variables_as=(("TZ", None),)) | Conditions(variables_as=(("LANG", "C"),))
    assert variables_of(gone) == {"LANG": "C", "TZ": None}


def test_the_smallest_set_is_found_and_its_search_ends_with_the_effort() -> None:
    factors = [Factor(name, 1, 2, Conditions(versions=((name, "1"),) if name == "v" else None)) for name in "abcv"]
    tried: list[str] = []

    def comes_out(some: Any, needed: str = "ac", most: int = 99) -> bool | None:
        tried.append("".join(factor.name for factor in some))
        if len(tried) > most:
            raise EffortSpent
        return all(name in tried[-1] for name in needed)

    found = smallest_set(factors, comes_out)
    assert ("".join(factor.name for factor in found.factors), found.minimal) == ("ac", True)
    assert tried[0] == "abc"  # versions go first, as a whole
    tried.clear()
    spent = smallest_set(factors, lambda some: comes_out(some, most=2))
    assert (len(spent.factors), spent.minimal) == (3, False)
    apart = smallest_set(factors[:2], lambda some: None)
    assert [factor.name for factor in apart.not_apart] == ["a", "b"]


# --- what is varied ---------------------------------------------------------------------------------------------

CASES: dict[str, tuple[str, dict[str, str], str]] = {
    "nothing": ("print('f1: 0.5')", {}, ""),
    "hash_seed": (
        "for n, word in enumerate({'ant', 'bee', 'cow', 'dog', 'eel', 'fox'}):\n    print(f'place{n}:', ord(word[0]))",
        {"PYTHONHASHSEED": "0"},
        "Does not hold under another hash seed: place0 is ",
    ),
    "time_zone": (
        "import time\nprint('hour:', time.localtime(0).tm_hour, '\\nminute:', time.localtime(0).tm_min)",
        {"TZ": "UTC0"},
        "Does not hold under another time zone: hour is 5 instead of 0.",
    ),
    "home": (
        "import os\nprint('length:', len(os.path.expanduser('~')))",
        {},
        "Does not hold under another home: length is ",
    ),
    "umask": (
        "import os\nopen('made', 'w').close()\nprint('mode:', os.stat('made').st_mode & 0o777)",
        {},
        "Does not hold under another umask: mode is ",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_what_a_script_follows_is_told_and_the_rest_holds(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    code, variables, said = CASES[name]
    for variable, value in variables.items():
        monkeypatch.setenv(variable, value)
    script(code)
    train("train.py", "--seed", "1")
    verdict = judged(vary=["process"])
    assert verdict.verdict == "identical"
    told = "\n".join(variation_lines(verdict))
    by_name = {record.factors[0]: record for record in verdict.variations}
    assert by_name.keys() >= {"hash_seed", "time_zone", "home", "umask"}
    assert {factor for factor, record in by_name.items() if record.agrees_to != "metrics"} == {name} - {"nothing"}
    assert said in told
    assert ("Does not hold" in told) is (name != "nothing")
    assert "largest score difference" not in told
    assert "directory: every rerun of a command has a working directory of its own already." in told
    # where one moves, reruns as it is here show that it is no chance
    assert [record.kind for record in verdict.reruns] == ["native"] * (1 if name == "nothing" else 3)


def test_all_is_varied_and_what_cannot_be_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    script("import numpy as np\nprint('sum:', float(np.arange(5.0).sum()))")
    train("train.py", "--seed", "1")
    verdict = judged(vary=["all"])
    threads = [record for record in verdict.variations if record.factors == ["threads"]]
    assert [record.settings["threads"] for record in threads] == [1, 2, 4]
    assert {record.agrees_to for record in verdict.variations} == {"metrics"}
    told = "\n".join(variation_lines(verdict))
    assert "jobs: of a command, that is its own. data: of a command, that is its own." in told
    for record in threads:
        assert bool(record.not_in_force) is (record.settings["threads"] > (os.cpu_count() or 1))
    script("print('f1: 0.5')", "plain.py")
    train("plain.py", "--seed", "1", name="plain")
    plain = "\n".join(variation_lines(judged("plain", vary=["threads", "cpu"])))
    assert plain.startswith("threads: the command loads no library of which they are known.")
    assert "Holds" not in plain


def test_another_locale_is_in_force_where_one_is_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "locales"
    folder.mkdir()
    made = shutil.which("localedef") is not None and subprocess.run(
        ["localedef", "-i", "tr_TR", "-f", "UTF-8", str(folder / "tr_TR.UTF-8")], check=False, capture_output=True
    ).returncode in (0, 1)  # 1: it warns
    if not made or not any(folder.iterdir()):
        pytest.skip("no locale can be made here")
    monkeypatch.setenv("LOCPATH", str(folder))
    script("import locale\nlocale.setlocale(locale.LC_ALL, '')\nprint('comma:', int(',' in locale.str(1.5)))")
    train("train.py", "--seed", "1")
    verdict = judged(vary=["locale"], limits=read_limits([], ["LOCPATH"]))
    assert [record.settings for record in verdict.variations] == [{"locale": "tr_TR.UTF-8"}]
    assert "Does not hold under another locale: comma is 1 instead of 0." in variation_lines(verdict)


def test_a_script_that_sets_what_is_varied_is_told_as_not_varied() -> None:
    script("import os, time\nos.environ['TZ'] = 'UTC0'\ntime.tzset()\nprint('hour:', time.localtime(0).tm_hour)")
    train("train.py", "--seed", "1")
    told = "\n".join(variation_lines(judged(vary=["time_zone"])))
    assert "Not in force, so nothing is known of it: time zone: " in told
    assert "Holds" not in told


def test_a_command_that_is_no_python_is_not_varied() -> None:
    script("echo f1: 0.5\n", "tool", "#!/bin/sh\n")
    train(program="./tool")
    verdict = judged(vary=["all"])
    assert verdict.verdict == "identical"
    (told,) = variation_lines(verdict)
    assert told.startswith("Nothing was varied: no Python of the command told of its environment")


def test_another_file_that_follows_a_variation_is_told_beside_what_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONHASHSEED", "0")
    script("""
        open("words.txt", "w").write("\\n".join({"ant", "bee", "cow", "dog", "eel", "fox"}))
        print("f1: 0.5")
    """)
    train("train.py", "--seed", "1")
    told = variation_lines(judged(vary=["hash_seed", "time_zone"]))
    assert "Holds under another hash seed and another time zone: the metrics bit for bit." in told
    assert "Under another hash seed it writes something else, which does not decide: words.txt." in told
    script('open("words.txt", "w").write("\\n".join({"ant", "bee", "cow", "dog", "eel", "fox"}))', "files.py")
    train("files.py", "--seed", "1", name="files")
    told = variation_lines(judged("files", vary=["hash_seed"]))
    assert "Does not hold under another hash seed: it writes something else (words.txt)." in told


# --- unstable ---------------------------------------------------------------------------------------------------


def test_what_follows_the_hashes_of_texts_is_told_apart_from_what_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYTHONHASHSEED", raising=False)
    script("""
        import math
        names = {f"name{n}" for n in range(50)}
        print("loss:", sum(math.sqrt(int(name[4:])) * place for place, name in enumerate(names)))
    """)
    train("train.py", "--seed", "1")
    verdict = judged()
    assert (verdict.verdict, verdict.reason and verdict.reason.code) == ("unstable", "unstable.hash_seed")
    assert "agree where PYTHONHASHSEED is 0" in text(verdict)
    script("import random\nprint('loss:', random.random())", "draws.py")
    train("draws.py", name="draws")
    draws = judged("draws")
    assert (draws.verdict, draws.reason and draws.reason.code) == ("unstable", "unstable.command")
    assert "PYTHONHASHSEED" not in text(draws)
    monkeypatch.setenv("PYTHONHASHSEED", "3")
    train("draws.py", name="fixed")
    assert judged("fixed").reason == draws.reason


def test_two_outcomes_that_chance_has_are_never_put_down_to_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where few outcomes are possible, some reruns agree by luck: then nothing is said of a set."""
    monkeypatch.delenv("PYTHONHASHSEED", raising=False)
    script("import os\nprint('coin:', os.urandom(1)[0] % 2)")
    train("train.py", "--seed", "1")
    for _ in range(6):
        verdict = judged()
        assert verdict.reason is None or verdict.reason.code != "unstable.hash_seed"
        assert not [rerun for rerun in verdict.reruns if rerun.kind == "varied"]


def test_reruns_that_all_fail_are_not_unstable_for_a_random_name_in_their_message() -> None:
    script(
        "import os, sys\nif not os.path.exists('/tmp/../' + sys.argv[1]):\n    raise OSError(os.urandom(4).hex())\n"
        "print('f1: 1')"
    )
    here = Path("marker").absolute()
    here.touch()
    train("train.py", str(here), "--seed", "1")
    here.unlink()
    verdict = judged()
    assert verdict.verdict != "unstable"


def test_the_account_of_a_command_says_what_agrees() -> None:
    script("print('f1: 0.5')")
    train("train.py", "--seed", "1")
    lines = "\n".join(line for _, part in account(judged()) for line in part)
    assert "as it is here -> it agrees bit for bit: the metrics; f1 0.5" in lines
    assert "labels" not in lines


# --- PyTorch ----------------------------------------------------------------------------------------------------

TORCH = importlib.util.find_spec("torch") is not None


@pytest.mark.parametrize(
    ("module", "told"),
    [
        ("def get_num_threads(): return 3\nfrom torch import _C\n", {"kernel": "AVX2", "threads": 3}),
        ("def get_num_threads(): return 3\n", {"kernel": None, "threads": 3}),
        ("lamp = 'on'\n", None),
        ("def get_num_threads(): return 'three'\nfrom torch import _C\n", None),
    ],
)
def test_kernels_and_threads_of_pytorch_are_facts(module: str, told: dict[str, Any] | None) -> None:
    Path("torch").mkdir()
    Path("torch/__init__.py").write_text(module)
    Path("torch/_C.py").write_text("def _get_cpu_capability(): return 'AVX2'\n")
    script("import torch\nprint('f1: 1')")
    run = train("train.py", "--seed", "1")
    environment = run.manifest.inputs.environment
    assert environment is not None
    assert (environment.torch and environment.torch.model_dump()) == told
    manifest = json.loads(Path("runs/one/manifest.json").read_text())
    assert manifest["inputs"]["environment"].pop("torch", None) == told  # without it, as an old record is
    Path("runs/one/manifest.json").write_text(json.dumps(manifest))
    assert judged(trust=True).verdict == "identical"


@pytest.mark.skipif(not TORCH, reason="PyTorch is not installed")
def test_kernels_of_pytorch_are_put_back_and_varied(monkeypatch: pytest.MonkeyPatch) -> None:
    script("""
        import torch
        torch.manual_seed(0)
        x = torch.randn(20000, 16)
        network = torch.nn.Sequential(torch.nn.Linear(16, 64), torch.nn.Tanh(), torch.nn.Linear(64, 2))
        optimizer = torch.optim.SGD(network.parameters(), 0.1)
        for _ in range(5):
            optimizer.zero_grad()
            loss = torch.nn.functional.cross_entropy(network(x), (x[:, 0] > 0).long())
            loss.backward()
            optimizer.step()
        print("loss:", loss.item())
    """)
    monkeypatch.setenv("ATEN_CPU_CAPABILITY", "default")
    run = train("train.py", "--seed", "1")
    monkeypatch.delenv("ATEN_CPU_CAPABILITY")
    environment = run.manifest.inputs.environment
    assert environment is not None
    assert environment.torch is not None
    assert environment.torch.kernel in ("DEFAULT", "NO AVX")
    verdict = judged(vary=["cpu"])
    if verdict.verdict == "identical":  # this processor has no better ones
        return
    assert verdict.verdict == "explained", text(verdict)
    assert [cause.factor for cause in verdict.causes] == ["torch.kernel"]
    assert "with the recorded CPU kernels of PyTorch put back" in text(verdict)
