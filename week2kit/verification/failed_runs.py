"""The judgement on a failed run: does it fail again, at the same stage and in the same way?"""

from __future__ import annotations

from collections.abc import Callable

from week2kit.errors import is_from_outside
from week2kit.inputs.causes import Here, data_causes
from week2kit.record.manifest import Data, FailedRun
from week2kit.record.verdict import Cause, Finding, RerunRecord
from week2kit.verification.checks import failed, passed
from week2kit.verification.judgement import Judgement, missing_here, undecided
from week2kit.verification.messages import Fresh
from week2kit.verification.recorded_facts import facts_of, may_be, uses_of


def judge_failed(manifest: FailedRun, here: Here, again: Callable[[], Fresh]) -> Judgement:
    """The verdict on a failed run: does it fail again, at the same stage and in the same way?"""
    recorded = manifest.failure
    told = f"{recorded.stage}: {recorded.error}: {recorded.message}"
    if is_from_outside(recorded.error):
        return undecided("undecided.external_failure", recorded.stage, told)
    fresh = again()
    facts = facts_of(manifest, here, uses_of(manifest, here, fresh), exactly=True)
    rerun = [RerunRecord(factors=[], agrees_to="nothing", seconds=round(fresh.seconds, 3))]
    now = fresh.failure
    if now is not None and (now.stage, now.error, now.message) == (recorded.stage, recorded.error, recorded.message):
        rerun = [rerun[0].model_copy(update={"agrees_to": "failure"})]
        return _failed_again(manifest, fresh, rerun)
    came_out = "it completed" if now is None else f"{now.stage}: {now.error}: {now.message}"
    check = failed("failure", "failure.other", recorded.stage, told, came_out)
    old, new = manifest.inputs.data, fresh.data
    same_data = old is None or new is None or old.sha256 == new.sha256
    if fresh.missing is not None:
        return Judgement("undecided", reason=missing_here(fresh.missing), reruns=rerun)
    external = now is not None and is_from_outside(now.error)
    if external or (facts and same_data):
        return undecided(may_be(facts), recorded.stage, told, came_out, causes=facts, reruns=rerun, checks=[check])
    causes = facts
    if old is not None and new is not None and not same_data:
        causes = [Cause(input="data", factor="bytes", recorded=old.sha256, now=new.sha256, proof="observed")]
    return Judgement(
        "different", first_divergence=None if same_data else "data", causes=causes, reruns=rerun, checks=[check]
    )


def _failed_again(manifest: FailedRun, fresh: Fresh, reruns: list[RerunRecord]) -> Judgement:
    """It fails again in the same way: on the recorded data?"""
    old, new = manifest.inputs.data, fresh.data
    if old is None or new is None or old.sha256 == new.sha256 or old.sha256 is None:
        return Judgement("identical", level="failure", reruns=reruns, checks=[passed("failure")])
    if isinstance(old, Data) and isinstance(new, Data) and (causes := data_causes(old, new)):
        other = failed("data.table", "data.table", old.path, old.table_digest, new.table_digest)
        checks = [passed("failure", Finding(code="failure.same")), other]
        return Judgement("different", first_divergence="data", causes=causes, reruns=reruns, checks=checks)
    # the same table in another form; or it failed before there was a table, and nothing tells whether it is the same
    code = "data.other_text" if isinstance(old, Data) and isinstance(new, Data) else "failure.other_bytes"
    note = passed("data.bytes", Finding(code=code, where=old.path, recorded=old.sha256, now=new.sha256))
    return Judgement("identical", level="failure", reruns=reruns, checks=[passed("failure"), note])
