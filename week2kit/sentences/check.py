"""What `report --check` says of a finding, by its code: `says` is from the file, `recorded` from the record."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_AGAIN: Final = "Make the report again with -o."
_YOURS: Final = "Take it out, or put it between the comments for your words."

SENTENCES: Final[Mapping[str, str]] = {
    "claim.differs": f"it says: {{says}} -- and the record says: {{recorded}} -- {_AGAIN}",
    "claim.unknown": f"it says: {{says}} -- and the record does not say that here. {_YOURS}",
    "warning.missing": f"missing here: the record says: {{recorded}} -- Such a warning must stand. {_AGAIN}",
    "words.unknown": (
        "your words say {says}, and no number of the record rounds to that. Quote the number as the record has it, or "
        "give it with two decimals."
    ),
    "words.few_decimals": "note: your words say {says}, and no number of the record rounds to that.",
    "file.disagrees": "run {says}: {recorded} Copy the run folder again from where it was made, or train again.",
    "runs.differ": (
        "was made of {says} (in this order), and you named {recorded}: name the same runs in the same order."
    ),
    "picture.missing": f"it shows {{says}}, and that picture is not there. {_AGAIN}",
    "picture.differs": (
        f"it shows {{says}}, and that picture is not as it was drawn from these numbers. Move it away. {_AGAIN}"
    ),
    "text.own": "note: not from the record, and not between the comments for your words: {says}",
    "text.removed": "note: left out here, with what belongs to it: {recorded}",
}
