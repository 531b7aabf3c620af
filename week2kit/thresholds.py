"""Every limit, threshold and tolerance of week2kit, each with its reason. Nothing else holds a number that decides."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

#: The weakest verdict that passes, and how deep an identical run must at least be identical.
Accept: TypeAlias = Literal["identical", "explained", "close"]
Strict: TypeAlias = Literal["metrics", "predictions", "scores", "model"]

# --- verdicts ---------------------------------------------------------------------------------------------------

#: A score may differ by this much of its own absolute recorded value, or of the median one of its fold, and still be
#: "close". Converged models on scaled data stay within 1e-11 when only the CPU or the threads change; near-singular
#: ones reach 2e-9. Never of the largest: one outlier of 1e12 would excuse every other score.
SCORE_TOLERANCE: Final = 1e-8

#: A metric computed from scores is summed differently by other scikit-learn and numpy versions, in the last bits.
#: Metrics of labels are ratios of whole numbers and get no tolerance.
RECOMPUTED_METRIC_TOLERANCE: Final = 1e-9

#: Trainings that one verification may cost. The longest way (native, all recorded facts, noise, taking five factors
#: away) takes 10; whoever has the time can raise it.
EFFORT: Final = 12

#: How often a run is repeated to tell an unseeded draw or a race from a real difference.
RERUNS_FOR_NOISE: Final = 3

#: Trainings whose models must all be dumped to the same bytes before other bytes condemn a run of which everything else
#: came out bit for bit. Counters that race are equal in two dumps of three.
DUMPS: Final = 5

#: Decimals of a metric in a record that was made without week2kit and may be rounded. Fewer agree by chance, as 0.9
#: does with every accuracy from 0.85 to 0.95; more are a number's own digits, and must all agree.
MIN_ROUNDED_DIGITS: Final = 2
MAX_ROUNDED_DIGITS: Final = 12

#: What a record without a manifest must hold to show by which recipe it was made (figures: `verification.recipes`):
#: a metric besides accuracy with so many decimals, or the rows of the classes; and every other usual recipe must give
#: another label in so many validation rows.
DETAILED_DIGITS: Final = 4
MIN_LABELS_APART: Final = 2

#: Decimals from which a metric of probabilities shows it alone: other solvers of one model agree to four or five.
TELLING_DIGITS: Final = 6

#: Training rows up to which recipes are tried whose fit or prediction takes time with the square of the rows: some
#: seconds each.
QUADRATIC_ROWS: Final = 5_000

# --- what differs -----------------------------------------------------------------------------------------------

#: Cells and rows of the data, and keys of a config, that are named one by one: enough to see what happened to them.
LISTED_CELLS: Final = 10
LISTED_KEYS: Final = 5

#: Characters of a text in a cell that are told.
CELL_LENGTH: Final = 100

# --- cells of a table -------------------------------------------------------------------------------------------

#: The start of a text file by which its separator and its names are found, the lines that are looked at, and the lines
#: of a title above the names: exports of statistics offices have four to ten.
SNIFFED_BYTES: Final = 1 << 20
SNIFFED_ROWS: Final = 50
TITLE_LINES: Final = 20

#: Rows of a file that are read at a time to count the texts that stand for no value.
COUNTED_ROWS: Final = 1 << 16

#: A column of text is numbers with marks where so few different marks stand in it, and so many of its values are
#: numbers: a true category has more words, or more rows of them. (Marks that everybody knows are not counted.)
MARKERS: Final = 3
MARKED_SHARE: Final = 0.8

#: Texts of a column that are looked at before all of them are: what is true text is seen at once.
SAMPLE_TEXTS: Final = 2_000

#: Folds that a column may number: more are the rows themselves.
MAX_FOLDS: Final = 1_000

#: Texts that must all be dates of one spelling for a column to hold dates.
DATE_TEXTS: Final = 100

#: Rows whose dates are looked at to see whether all rows stand in their order, and the different times that an order
#: has at least: three years in a row are groups.
ORDERED_ROWS: Final = 2_000
ORDERED_DATES: Final = 4

#: How strongly gaps must go with the target to be called a value of their own: Cramer's V (of numbers: the absolute
#: correlation), and its chi-squared value, which chance reaches in one of a thousand columns.
TELLING_GAP: Final = 0.5
TELLING_CHI_SQUARED: Final = 10.83

# --- warnings of train ------------------------------------------------------------------------------------------

#: From this share of the largest class on, accuracy says little: always guessing that class already scores it.
IMBALANCE_SHARE: Final = 0.8

#: Training minus validation score from which a model is said to have learnt its training rows by heart.
GAP: Final = 0.1

#: From this validation score on, of a metric that ends at 1, a mistake is likelier than so good a model; unless a dummy
#: is nearly as good.
TOO_GOOD: Final = 0.995
GOOD_DUMMY: Final = 0.95

#: Below this share, validation rows that a training row repeats are told, and no reason to change the data: they can
#: move an accuracy by no more than the share itself.
FEW_SHARED_ROWS: Final = 0.02

#: Up to this share of different rows among all, equal rows come from features of few values, and not from copies.
FEW_DIFFERENT: Final = 0.5

#: A single feature that reaches this validation score with a tree of depth 3 most likely holds the answer.
LEAK_SCORE: Final = 0.99
LEAK_DEPTH: Final = 3

#: A feature that orders training and validation rows as the target does, by Spearman's coefficient, is a log, a rank or
#: a rounding of it: measurements of one thing by two people reach 0.99.
LEAK_ORDER: Final = 0.998

#: Two or three features whose plain sum, mean or product follows the target by this R2 are its parts; rounded ones, as
#: prices in thousands, reach 0.998.
LEAK_SUM: Final = 0.995
LEAK_PARTS: Final = 3

#: Training rows that a single value needs to stand for a class, and validation rows for an order.
LEAK_VALUE_ROWS: Final = 10

#: Training scores, shared rows and leaks look at no more rows than this, at evenly spaced positions: they are
#: estimates whose error at this size is below 0.002, and on a million rows they would cost as much as the fit.
SAMPLE_ROWS: Final = 100_000

#: Features whose leak is looked for; beyond this many columns (texts, one-hot tables) the search would cost minutes.
LEAK_FEATURES: Final = 200
LEAK_ROWS: Final = 10_000

#: Before that, every feature is tried on this many rows, and dropped below this score: a feature that is at 0.99 on
#: ten thousand rows is not below 0.95 on a thousand.
LEAK_SCREEN_ROWS: Final = 1000
LEAK_SCREEN_SCORE: Final = 0.95

# --- a first config ---------------------------------------------------------------------------------------------

#: Rows and columns of a table that init shows: what a person takes in at a glance, and what fits on a few pages.
FIRST_ROWS: Final = 5
SHOWN_COLUMNS: Final = 60
SHOWN_CLASSES: Final = 12

#: Below so many rows init writes nothing: five folds of fewer would be single rows.
MIN_ROWS: Final = 10

#: A column that lacks this share of its values says nothing about most rows.
MOSTLY_MISSING: Final = 0.9

#: Larger numbers have squares that overflow, or do not fit the 32-bit floats of a forest.
LARGEST_NUMBER: Final = 1e30

#: Numbers are classes when there are at most this many different ones (digits has 10, a rating scale seldom 20), and
#: each stands for this many rows on average: of fewer rows nobody learns a class.
FEW_CLASSES: Final = 20
ROWS_PER_CLASS: Final = 5

#: More classes than this are names of things, and their scores fill the memory.
MOST_CLASSES: Final = 1000

#: A text column with more values than this becomes a table of its own when every value gets a column.
WIDE_TEXT: Final = 100

#: The share of validation rows of a first split, and the folds where that would be too few rows.
START_TEST_SIZE: Final = 0.2
START_FOLDS: Final = 5

#: Up to so many rows, and cells after one-hot encoding, a first variant is a forest; up to so many cells boosted trees;
#: beyond, one tree. Measured on two processors: each takes half a minute at its bound.
FOREST_ROWS: Final = 100_000
FOREST_CELLS: Final = 1_000_000
BOOSTING_CELLS: Final = 20_000_000

#: A column that is named like a count or a score holds amounts from so many different whole numbers on: fewer are a
#: scale that people read as classes (low, middle, high).
MOST_NAMED_CLASSES: Final = 5

# --- learning curve ---------------------------------------------------------------------------------------------

#: Shares of the training rows at which the learning curve is measured.
CURVE_SHARES: Final = (0.1, 0.2, 0.35, 0.5, 0.7, 0.85, 1.0)

# --- untrusted input --------------------------------------------------------------------------------------------

#: No config that a person or week2kit writes comes near this; hostile ones try to go beyond.
MAX_CONFIG_BYTES: Final = 1 << 20

#: A manifest of a few features has 10 KB, and one of 20,000 features with names of 20 letters 5.5 MB.
MAX_MANIFEST_BYTES: Final = 8 << 20

#: As values, a manifest takes ten times its size and more. Those up to the first size are all read at once, however
#: many; of larger ones, as of thousands of features, no more than the second in one call.
SMALL_MANIFEST_BYTES: Final = 1 << 18
LARGE_MANIFESTS_BYTES: Final = 64 << 20

MAX_ARTIFACT_BYTES: Final = 2 << 30
MAX_DATA_BYTES: Final = 8 << 30

#: A compressed table may unpack to this unless the caller allows more: two million rows of twenty numbers are below
#: it, and a machine of 8 GiB still parses them. (Deflate packs a thousand to one: 8 MiB may stand for 8 GiB.)
MAX_UNPACKED_BYTES: Final = 1 << 30
#: A file of other bytes than recorded may still hold the same table: compressed or not, quoted, with longer numbers.
#: One that is so many times as large is not even tried.
ANOTHER_FORM: Final = 100

#: Places that are remembered of one data file: copies in more projects than these are found by --data.
REMEMBERED_PLACES: Final = 20

#: Data files of which places are remembered, a small text for each: who trains on more, as a script that makes its data
#: anew each time does, is not helped by the oldest.
REMEMBERED_FILES: Final = 5000

#: Where --data or WEEK2KIT_DATA names a folder: how deep data may lie below it (tools that keep files by their digest
#: take five), and how many names are looked at, the nearest first. So many are listed in less than a second; a home
#: directory or a disk has more, and then it is told that not all was looked at.
SEARCHED_DEPTH: Final = 10
SEARCHED_ENTRIES: Final = 50_000

MAX_COLUMNS: Final = 20_000
MAX_NAME_LENGTH: Final = 64

#: Distributions that a requirements.txt or a record may name: a process that has imported 400 is none of week2kit's.
MAX_REQUIREMENTS: Final = 400

#: Memory that must be there for a BLAS: the two copies of OpenBLAS, of numpy and scipy, take 32 MiB each for a thread.
BLAS_BUFFERS: Final = 160 << 20

#: Address space that importing scikit-learn, scipy and pandas takes at the least, with two threads of each BLAS.
ROOM_FOR_LIBRARIES: Final = 512 << 20

#: Rows and columns of a product for which OpenBLAS takes them: smaller ones it computes in registers.
BLAS_PRODUCT: Final = 128

#: Files of an allowed module of one's own that are read for its digest.
OWN_FILES: Final = 2_000

#: Fits use at most this many jobs: ten thousand threads end in errors that say nothing.
MAX_JOBS: Final = 256

#: Threads that are put back: beyond this a process fails in ways that say nothing.
MAX_THREADS: Final = 256

#: Processes and threads that a child may add to those of the machine: jobs in jobs on sixty-four processors are 4,096.
CHILD_PROCESSES: Final = 8192

#: Bytes of the largest file that a child may write; a training writes none, a library of the caller's own some logs.
CHILD_FILE_BYTES: Final = 1 << 30

#: Bytes that a training holds and never touches: given back when the memory is at its end, they do for a record.
MEMORY_RESERVE: Final = 16 << 20

#: Seconds within which another Ctrl-C or SIGTERM is the same wish: a key that is hit twice, a terminal and a shell.
REPEATED_SIGNAL: Final = 1.0

#: Seconds that one verification may take unless the caller says otherwise.
VERIFY_TIMEOUT: Final = 3600.0

#: Seconds that all runs of one verification may take together: nobody waits longer than a day for a verdict.
TOTAL_TIMEOUT: Final = 86_400.0

#: Seconds after which a half-built environment belongs to a build that was killed, and is removed.
ABANDONED_BUILD: Final = 86_400.0

#: Characters of a text in a manifest. What train records is cut at 2,000, a goal at this.
MAX_RECORDED_TEXT: Final = 10_000

#: Keys of a resolved config, and warnings of a run. A config of forty steps has 200; each that differs is a line of a
#: report.
MAX_RECORDED_KEYS: Final = 10_000

#: Characters of the name of a column or of a class, and of all columns together: the record holds each twice, and a
#: longer one is a cell of text.
MAX_LABEL: Final = 1_000
MAX_COLUMN_NAMES: Final = 1 << 20

#: Seconds after which a temporary file that nobody has locked belongs to a process that was killed: between making a
#: file and locking it lie microseconds.
ABANDONED_WRITE: Final = 1.0

#: Characters of a foreign text (an error, a name) that are shown or recorded.
MAX_MESSAGE: Final = 2000
MAX_TRACEBACK_FRAMES: Final = 8

# --- report -----------------------------------------------------------------------------------------------------

#: Variants that get tables, statements and rows of their own. More than these nobody compares row by row, and each
#: costs the reading of a predictions.csv; beyond them a variant is one line of the overview.
DETAILED_VARIANTS: Final = 5

#: Lines of the overview: what a person still scrolls through, and what a pull-request comment (64 KB) still holds.
OVERVIEW_RUNS: Final = 100

#: Ways of failing that the retrospective tells in full, and those that it tells in one line after them.
RETROSPECTIVE_RUNS: Final = 20
BRIEF_FAILURES: Final = 100

#: Runs of one way of failing, the latest ones, that are compared with those that worked: what came last was tried with
#: the most knowledge.
COMPARED_MEMBERS: Final = 20

#: Runs worse than the baseline that are told one by one, and runs outside the ranked table that are tested for it.
TOLD_LOSERS: Final = 10
TESTED_LOSERS: Final = 10

#: Folders beside the named runs that are looked at. Reading one costs about a millisecond, and a report of two runs
#: must not wait for a folder of ten thousand.
SIBLING_FOLDERS: Final = 1_000

#: Folders that are looked through for the runs that somebody meant, where a named folder holds none: well under a
#: second, also on a network drive.
SEARCHED_FOLDERS: Final = 500

#: predictions.csv above this size (about 300,000 rows) is not compared row by row: it would take seconds.
PREDICTION_BYTES: Final = 16 << 20

#: Rows that are listed one by one.
LISTED_ROWS: Final = 10

#: Classes up to which a confusion table can be read on a page.
CONFUSION_CLASSES: Final = 10

#: A learning curve whose last step gains this much (of a score up to 1; else this share) still rises: more rows help.
CURVE_GAIN: Final = 0.01

#: Runs that a report proposes at once: more nobody trains before the next report.
PROPOSED_RUNS: Final = 5

#: Beyond so many trainings, more of them hardly narrow an interval: what is left comes from the rows that they share.
MANY_TRAININGS: Final = 50

#: Characters of a proposed config that a report shows; a longer one is only written to a file.
SHOWN_CONFIG: Final = 8_000

#: Folds that are listed one by one; repeated cross-validation has many.
LISTED_FOLDS: Final = 20

#: Lines of code in which two scripts differ that a report shows: more than that is another script.
LISTED_CODE: Final = 60

#: A training score that comes less than this share of the way from the dummy to 1 has learnt next to nothing. (Not a
#: difference: where the classes are unequal, the dummy is near 1, and what is left to learn is small.)
NEAR_DUMMY: Final = 0.1

#: Accuracy may exceed a class-balanced score by this much before the small classes need a look.
BALANCE_GAP: Final = 0.05

#: Below so many validation rows one row is worth 2 % and more, and differences of a few rows are read too easily.
FEW_ROWS: Final = 50

#: Below so many validation rows of a class, a score of that class rests on single rows.
FEW_OF_A_CLASS: Final = 5

#: Bins of a calibration curve: scikit-learn's own examples use ten, and a bin of thirty rows is still worth a point.
CALIBRATION_BINS: Final = 10

#: Points of a residual picture: more only blacken the page.
RESIDUAL_POINTS: Final = 400

#: Bytes of a report in Markdown: what GitHub takes as the comment of a pull request (65,536 characters, and no text has
#: more characters than bytes).
REPORT_BYTES: Final = 65_536

#: Of these, what is kept free for the words of a person, in steps: a report must not lose a section because somebody
#: added a sentence to it.
WORDS_BYTES: Final = 8_192

#: No report that a person edits, template, or list of verdicts comes near these; hostile ones try to go beyond.
MAX_REPORT_BYTES: Final = 16 << 20
MAX_TEMPLATE_BYTES: Final = 1 << 20
MAX_VERDICTS_BYTES: Final = 64 << 20

#: How often a report is made again because somebody else wrote its file meanwhile; eight at once need two or three.
SAVE_ATTEMPTS: Final = 20

#: Seconds between two savings of the verdicts so far: a verification that is killed loses no more than these, and
#: hundreds of runs do not write the growing file hundreds of times.
SAVED_EVERY: Final = 5.0

#: Runs that a printed command names one by one: what a person still reads.
COMMAND_RUNS: Final = 20

#: Repeats that a report proposes: enough for a spread, and no more than a learner waits for.
SUGGESTED_REPEATS: Final = 5

#: Predictions of all ranked runs together that are resampled for a ranking: beyond, it would take seconds, and the
#: ranking goes by values alone.
RANKED_ROWS: Final = 200_000

# --- statistics -------------------------------------------------------------------------------------------------

#: Rows that would be needed are told up to so many times those that there are: beyond, nobody collects them.
MOST_NEEDED: Final = 1_000

#: The false alarms that a test may give, and the share of real differences that it should find when the rows it would
#: take are named: the conventions of the field.
SIGNIFICANCE: Final = 0.05
POWER: Final = 0.8

#: Resamples of the rows. The ends of a 95 % interval then move by about 0.05 standard errors from seed to seed.
RESAMPLES: Final = 2000

#: With many rows fewer resamples do, at the same cost: no more rows than this are drawn in all (about a second), but
#: never fewer resamples than leave five of them beyond either end of a 95 % interval.
RESAMPLED_ROWS: Final = 20_000_000
MIN_RESAMPLES: Final = 200

#: The seed of the resamples: the same runs give the same report.
RESAMPLING_SEED: Final = 0

#: A metric that is undefined in more than this share of the resamples (one class only) gets no interval: leaving
#: those out would make it one of other rows than these.
UNDEFINED_SHARE: Final = 0.05

#: Differences over the folds that are equal up to this share of the largest differ by rounding only; a test would
#: take that for a tiny standard error.
EQUAL_DIFFERENCES: Final = 1e-9
