"""The verb verify: from a run to a verdict. `verifying` is the door, `rules` the judgement, `child` what reruns."""
