"""What the words of a command and the files of a training script say, in the forms that people write them in."""

from __future__ import annotations

import csv
import json
import math
from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from week2kit.errors import UsageError
from week2kit.training.arguments import filled, find_seed, with_seed
from week2kit.training.outputs import (
    from_json,
    from_output,
    is_duration,
    predictions_in,
    reported,
    role_of,
    stable_name,
)


@pytest.mark.parametrize(
    ("words", "flag", "other"),
    [
        ("python train.py --seed 1", "--seed", "python train.py --seed 9"),
        ("python train.py --seed=1 --lr 0.1", "--seed", "python train.py --seed=9 --lr 0.1"),
        ("python train.py --random-state 1", "--random-state", "python train.py --random-state 9"),
        ("python train.py --random_state=1", "--random_state", "python train.py --random_state=9"),
        ("python train.py seed=1 model=x", "seed", "python train.py seed=9 model=x"),
        ("make train SEED=1", "SEED", "make train SEED=9"),
        ("python train.py --seed 5 --seed 1", "--seed", "python train.py --seed 5 --seed 9"),
        ("papermill a.ipynb b.ipynb -p rows 7 -p seed 1", "seed", "papermill a.ipynb b.ipynb -p rows 7 -p seed 9"),
    ],
)
def test_the_seed_is_found_where_scripts_take_it(words: str, flag: str, other: str) -> None:
    found = find_seed(words.split())
    assert found is not None
    assert (found.flag, found.value) == (flag, 1)
    assert with_seed(words.split(), found, 9) == other.split()


@pytest.mark.parametrize(
    "words",
    [
        "python train.py",
        "python train.py --seed",  # the script will refuse it
        "python train.py --seed auto",
        "python train.py --seed -1",
        "python seed.py 1",
        "papermill seed 1",
        "papermill a.ipynb b.ipynb -p seeds 1",
        "python train.py --seeded 1",
        "python train.py --n-seeds=3",
    ],
)
def test_no_seed_is_guessed(words: str) -> None:
    assert find_seed(words.split()) is None


def test_a_flag_of_ones_own_is_taken_by_its_word() -> None:
    found = find_seed(["Rscript", "fit.R", "-s", "12", "--seed", "3"], "-s")
    assert found is not None
    assert (found.flag, found.position, found.value) == ("-s", 3, 12)
    with pytest.raises(UsageError, match="has no -s with a whole number"):
        find_seed(["Rscript", "fit.R", "--seed", "3"], "-s")


def test_places_of_a_config_are_filled_in_and_other_braces_stay() -> None:
    words = ["python", "train.py", "--seed", "{seed}", "--out={out}/a", '{"lr": 0.1}', "{}"]
    assert filled(words, seed=4, out="runs/x") == [
        "python", "train.py", "--seed", "4", "--out=runs/x/a", '{"lr": 0.1}', "{}",
    ]  # fmt: skip
    with pytest.raises(UsageError, match="seed"):
        filled(words, seed=None, out="x")


@pytest.mark.parametrize(
    ("path", "head", "role"),
    [
        ("out/metrics.json", "", "metrics"),
        ("out/eval_results.json", "", "metrics"),
        ("config.json", "", "config"),
        ("run_metadata.json", "", "other"),
        ("data.json", "", "other"),
        ("val_report.txt", "", "report"),
        ("notes.txt", "", "other"),
        ("a/predictions.csv", "row,y_true,y_pred\n0,1,1\n", "predictions"),
        ("a/out.csv", '"y_pred";"y_true"\n1;1\n', "predictions"),
        ("a/predictions.csv", "id,label\n0,1\n", "other"),  # the columns tell, not the name
        ("model.joblib", "", "model"),
        ("best.pt", "", "model"),
        ("confusion.png", "", "report"),
        ("train.csv", "a,b\n", "other"),
    ],
)
def test_what_a_file_is_for(path: str, head: str, role: str) -> None:
    assert role_of(path, head.encode()) == role


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("artifacts/20261128_130501/metrics.json", "artifacts/*/metrics.json"),
        ("artifacts/run_2026-11-28T13:05:01Z/model.pt", "artifacts/run_*/model.pt"),
        ("out-2026-11-28/m.json", "out-*/m.json"),
        ("logs/1795871101/x.txt", "logs/*/x.txt"),
        ("wandb/2f1a0b44-9c1e-4c7e-8a8e-0123456789ab/x", "wandb/*/x"),
        ("outputs/2026-11-28/13-05-01/metrics.json", "outputs/*/metrics.json"),
        ("fold_1/metrics.json", "fold_1/metrics.json"),
        ("model_12345678.pt", "model_12345678.pt"),
        ("mnist_1024/20.json", "mnist_1024/20.json"),
        ("v20269928/x", "v20269928/x"),  # no month 99
    ],
)
def test_times_in_a_name_do_not_make_another_file(path: str, name: str) -> None:
    assert stable_name(path) == name


