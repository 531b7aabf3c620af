"""The folder beside a report: its pictures, the configs of the next experiments, and an index of both.

A file is ours as long as the index has its digest. Ours are replaced, and go when the report has them no more; nothing
else in the folder is touched, or read.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final
from urllib.parse import quote

from week2kit.canonical import JsonError, clean, dump_json, parse_json, text_digest
from week2kit.errors import ReportError
from week2kit.privacy import shown_path
from week2kit.record.files import read_regular
from week2kit.reporting.values import Proposal
from week2kit.thresholds import MAX_REPORT_BYTES

INDEX: Final = "index.json"


def files_folder(path: Path) -> Path:
    """The folder beside a report that holds what belongs to it: ``report_files`` for ``report.md``."""
    return path.with_name(f"{path.stem}_files")


def picture_links(report: Path, names: Iterable[str]) -> dict[str, str]:
    """The address of each picture, by its file name, as the report writes it: relative, and quoted."""
    folder = quote(os.fsencode(files_folder(report).name), safe="")
    return {name: f"{folder}/{name}" for name in names}


def next_configs(proposal: Proposal) -> dict[str, str]:
    """The proposed experiments as configs that ``week2kit train`` takes: ``next.json``, ``next-2.json``, ..."""
    names = ["next.json", *(f"next-{number}.json" for number in range(2, 1 + len(proposal.experiments)))]
    return {name: dump_json(one.config) for name, one in zip(names, proposal.experiments, strict=False)}


def next_paths(path: Path, proposal: Proposal) -> list[str]:
    """Those files as the report names them: from where it is made."""
    return [f"{shown_path(files_folder(path))}/{name}" for name in next_configs(proposal)]


def contents_beside(report: Path, files: Mapping[str, str]) -> dict[Path, bytes]:
    """What the folder beside a report shall hold: files by their name, and the index; nothing where there are none.

    Raises:
        ReportError: something that is not ours is in the way.
    """
    folder = files_folder(report)
    if not files:
        return {}
    if os.path.lexists(folder) and (folder.is_symlink() or not folder.is_dir()):
        raise _in_the_way(folder, "it is no folder, and the files of the report belong into a folder of this name")
    index = _index(folder)
    for name in files:
        if os.path.lexists(folder / name) and _digest(folder / name) != index.get(name, ""):
            raise _in_the_way(folder / name, "it was not written by week2kit, or was changed since")
    if not index and os.path.lexists(folder / INDEX):
        raise _in_the_way(folder / INDEX, "it is not the index of week2kit, or was changed since")
    contents = {name: text.encode() for name, text in sorted(files.items())}
    digests = {name: text_digest(content) for name, content in contents.items()}
    return {folder / name: content for name, content in {**contents, INDEX: dump_json(digests).encode()}.items()}


def stale_files(report: Path, files: Iterable[str]) -> list[Path]:
    """What is ours in the folder beside a report and not among `files` any more; the index where there are none."""
    folder, names = files_folder(report), set(files)
    index = _index(folder)
    stale = [folder / name for name in index if name not in names and _digest(folder / name) == index[name]]
    return [*stale, folder / INDEX] if index and not names else stale


def remove_files(paths: Iterable[Path]) -> None:
    """Take files of one folder away, and the folder where it is empty then; what cannot be removed stays."""
    with contextlib.suppress(OSError):
        for path in paths:
            path.unlink()
            if path.name == INDEX:
                path.parent.rmdir()  # only where no other files are in it


def is_intact(path: Path) -> bool:
    """Whether a file in such a folder is as it was written."""
    return _digest(path) == _index(path.parent).get(path.name, "")


def _index(folder: Path) -> Mapping[str, str]:
    """The digests of what is ours in a folder; empty where nothing tells."""
    try:
        value = parse_json(read_regular(folder / INDEX, MAX_REPORT_BYTES, follow=False))
    except (OSError, JsonError):
        return {}
    ours = (
        isinstance(value, dict)
        and not folder.is_symlink()
        and all(Path(name).name == name and re.fullmatch("[0-9a-f]{64}", str(digest)) for name, digest in value.items())
    )
    return value if ours else {}


def _digest(path: Path) -> str | None:
    """The digest of a file, whatever its line ends became; None where there is no such file of its own."""
    try:
        return text_digest(read_regular(path, MAX_REPORT_BYTES, follow=False))
    except OSError:
        return None


def _in_the_way(path: Path, why: str) -> ReportError:
    return ReportError(
        f"{clean(os.fspath(path))}: {why}, so it is not overwritten: move it away, or choose another -o."
    )
