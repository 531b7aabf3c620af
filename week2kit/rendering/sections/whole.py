"""The whole report in its order, and the sections that say in a few lines what it is about."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import partial
from typing import Final

from week2kit.rendering.blocks import (
    Block,
    Code,
    Document,
    Flow,
    Item,
    Items,
    Kind,
    Notice,
    Place,
    Quotes,
    Section,
    Table,
    folded,
    section,
)
from week2kit.rendering.files.words import lesson_key
from week2kit.rendering.markdown import code, codes, count, escape, mermaid_label, number, sentence, show_score
from week2kit.rendering.pictures.contents import Picture, pictures_of
from week2kit.rendering.sections import changes, commands, evidence, failures, moved, results
from week2kit.rendering.sections.wording import Pictures, is_single, only_commands, shown, statements
from week2kit.reporting.answers import came_to
from week2kit.reporting.rows import REFUTED, GoalRow, RunRow
from week2kit.reporting.values import Comparison, Finding, Loop, Report
from week2kit.sentences.warnings import describe_warning

#: Runs that have a banner of their own: a class of damaged folders must not fill the report.
_BANNERS: Final = 10
#: Causes of a verdict that are named.
_CAUSES: Final = 4
#: What the report of a run that was made without week2kit has no numbers for.
_NOT_RECORDED: Final = (
    "Of such a run, only a config in the flat form and metrics are recorded, as somebody wrote them. Not recorded: "
    "predictions, so no difference is tested; training scores and a dummy; and digests, so nothing shows which data, "
    "rows, code and processor gave the numbers. `week2kit verify` trains such a run again, and `week2kit train` with "
    "its config makes a full record."
)

#: Runs of which a goal says whether they reach it; names that a sentence holds (`codes`); columns that are listed.
_REACHED: Final = 12
_NAMED: Final = 12
_COLUMNS: Final = 60

_TOPICS: Final = {
    "difference": "The difference.",
    "noise": "The noise floor.",
    "overfitting": "Overfitting.",
    "underfitting": "Underfitting.",
    "imbalance": "Imbalance.",
    "convergence": "Convergence.",
    "warnings": "Recorded warnings.",
}


def compose(report: Report, written: Collection[str] = (), next_commands: Sequence[str] = ()) -> Document:
    """The report as blocks.

    Args:
        report: what is told.
        written: the keys of the places in which a person wrote.
        next_commands: what trains the proposed experiments, which are files; empty: the first is shown.
    """
    if not report.others:
        return _of_one_data_set(report, pictures_of(report), written, next_commands)
    head = section(1, "head", _title_of_several(report), _head_of_several(report))
    parts = list[Section]()
    for place, one in enumerate((report, *report.others), start=1):
        own = one._replace(verify_commands=(), unreadable=())
        mark = _mark(one) if place > 1 else ""  # the first keeps the places that a report of it alone has
        known = [key.removesuffix(mark) for key in written if key.endswith(mark)]
        commands = next_commands if place == 1 else ()
        found = _of_one_data_set(own, pictures_of(report, place), known, commands)
        parts += (_below(part, one, mark) for part in found)
    return head, *parts


def _below(part: Section, report: Report, mark: str) -> Section:
    """A section as it stands below the heading of its data set, with places for words that no other has."""
    blocks = (
        Place(block.key + mark) if isinstance(block, Place) and " " not in block.key else block for block in part.blocks
    )
    title = f"{_data_set(report)}: {part.title.partition(': ')[2]}" if part.kind == "head" else part.title
    return part._replace(level=part.level + 1, title=title, blocks=tuple(blocks))


def _mark(report: Report) -> str:
    """What the keys of the places for words of a data set end in: the name of its baseline."""
    return lesson_key(report.runs[0].name).removeprefix("lesson") if report.runs else ""


def _data_set(report: Report) -> str:
    return code(report.loop.source) if report.loop is not None else "other data"


def _of_one_data_set(
    report: Report, planned: Iterable[Picture], written: Collection[str], next_commands: Sequence[str]
) -> Document:
    pictures: Pictures = {(picture.kind, picture.run): picture for picture in planned}

    def each(words: str, blocks: Callable[[Comparison], Iterable[Block]]) -> list[tuple[str, Iterable[Block]]]:
        """What is said of each variant, under a heading of its own where there are several."""
        single = is_single(report)
        return [("" if single else f"{words} {code(one.variant.name)}", blocks(one)) for one in report.comparisons]

    return (
        section(1, "head", _title(report), _head(report)),
        *_parts("goal", "Goal", [
            ("", _goal(report, written)),
            *((f"The command of {code(row.run)}", commands.of_one(row, report)) for row in report.commands),
        ]),
        *_parts("changes", "What changed", [
            ("", changes.beginning(report)), *each("What changed in", partial(changes.of_one, report)),
        ]),
        *_parts("results", "Results", [
            ("", results.beginning(report, pictures)),
            *each("Results of", partial(results.of_one, report)),
            ("", results.end(report, pictures)),
        ]),
        *_parts("interpretation", "Interpretation", [
            *_about_baseline(report),
            *each("About", lambda one: _findings(one.findings, told=is_single(report))),
            ("", folded("Calibration and errors", shown(pictures, "calibration", "residuals"))),
            ("", [Place("interpretation")]),
        ]),
        *_parts("moved", "Rows that moved", [
            ("", moved.beginning(report)), *each("Rows that moved in", lambda one: moved.of_one(report, one, pictures)),
        ]),
        *failures.sections(report),
        section(2, "next", "Next experiment", failures.next_experiment(report.proposal, next_commands)),
        section(2, "caveats", "Risk and caveat", [_caveats(report)]),
        *evidence.sections(report),
    )  # fmt: skip


def _parts(kind: Kind, title: str, parts: Iterable[tuple[str, Iterable[Block]]]) -> Iterator[Section]:
    """A section and those within it: a part with a title begins one, a part without goes on where the last ended."""
    level, blocks = 2, list[Block]()
    for own, more in parts:
        if own:
            yield section(level, kind, title, blocks)
            level, title, blocks = 3, own, []
        blocks += more
    yield section(level, kind, title, blocks)


# --- head -------------------------------------------------------------------------------------------------------


def _title(report: Report) -> str:
    if report.baseline is None:
        return "Report: no run completed"
    baseline = code(report.baseline.name)
    if is_single(report):
        return f"Report: {code(report.comparisons[0].variant.name)} against {baseline}"
    if report.comparisons:
        return f"Report: {len(report.overview) + report.overview_left_out - 1} variants against {baseline}"
    return f"Report: {baseline}"


def _title_of_several(report: Report) -> str:
    every = (report, *report.others)
    return f"Report: {count(sum(map(_completed, every)), 'run')} on {len(every)} data sets"


def _completed(report: Report) -> int:
    """How many completed runs of a data set are told of."""
    return len(report.overview) + report.overview_left_out or len(report.comparisons) + (report.baseline is not None)


def _head_of_several(report: Report) -> Iterator[Block]:
    """A line for each data set; what is compared is only what was measured on one."""
    yield (
        "Scores on different data are not compared: each data set has its own section, with its own baseline, ranking "
        "and next experiment."
    )
    items = []
    for one in (report, *report.others):
        target = f", target {code(one.loop.target)}" if one.loop is not None else ""
        items.append(Item(_in_a_line(one), f"{_data_set(one)}{target}, {count(_completed(one), 'run')}:"))
    yield Items(tuple(items))
    yield from (Notice("NOTE", (f"Not read: {escape(reason)}",)) for reason in report.unreadable[:_BANNERS])
    if report.verify_commands:
        if report.verdicts is None:
            yield _not_verified(report)
        yield from folded("How to have the verdicts in this report", [Code(report.verify_commands)])


def _in_a_line(report: Report) -> str:
    """What came out on one data set."""
    assert report.baseline is not None  # a data set is that of a completed run
    told = "Read the warning in its section first. " if _is_warned(report) else ""
    if report.overview:
        return told + statements(report.ranking)
    if report.comparisons:
        return told + statements(came_to(report.comparisons[0], report.baseline.name))
    score = report.metrics[0].baseline if report.metrics else None
    value = f" {code(report.metrics[0].metric)} {show_score(score)}" if score is not None else ""
    return f"{told}One run, {code(report.baseline.name)}:{value}, so nothing is compared."


def _is_warned(report: Report) -> bool:
    """Whether its head warns of what its numbers rest on."""
    wrong = any(run.disagreements or (run.verdict and run.verdict.verdict in REFUTED) for run in report.runs)
    return wrong or any(True for _ in _unbelievable(report))


def _head(report: Report) -> Iterator[Block]:
    """What must be seen first, what came out, and whether it was verified."""
    yield from _damaged([run for run in report.runs if run.disagreements])
    yield from _refuted([run for run in report.runs if run.verdict and run.verdict.verdict in REFUTED])
    yield from (Notice("NOTE", (f"Not read: {escape(reason)}",)) for reason in report.unreadable[:_BANNERS])
    if (more := len(report.unreadable) - _BANNERS) > 0:
        told = f"{count(more, 'more folder')} could not be read: `week2kit runs` says why of each."
        yield Notice("NOTE", (told,))
    yield from (Notice("WARNING", told) for told in _unbelievable(report))
    if names := [run.name for run in report.runs if not run.manifest_sha256]:
        yield Notice("NOTE", (f"No manifest: {codes(names)}. {_NOT_RECORDED}",))
    if is_single(report):
        (comparison,) = report.comparisons
        yield changes.rule(report, comparison)
        yield from (statements(one.statements) for one in comparison.findings if one.topic == "difference")
        yield results.metrics_of(report, comparison)
    elif report.comparisons:
        yield statements(report.ranking)
    elif report.metrics:
        yield results.metrics_alone(report)
    if report.commands:
        yield commands.in_short(report)
    yield from failures.in_short(report)
    if report.verdicts is not None:
        rows = tuple(map(_verdict_row, report.runs))
        yield Table(("run", "verdict", "what `week2kit verify` found"), "lll", rows)
        if others := report.verdicts.unmatched:
            yield f"Verdicts on runs that are not in this report, or whose record has changed since: {codes(others)}."
    elif report.verify_commands:
        yield _not_verified(report)


def _not_verified(report: Report) -> str:
    command = report.verify_commands[0].partition(" --json")[0]
    return f"**Not verified:** no run was trained again for this report. To do it: {code(command)}"


def _unbelievable(report: Report) -> Iterator[tuple[str, ...]]:
    """What gives the target away, each once with the runs that have it; a score that is too good where nothing does."""
    found = [*report.findings, *(one for comparison in report.comparisons for one in comparison.findings)]
    said = [statement for one in found for statement in one.statements]
    leaks = [one for one in said if one.code == "warning" and getattr(one.values["warned"], "code", "") == "data.leak"]
    told: dict[str, list[str]] = {}
    for one in leaks:
        told.setdefault(describe_warning(one.values["warned"]), []).append(one.values["run"])
    for text, names in [*told.items()][:_BANNERS]:
        yield (f"**Do not believe the scores of {codes(dict.fromkeys(names))} yet.** {escape(text)}",)
    if not leaks:
        yield from ((sentence(one),) for one in said if one.code == "gap.too_good")


def _damaged(runs: Sequence[RunRow]) -> Iterator[Notice]:
    for run in runs[:_BANNERS]:
        told = f"**{code(run.name)} does not agree with its own record** (edited, or damaged in copying). "
        yield Notice("WARNING", (told + statements(run.disagreements), "Its numbers below prove nothing."))
    if more := runs[_BANNERS:]:
        what = (
            f"{count(len(more), 'more run')} {'does' if len(more) == 1 else 'do'} not agree with the record of the run:"
        )
        told = f"**{what}** {codes(run.name for run in more)}. `week2kit verify` says where."
        yield Notice("WARNING", (told, "The numbers of these runs below prove nothing."))


def _refuted(runs: Sequence[RunRow]) -> Iterator[Notice]:
    recorded = "below are what was recorded, not what can be had again."
    for run in runs[:_BANNERS]:
        assert run.verdict is not None
        told = f"**{code(run.name)} was trained again, and the verdict is {run.verdict.verdict}:** "
        yield Notice("WARNING", (told + escape(run.verdict.told), f"Its numbers {recorded}"))
    if more := runs[_BANNERS:]:
        what = f"{count(len(more), 'more run')} did not pass when trained again:"
        told = f"**{what}** {codes(run.name for run in more)}. The table of verdicts has each."
        yield Notice("WARNING", (told, f"The numbers of these runs {recorded}"))


def _verdict_row(run: RunRow) -> tuple[str, ...]:
    verdict = run.verdict
    if verdict is None:
        return code(run.name), "not verified", "no verdict on this record was given"
    found = f"{verdict.verdict} ({verdict.level})" if verdict.level else verdict.verdict
    causes = ", ".join(f"{cause.input} {code(cause.factor)} ({cause.proof})" for cause in verdict.causes[:_CAUSES])
    more = " and more" if len(verdict.causes) > _CAUSES else ""
    return code(run.name), found, escape(verdict.told) + (f" Causes: {causes}{more}." if causes else "")


# --- goal and loop ----------------------------------------------------------------------------------------------


def _goal(report: Report, written: Collection[str]) -> Iterator[Block]:
    """What the runs shall find out, and the training loop of the baseline with its counts."""
    warned = _is_warned(report)
    goals = [
        (above, escape(text), below)
        for row in report.goals
        for above, text, below in (
            ("", row.goal, statements(row.goal_measured[:_REACHED])),
            (f"Hypothesis of {code(row.run)}:", row.hypothesis, _answer(row, warned=warned)),
        )
        if text
    ]
    if goals:
        yield Quotes(tuple(goals))
    elif only_commands(report):
        yield "No goal was recorded: a command has no place for one. Write it here."
    else:
        yield 'No goal was recorded. Write `"goal"` and `"hypothesis"` into the config, and the report carries them.'
    if "goal" in written or not any(row.goal for row in report.goals):
        yield Place("goal")
    if "hypothesis" in written or not any(row.hypothesis for row in report.goals):
        yield Place("hypothesis")
    if report.loop is not None and report.baseline is not None:
        yield from _loop(report.baseline.name, report.loop, _used(report), _columns(report))


def _answer(row: GoalRow, *, warned: bool) -> str:
    """What was measured, beside what was expected; whether it is the same, only a person can say of free text."""
    if not row.hypothesis_measured:
        return ""
    before = "The warning at the top comes before this: " if warned else "What came out: "
    told = before + statements(row.hypothesis_measured)
    if row.hypothesis_measured[0].code in ("goal.reached", "goal.missed"):
        return told
    return f"{told} Whether that is what you expected, you decide."


def _used(report: Report) -> str:
    """The features, and what is known of the other columns."""
    return statements(said for row in report.columns for said in row.statements)


def _columns(report: Report) -> Iterator[Block]:
    """The columns in a table, where the line of the features does not say all of it."""
    if not report.columns:
        return
    first = report.columns[0]
    if len(first.features) <= _NAMED and len(first.dropped) <= _NAMED and not any(one.missing for one in first.columns):
        return
    rows: list[tuple[str, ...]] = [
        (code(column.name), escape(column.role), escape(column.kind), f"{column.missing:,}") for column in first.columns
    ]
    rows += [(code(name), "left out (`data.drop`)", "", "") for name in first.dropped]
    left = f"{count(len(rows) - _COLUMNS, 'more column')}: `manifest.json` and `config.json` have all."
    table = Table(("column", "used as", "kind", "rows without a value"), "lllr", tuple(rows[:_COLUMNS]))
    yield from folded("The columns one by one", [table, *([left] if len(rows) > _COLUMNS else [])])


def _loop(baseline: str, loop: Loop, used: str, columns: Iterator[Block]) -> Iterator[Block]:
    features, rows = count(loop.features, "feature"), count(loop.rows, "row")
    yield (
        f"The baseline {code(baseline)} trains {code(loop.model)} on {features} of {rows} ({code(loop.source)}) to "
        f"predict {code(loop.target)}, with seed {loop.seed}. {used}"
    )
    yield from columns
    folds = f", {loop.folds} folds, the first" if loop.folds > 1 else ""
    split = f"{mermaid_label(loop.method)}{folds}: {count(loop.n_train, 'row')} to train, {loop.n_val} to validate"
    yield from folded("Figure A. The training loop of the baseline, with its own counts", [Flow((
        ("load", f"{mermaid_label(loop.source)}, {rows}, {features}"),
        ("split", split),
        ("fit", mermaid_label(loop.model)),
        ("evaluate", f"{mermaid_label(loop.metric)} {number(loop.value)}"),
        ("save", mermaid_label(loop.artifacts, 200)),
    ))])  # fmt: skip


# --- interpretation ---------------------------------------------------------------------------------------------


def _about_baseline(report: Report) -> Iterator[tuple[str, Iterable[Block]]]:
    """What is said of the baseline alone, or why there is nothing to say."""
    if report.baseline is None:
        yield "", ["No run completed, so there is nothing to interpret."]
    elif report.findings:
        own = f"About the baseline {code(report.baseline.name)}" if report.comparisons else ""
        yield own, _findings(report.findings)


#: Topics that a reader looks up; what is wrong in them stands at the head, or decides the next experiment.
_LOOKED_UP: Final = ("noise", "underfitting", "convergence", "warnings")


def _findings(findings: Sequence[Finding], *, told: bool = False) -> Iterator[Block]:
    """The findings; that about the difference stands at the head where there is one variant (`told`)."""
    left = [one for one in findings if not (told and one.topic == "difference")]
    first = [one for one in left if one.topic not in _LOOKED_UP]
    if first:
        yield Items(tuple(map(_finding, first)))
    others = [one for one in left if one.topic in _LOOKED_UP]
    names = ", ".join(_TOPICS[one.topic].rstrip(".").lower() for one in others)
    if others:
        yield from folded(names[:1].upper() + names[1:], [Items(tuple(map(_finding, others)))])


def _finding(finding: Finding) -> Item:
    """A finding; several statements about one topic stand below one another, those on the difference as one text."""
    name = _TOPICS[finding.topic]
    if finding.topic == "difference" or len(finding.statements) == 1:
        return Item(statements(finding.statements), name)
    return Item("", name, tuple(map(sentence, finding.statements)))


def _caveats(report: Report) -> Items:
    own = (
        "This report read files and compared digests. It trained nothing again, so it does not show that the numbers "
        "can be had again: `week2kit verify` does."
    )
    return Items(tuple(map(Item, [*map(sentence, report.caveats), own])))
