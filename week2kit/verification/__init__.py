"""The verb verify: from a run to a verdict. `verifying` is the door, `judgement` the rules, `child` what reruns."""
