"""What did not work, and the next experiment."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from week2kit.rendering.blocks import Block, Code, Item, Items, Place, Section, folded, section
from week2kit.rendering.files.words import lesson_key
from week2kit.rendering.markdown import code, codes, count, escape, json_block, sentence
from week2kit.rendering.sections.wording import change_line, only_partial
from week2kit.reporting.values import BriefFailure, Proposal, Report, Retrospective, Setback


def sections(report: Report) -> Iterator[Section]:
    """The retrospective: one section for each way in which runs failed or lost, and what is only counted."""
    story = report.retrospective
    title, level = "Failed-run retrospective", 2
    blocks: list[Block] = [] if story.setbacks else [_none(report)]
    for setback in story.setbacks:
        yield section(level, "setback" if level == 3 else "failures", title, blocks)
        level, title, blocks = 3, f"{code(setback.run.name)}: {_kind(setback)}", list(_setback(setback))
        if _is_elsewhere(report, setback):
            blocks = list(folded("It belongs to other runs than these", blocks))
    yield section(level, "setback" if level == 3 else "failures", title, [*blocks, *_counted(story)])


def _is_elsewhere(report: Report, setback: Setback) -> bool:
    """Whether the run whose config is nearest is none that the report compares."""
    return bool(setback.compared_with) and setback.compared_with not in {run.name for run in report.runs}


#: Failed runs that the head names.
_NAMED: Final = 3


def in_short(report: Report) -> Iterator[Block]:
    """What failed and what is next, in a line each, for whoever reads no further."""
    story = report.retrospective
    failed = [one for one in story.setbacks if one.kind == "failed"]
    elsewhere = [one for one in failed if _is_elsewhere(report, one)]
    failed = [one for one in failed if one not in elsewhere]
    if failed or elsewhere:
        told = [f"{code(one.run.name)}{_at(one.stage)} ({sentence(one.why).rstrip('.')})" for one in failed[:_NAMED]]
        more = [f"{len(failed) - len(told)} more"] if len(failed) > len(told) else []
        if elsewhere:
            more.append(f"beside these, of other runs, {codes(one.run.name for one in elsewhere)}")
        yield f"**Failed:** {'; '.join([*told, *more])}."
    elif not only_partial(report):
        yield "**Failed:** no run that was looked at."
    yield f"**Next:** {sentence(report.proposal.proposal)}"


def _none(report: Report) -> str:
    if only_partial(report):
        return (
            "Nothing is known of failed runs: a script leaves metrics when it comes to its end, and a folder without "
            "them is no run here. `week2kit train` records what failed, too."
        )
    return (
        f"No failed run: among the {count(report.retrospective.looked_at, 'run')} looked at, none failed, none was "
        "interrupted, and none came out worse than the baseline by more than noise."
    )


def _kind(setback: Setback) -> str:
    if setback.kind == "failed":
        return f"failed{_at(setback.stage)}"
    return "interrupted" if setback.kind == "interrupted" else "worse than the baseline"


def _at(stage: str | None) -> str:
    """Where a run failed; a command has no stages."""
    return "" if stage == "command" else f" at stage {code(stage)}"


def _setback(setback: Setback) -> Iterator[Block]:
    items = [Item(_tried(setback), "Tried:")]
    if len(setback.runs) > 1:
        how = "failed" if setback.kind == "failed" else "were interrupted"
        alike = f"{len(setback.runs)} {how} in this way: {codes(setback.runs)}. This one stands for them."
        items.insert(0, Item(alike, "Runs:"))
    items += [Item(sentence(setback.happened), "Happened:"), Item(sentence(setback.why), "Why:")]
    if setback.hint:
        items.append(Item(escape(setback.hint), "Hint that it recorded:"))
    if later := setback.next:
        changed = f" with {change_line(later.changes)}" if later.changes else ""
        told = f"{code(later.run)}{changed}: {sentence(later.happened)}"
        items.append(Item(told, f"The later run with the nearest {_what(setback)}:"))
    yield Items((*items, Item(sentence(setback.learned), "Learned:")))
    yield Place(lesson_key(setback.run.name))


def _what(setback: Setback) -> str:
    return "command" if setback.stage == "command" else "config"


def _tried(setback: Setback) -> str:
    """What was different from the completed run with the nearest config."""
    other = code(setback.compared_with)
    if setback.tried:
        nearest = f", the completed run with the nearest {_what(setback)}" if setback.kind != "worse" else ""
        keys = " (in the keys that its config holds)" if setback.as_written else ""
        if setback.learned.code == "learned.not_valid":
            keys = " (in the keys that both configs hold)"
        return f"against {other}{nearest}{keys}: {change_line(setback.tried)}."
    if setback.compared_with and setback.as_written:
        return f"no key that both configs hold differs from {other}, the completed run with the nearest config."
    if setback.compared_with:
        return f"no recorded input differs from {other}."
    return f"its {_what(setback)} cannot be compared with that of a completed run."


def _counted(story: Retrospective) -> Iterator[Block]:
    """What is told in a line each: further failures, what is not told, and where was looked."""
    if story.brief:
        yield "Also failed:"
        yield Items(tuple(Item(_brief(failure)) for failure in story.brief))
    yield "\n".join(_lines(story))


def _lines(story: Retrospective) -> Iterator[str]:
    if story.left_out:
        yield f"{count(story.left_out, 'more run')} failed in further ways, which are not told here."
    if story.worse_left_out:
        yield (
            f"{count(story.worse_left_out, 'more run')} came out worse than the baseline by more than noise, by "
            "smaller differences than these."
        )
    if story.not_apart:
        apart = "but not told apart from it by more than noise"
        yield f"A worse score than the baseline, {apart}: {codes(story.not_apart)}."
    if story.not_tested:
        yield f"A worse score than the baseline, not tested for noise: {codes(story.not_tested)}."
    if story.only_named:
        yield "Only the named runs were looked at."
    elif story.folders:
        missing = f"; {count(story.not_read, 'folder')} there could not be read" if story.not_read else ""
        runs = count(story.looked_at, "run")
        yield f"Looked at: {runs}, the named ones and those beside them in {codes(story.folders)}{missing}."
    if story.not_judged:
        yield (
            f"{count(story.not_judged, 'completed run')} cannot be compared with the baseline, and so "
            f"{'is' if story.not_judged == 1 else 'are'} neither better nor worse."
        )


def _brief(failure: BriefFailure) -> str:
    runs = codes(failure.runs, 4)
    if failure.error is None:
        known = failure.stage and failure.stage != "command"
        return f"{runs}: interrupted{f' after stage {code(failure.stage)}' if known else ''}."
    return f"{runs}{_at(failure.stage)} with {code(failure.error)}: {escape(failure.message, 200)}"


def next_experiment(proposal: Proposal, commands: Sequence[str]) -> Iterator[Block]:
    """What to train next, why, and how to read what comes of it; `commands` train the configs that are files."""
    experiments = proposal.experiments
    several = len(experiments) > 1
    yield f"{sentence(proposal.reason)} {sentence(proposal.proposal)}"
    told = not commands and bool(proposal.commands) and not several  # its flags say the one change
    if changed := [one for one in experiments if one.changes and not told]:
        if experiments[0].changes:
            yield "One change each:" if several else "The one change:"
        yield Items(tuple(Item(f"{code(one.base)} again with {change_line(one.changes)}") for one in changed))
    if proposal.reading:
        yield f"How to read it: {sentence(proposal.reading)}"
    if commands:
        yield "The configs are ready, all else is as it was:"
        named = zip(commands, experiments, strict=True)
        yield Code(tuple(f"{command}{one.flags}" for command, one in named))
    elif experiments:
        if proposal.commands:
            yield Code(proposal.commands)
        train = code(f"week2kit train next.json{experiments[0].flags}")
        which = "first" if several else "same"
        config = f"All else as it was; save it as `next.json`, and {train}:"
        yield from folded(f"The {which} as a config", [config, json_block(experiments[0].config)])
    if proposal.judge:
        when = f"When {'they are' if several else 'it is'} trained, this tells what came of it"
        yield from folded(when, [Code((proposal.judge,))])
