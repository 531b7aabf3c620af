"""What decides in a report and where it is cut, each with its reason."""

from __future__ import annotations

from typing import Final

#: Variants that get tables, statements and rows of their own. More than these nobody compares row by row, and each
#: costs the reading of a predictions.csv; beyond them a variant is one line of the overview.
DETAILED_VARIANTS: Final = 5

#: Lines of the overview: what a person still scrolls through, and what a pull-request comment (64 KB) still holds.
OVERVIEW_VARIANTS: Final = 100

#: Runs that the retrospective tells one by one; the others are counted.
RETROSPECTIVE_RUNS: Final = 20

#: Folders beside the named runs that are looked at. Reading one costs about a millisecond, and a report of two runs
#: must not wait for a folder of ten thousand.
SIBLING_FOLDERS: Final = 1_000

#: predictions.csv above this size (about 300,000 rows) is not compared row by row: it would take seconds.
PREDICTION_BYTES: Final = 16 << 20

#: Rows that are listed one by one.
LISTED_ROWS: Final = 10

#: Classes up to which a confusion table can be read on a page.
CONFUSION_CLASSES: Final = 10

#: Folds that are listed one by one; repeated cross-validation has many.
LISTED_FOLDS: Final = 20

#: A training score that beats the dummy by less than this, on a scale up to 1, has learnt next to nothing.
NEAR_DUMMY: Final = 0.05

#: Accuracy may exceed a class-balanced score by this much before the small classes need a look.
BALANCE_GAP: Final = 0.05

#: Below so many validation rows one row is worth 2 % and more, and differences of a few rows are read too easily.
FEW_ROWS: Final = 50

#: Below so many validation rows of a class, a score of that class rests on single rows.
FEW_OF_A_CLASS: Final = 5
