"""Exact tests on counts, and how many rows it would take; whole numbers and floats only."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import accumulate
from typing import Final

from week2kit.thresholds import POWER, SIGNIFICANCE

#: Up to this many pairs the largest term is a ratio of whole numbers; beyond, log-gamma is faster, and right to 1e-9.
_WHOLE_NUMBERS: Final = 1000


def mcnemar(baseline_only: int, variant_only: int) -> float:
    """The two-sided p-value of McNemar's exact test: are the rows that only one run got right shared out evenly?

    The rows that both runs got right, or both wrong, say nothing of the difference. Under the hypothesis of no
    difference each of the others falls to either run with probability 1/2; the smaller tail is doubled, and cut at 1.
    Assumes that the rows are independent and that both runs predicted the same ones, each once.

    Source: McNemar 1947, in the exact form of Dwass 1957 and of `statsmodels.stats.contingency_tables.mcnemar` and
    `mlxtend.evaluate.mcnemar` (both with ``exact=True``), which it agrees with; `scipy.stats.binomtest` too.

    Args:
        baseline_only: rows that only the baseline got right, 0 or more.
        variant_only: rows that only the variant got right, 0 or more.
    """
    return min(1.0, 2.0 * _tail(min(baseline_only, variant_only), baseline_only + variant_only))


def _tail(successes: int, pairs: int) -> float:
    """P(X <= successes), X binomial with `pairs` throws of a fair coin; `successes` is at most half of them."""
    total = term = _probability(successes, pairs)
    for count in range(successes, 0, -1):  # each term from the one before it, until they no longer count
        term *= count / (pairs - count + 1)
        if total + term == total:
            break
        total += term
    return total


def _probability(successes: int, pairs: int) -> float:
    if pairs <= _WHOLE_NUMBERS:
        return math.comb(pairs, successes) / (1 << pairs)
    ways = math.lgamma(pairs + 1) - math.lgamma(successes + 1) - math.lgamma(pairs - successes + 1)
    return math.exp(ways - pairs * math.log(2))


def rows_for_mcnemar(
    baseline_only: int, variant_only: int, rows: int, *, power: float = POWER, level: float = SIGNIFICANCE
) -> int | None:
    """The validation rows with which McNemar's test would find a difference, were the true rates those seen here.

    ``(z[1 - level/2] sqrt(psi) + z[power] sqrt(psi - delta^2))^2 / delta^2``, rounded up, where psi is the share of
    rows that only one run got right and delta the difference of the two accuracies.

    Source: Connor 1987, "Sample size for testing differences in proportions for the paired-sample design", after
    Miettinen 1968. Assumes independent rows and the normal approximation; the exact test needs a few rows more.

    Args:
        baseline_only: rows that only the baseline got right.
        variant_only: rows that only the variant got right.
        rows: all rows that both predicted; at least the two others together.
        power: the probability of finding the difference.
        level: the p-value from which on it counts as found.

    Returns:
        The number of rows, or None where the two counts are equal: no number of rows finds no difference.
    """
    apart, difference = baseline_only + variant_only, baseline_only - variant_only
    if difference == 0:
        return None
    # whole numbers until the division: exactly 0 where every row is one that only one and the same run got right
    spread = (rows * apart - difference**2) / rows
    reach = normal_quantile(1 - level / 2) * math.sqrt(apart) + normal_quantile(power) * math.sqrt(spread)
    return math.ceil(rows * (reach / difference) ** 2)


def normal_quantile(probability: float) -> float:
    """The standard normal's quantile, as `scipy.stats.norm.ppf` has it."""
    from statistics import NormalDist  # Python's own module of that name; it loads a dozen others

    return NormalDist().inv_cdf(probability)


def normal_probability(value: float) -> float:
    """The standard normal's distribution function, as `scipy.stats.norm.cdf` has it."""
    return math.erfc(-value / math.sqrt(2)) / 2


def holm(p_values: Sequence[float]) -> list[float]:
    """The p-values adjusted for their number, in the order given, each at most 1.

    To call significant what is below 0.05 afterwards keeps the probability of any false alarm among all of them at
    0.05, however they depend on one another.

    Source: Holm 1979; agrees with `statsmodels.stats.multitest.multipletests` with ``method="holm"``.
    """
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    raised = (p_values[position] * (len(order) - rank) for rank, position in enumerate(order))
    adjusted = dict(zip(order, accumulate(raised, max), strict=True))
    return [min(1.0, adjusted[position]) for position in range(len(order))]


def holm_among(p_values: Sequence[float | None], tests: int) -> list[float | None]:
    """Holm's p-values where not all of the `tests` were made: those not made count as if theirs were the largest.

    None is one that was not made, and stays None.
    """
    made = [p_value for p_value in p_values if p_value is not None]
    adjusted = iter(holm([*made, *[1.0] * max(0, tests - len(made))]))
    return [None if p_value is None else next(adjusted) for p_value in p_values]


def round_rows(rows: int) -> int:
    """A number of rows to say aloud ("about 900"): two significant digits, halves upwards."""
    unit: int = 10 ** max(0, len(str(rows)) - 2)
    return (rows + unit // 2) // unit * unit