def test_the_numbers_of_a_metrics_file() -> None:
    nested = {"f1": 0.5, "per_class": [1, 0.25]}
    more = {"best": True, "of": "rf", "loss": math.nan, "none": None, "n_train": 80, "huge": 10**400}
    found = from_json(json.dumps({"accuracy": 0.93, "val": nested, "train_seconds": 2.5, **more}).encode())
    assert found is not None
    parts = {"val.f1": 0.5, "val.per_class.0": 1, "val.per_class.1": 0.25}
    assert found.metrics == {"accuracy": 0.93, **parts, "n_train": 80}
    assert found.times == {"train_seconds": 2.5}
    assert found.undefined == ("loss", "huge")


@pytest.mark.parametrize(
    "name",
    ["train_seconds", "time", "fit.time", "Training time", "fit_time", "elapsed", "runtime", "predict_ms", "timestamp",
     "epoch_time", "created_at", "train_time_s", "duration"],
)  # fmt: skip
def test_a_duration_is_known_by_its_name(name: str) -> None:
    assert is_duration(name)


@pytest.mark.parametrize(
    "name",
    ["s", "h", "val_loss_min", "mae_seconds", "rmse_minutes", "survival_time", "mean_time", "error_s", "times", "f1",
     "format", "fat", "update", "median_survival_time", "loss_at", "runtime_error"],
)  # fmt: skip
def test_what_only_sounds_like_one_decides(name: str) -> None:
    assert not is_duration(name)


@pytest.mark.parametrize("data", [b"", b"\xff\xfe", b"[1, 2]", b"3", b"{", b"[" * 100_000])
def test_what_is_no_object_has_no_numbers(data: bytes) -> None:
    assert from_json(data) is None


def test_the_numbers_of_an_output() -> None:
    output = (
        b"Loading...\nepoch 1: loss 0.9\nloss: 0.9\nloss: 0.4\n10%|#   |\r100%|####|\raccuracy: 0.93\n"
        b"Validation F1 = .5\r\nf1_macro:7.5e-1\nrate: 93.1 %\ntime: 3.2\nAUC: nan\nsaved to: out/1\nhttp://x:80\n"
        b"12:30\nstep 3: 4 of 5\n\xff\xfe: 3\n"
    )
    found = from_output(output)
    assert found.metrics == {"loss": 0.4, "accuracy": 0.93, "Validation F1": 0.5, "f1_macro": 0.75, "rate": 93.1}
    assert found.times == {"time": 3.2}
    assert found.undefined == ("AUC",)


def test_a_name_that_stands_twice_is_what_it_was_last() -> None:
    found = reported([("a", 1), ("a", math.inf), ("b", math.nan), ("b", 2)])
    assert (found.metrics, found.undefined) == ({"b": 2.0}, ("a",))


@given(st.binary(max_size=400))
def test_no_output_breaks_the_reader(output: bytes) -> None:
    found = from_output(output)
    assert all(map(math.isfinite, [*found.metrics.values(), *found.times.values()]))


PLAIN = st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=4)
NESTED = st.recursive(PLAIN, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner))


@given(NESTED)
def test_every_finite_number_of_a_file_is_read_to_the_bit(value: object) -> None:
    found = from_json(json.dumps({"m": value}).encode())
    assert found is not None
    if isinstance(value, float) and math.isfinite(value):
        assert found.metrics == {"m": value}


def test_predictions_are_known_by_their_columns_and_their_order() -> None:
    one = predictions_in("p.csv", b"row,y_true,y_pred,score:a,score:b\n0,a,b,0.1,0.9\n1,a,a,0.8,0.2\n")
    assert one is not None
    assert (one.path, one.rows) == ("p.csv", 2)
    assert one.scores is not None
    spelled = predictions_in("p.csv", b'\xef\xbb\xbf"y_true";"y_pred"\r\na;b\r\na;a\r\n')
    assert spelled is not None
    assert (spelled.digest, spelled.scores) == (one.digest, None)
    swapped = predictions_in("p.csv", b"y_true,y_pred\na,a\na,b\n")
    assert swapped is not None
    assert swapped.digest != one.digest


@pytest.mark.parametrize(
    "data",
    [b"", b"y_true,y_pred\n", b"y_true,y_hat\n1,1\n", b"y_true,y_pred\n1\n", b"\xff", b"y_true,y_pred,y_pred\n1,1,1\n",
     b'y_true,y_pred\n"'],
)  # fmt: skip
def test_other_tables_are_no_predictions(data: bytes) -> None:
    assert predictions_in("p.csv", data) is None


CELLS = st.text(max_size=3)


@given(
    st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=3), st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=3)
)
def test_tables_have_the_same_digest_where_their_cells_are_the_same(
    one: list[tuple[str, str]], other: list[tuple[str, str]]
) -> None:
    digests = []
    for rows in (one, other):
        text = StringIO(newline="")
        csv.writer(text).writerows([("y_true", "y_pred"), *rows])
        found = predictions_in("p.csv", text.getvalue().encode())
        assert found is not None
        digests.append(found.digest)
    assert (digests[0] == digests[1]) == (one == other)
