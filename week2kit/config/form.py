"""The form of a config: what a person may write, and the same written out. `week2kit.config.reading` reads it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, StrictFloat, StrictInt

from week2kit.canonical import UNCOUNTED, drop_keys, json_digest, without_seed
from week2kit.config.label import Label

#: Short names for classes that courses use; the resolved config writes the import path.
ALIASES: Final[Mapping[str, str]] = {
    "decision_tree": "sklearn.tree.DecisionTreeClassifier",
    "decision_tree_regressor": "sklearn.tree.DecisionTreeRegressor",
    "dummy": "sklearn.dummy.DummyClassifier",
    "dummy_regressor": "sklearn.dummy.DummyRegressor",
    "gradient_boosting": "sklearn.ensemble.HistGradientBoostingClassifier",
    "gradient_boosting_regressor": "sklearn.ensemble.HistGradientBoostingRegressor",
    "k_nearest_neighbors": "sklearn.neighbors.KNeighborsClassifier",
    "linear_regression": "sklearn.linear_model.LinearRegression",
    "logistic_regression": "sklearn.linear_model.LogisticRegression",
    "naive_bayes": "sklearn.naive_bayes.GaussianNB",
    "one_hot": "sklearn.preprocessing.OneHotEncoder",
    "pca": "sklearn.decomposition.PCA",
    "random_forest": "sklearn.ensemble.RandomForestClassifier",
    "random_forest_regressor": "sklearn.ensemble.RandomForestRegressor",
    "ridge": "sklearn.linear_model.Ridge",
    "simple_imputer": "sklearn.impute.SimpleImputer",
    "standard_scaler": "sklearn.preprocessing.StandardScaler",
    "svc": "sklearn.svm.SVC",
}

Seed: TypeAlias = Annotated[int, Field(ge=0, lt=2**32)]
Text: TypeAlias = Annotated[str, Field(max_length=10_000)]
ColumnName: TypeAlias = Annotated[str, Field(min_length=1, max_length=1000)]
#: Why each column of ``data.drop`` is left out, in a few words that the report carries.
Reasons: TypeAlias = dict[ColumnName, Annotated[str, Field(min_length=1, max_length=200)]]
#: A number of rows, or a share of them.
TestSize: TypeAlias = Annotated[StrictInt, Field(ge=1)] | Annotated[StrictFloat, Field(gt=0, lt=1)]
#: The codes of train's warnings that ``fail_on`` can turn into failures.
WarningCode: TypeAlias = Literal[
    "data.dropped_rows",
    "data.form",
    "data.imbalance",
    "data.leading_zeros",
    "data.leak",
    "data.numbers_as_text",
    "data.read_as_missing",
    "fit.not_converged",
    "metric.gap",
    "metric.no_better_than_dummy",
    "metric.one_row",
    "metric.replaced",
    "metric.too_good",
    "metric.undefined",
    "metric.zero_targets",
    "seed.unset",
    "split.not_stratified",
    "split.newest_first",
    "split.shared_rows",
    "split.small_class",
    "split.time_order",
    "split.unseen_class",
    "split.unused_rows",
]


class Part(BaseModel):
    """A part of the config: frozen, strict about types, closed to unknown keys."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, allow_inf_nan=False, populate_by_name=True, defer_build=True
    )


#: Where a table lies, as seen from the config.
DataPath: TypeAlias = Annotated[str, Field(min_length=1, max_length=4000)]

#: What a cell holds, blanks included.
Cell: TypeAlias = Annotated[str, Field(max_length=100)]


class ColumnForm(Part):
    """How the cells of one column are read, where their own look leaves it open.

    A number may have a currency or a percent sign, and brackets for a minus; `thousands` stands between its groups of
    digits. A column of texts keeps its leading zeros.
    """

    type: Literal["number", "text"]
    thousands: Literal[",", ".", " ", "'"] | None = None
    decimal: Literal[".", ","] | None = None


class FileData(Part):
    """A table in a file: ``.csv`` or ``.tsv`` (also packed, as ``.csv.gz``), or ``.parquet``.

    Attributes:
        missing: texts that stand for no value, besides those that always do (`week2kit.loop.reading.MISSING`).
        keep_text: of those that always do, the ones that are values where a column holds text; "" is an empty cell.
        columns: how the cells of a column are read.
        weights: the column with the weight of each row in the fit; every metric counts all rows alike.
        drop_missing_target: whether rows without a target are left out.
        separator, encoding, header: what separates the fields, how the text is encoded, and the line of the names
            (from 1), where the first lines of the file leave it open.
    """

    path: DataPath
    target: ColumnName
    features: Annotated[list[ColumnName], Field(min_length=1)] | None = None
    drop: list[ColumnName] | None = None
    weights: ColumnName | None = None
    missing: Annotated[list[Cell], Field(min_length=1, max_length=100)] | None = None
    keep_text: Annotated[list[Cell], Field(min_length=1, max_length=100)] | None = None
    columns: dict[ColumnName, ColumnForm] | None = None
    drop_missing_target: bool | None = None
    separator: Literal[",", ";", "\t", "|"] | None = None
    encoding: Literal["utf-8", "utf-16", "cp1252", "latin-1", "mac-roman", "shift_jis", "gb18030"] | None = None
    header: Annotated[int, Field(ge=1, le=1000)] | None = None


class BundledData(Part):
    """A data set that scikit-learn ships."""

    dataset: Literal["breast_cancer", "diabetes", "digits", "iris", "wine"]
    features: Annotated[list[ColumnName], Field(min_length=1)] | None = None
    drop: list[ColumnName] | None = None


class Holdout(Part):
    """One split into training and validation rows, as scikit-learn's train_test_split."""

    method: Literal["holdout"] = "holdout"
    test_size: TestSize = 0.2
    shuffle: bool = True
    stratify: bool | None = None
    groups: ColumnName | None = None
    random_state: Seed | None = None


class KFold(Part):
    """k-fold cross-validation: plain, stratified, grouped, repeated."""

    method: Literal["kfold"] = "kfold"
    n_splits: Annotated[int, Field(ge=2, le=10_000)] = 5
    shuffle: bool | None = None
    stratify: bool | None = None
    groups: ColumnName | None = None
    n_repeats: Annotated[int, Field(ge=1, le=1000)] = 1
    random_state: Seed | None = None


class TimeSeries(Part):
    """Folds that train on the past and validate on what follows: by the order of rows, or of a column of time."""

    method: Literal["time_series"] = "time_series"
    n_splits: Annotated[int, Field(ge=2, le=10_000)] = 5
    order_by: ColumnName | None = None


class Predefined(Part):
    """The split that a column of the table says, row by row, as scikit-learn's PredefinedSplit.

    Its values name the sides ("train" and "val" or "test"), or number the folds; -1 is trained on in every fold.
    `validation` names the value whose rows are validated, where others are meant; all other rows are then trained on.
    """

    method: Literal["predefined"] = "predefined"
    column: ColumnName
    validation: Label | None = None


class ValidationFile(Part):
    """All rows of the data file are trained on, and those of a second file with the same columns are validated."""

    method: Literal["validation_file"] = "validation_file"
    validation_path: DataPath


class Estimator(Part):
    """A class of scikit-learn by import path or alias, and the parameters that are not left at their defaults."""

    class_: Annotated[str, Field(alias="class", min_length=1, max_length=200)]
    params: dict[str, Any] = {}


class Group(Part):
    """Steps for some of the columns. One column's name (no list) hands the steps a one-dimensional column."""

    columns: ColumnName | Annotated[list[ColumnName], Field(min_length=1)]
    steps: list[Estimator]


Split: TypeAlias = Holdout | KFold | TimeSeries | Predefined | ValidationFile

#: The splits that nothing is drawn for.
UNDRAWN: Final = (TimeSeries, Predefined, ValidationFile)


def split_column(split: Split) -> tuple[Literal["groups", "order", "split"], str] | None:
    """The column by which a split goes, and its role; None where it goes by none."""
    match split:
        case TimeSeries(order_by=str(name)):
            return "order", name
        case Predefined(column=name):
            return "split", name
        case Holdout(groups=str(name)) | KFold(groups=str(name)):
            return "groups", name
    return None


Preprocess: TypeAlias = Literal["auto", "auto-scaled", "none"] | list[Estimator] | list[Group]


class PlainKeys(Part):
    """The keys of a config that are plain values."""

    task: Literal["classification", "regression"] | None = None
    metrics: Annotated[list[ColumnName], Field(min_length=1)] | None = None
    positive: Label | None = None
    seed: Seed | None = None
    goal: Text | None = None
    hypothesis: Text | None = None
    drop_reasons: Reasons | None = None
    learning_curve: bool = False
    fail_on: list[WarningCode] = []
    repeats: Annotated[int, Field(ge=0, le=1000)] | None = None


class Config(PlainKeys):
    """A whole config. The resolved one leaves nothing null that the run depends on."""

    data: FileData | BundledData
    split: Split = Field(default_factory=Holdout)
    preprocess: Preprocess = "auto"
    model: Estimator

    def as_json(self) -> dict[str, Any]:
        """The JSON object of the config, without what was not given; nulls that a person set stay."""
        value = self.model_dump(mode="json", by_alias=True, exclude_none=True)
        if "random_state" in self.split.model_fields_set and not isinstance(self.split, UNDRAWN):
            value["split"]["random_state"] = self.split.random_state  # null means something here
        return value


#: What the flat form means where it gives no ``max_iter``, or null.
MAX_ITER: Final = 500

#: Other names that scripts of the course give to keys of the flat form.
FLAT_ALIASES: Final[Mapping[str, str]] = {"seed": "random_state", "input": "input_csv"}


def _add_flat_aliases(schema: dict[str, Any]) -> None:
    """The other names in the JSON Schema; the file's name is required under one of its two."""
    properties = schema["properties"]
    for alias, name in FLAT_ALIASES.items():
        told = f"Another name of {name}; where both are given, they must be equal."
        shape = drop_keys(properties[name], ("default",))
        properties[alias] = {**shape, "title": alias.replace("_", " ").title(), "description": told}
    schema["required"] = [name for name in schema["required"] if name not in FLAT_ALIASES.values()]
    schema["anyOf"] = [{"required": ["input_csv"]}, {"required": ["input"]}]


class FlatConfig(Part):
    """The flat form of the course: one CSV, one logistic regression."""

    model_config = ConfigDict(json_schema_extra=_add_flat_aliases)

    input_csv: Annotated[str, Field(min_length=1, max_length=4000)]
    label_col: ColumnName
    test_size: TestSize = 0.2
    random_state: Seed = 42
    max_iter: Annotated[int, Field(ge=1)] | None = MAX_ITER
    goal: Text | None = None
    hypothesis: Text | None = None


# --- comparing --------------------------------------------------------------------------------------------------


#: The digest of a config has them, as every recorded one had: which metrics a run claims, and on which bundled data.
_DIGESTED: Final = frozenset({"metrics", "data.dataset"})


def config_digest(resolved: Mapping[str, Any]) -> str:
    """The digest of a resolved config without path, seed, a person's words, learning_curve, fail_on and repeats."""
    left_out = (tuple(key.split(".")) for key in UNCOUNTED if key not in _DIGESTED)
    return json_digest(without_seed(drop_keys(resolved, *left_out), resolved.get("seed")))
