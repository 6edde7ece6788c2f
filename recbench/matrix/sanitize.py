"""Stage `sanitize`: a detector judges the users of the poisoned data, whoever the victim will be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from recbench.contracts import RuleViolation, Verdict
from recbench.matrix.instances import instance
from recbench.matrix.measure import measured
from recbench.matrix.prepared import Prepared
from recbench.matrix.surroundings import context, poison
from recbench.seeds import derive_seed
from recbench.store import Artifact


@measured
def sanitize(arguments: Mapping[str, Any], inputs: Mapping[str, Artifact]) -> Artifact:
    """Let the detector inspect what a victim would be trained on.

    Args:
        arguments: `defense` (spec), `dataset`, `seed`, `replica`, `device`, `threads`.
        inputs: `prepared`; `profiles` where there is an attack; `examples` where the detector learns from some.

    Returns:
        `suspicion` float64 and `keep` bool, both [n + m] in injected order (genuine, then fakes), and
        how many users were `removed`.

    Raises:
        RuleViolation: no verdict, or one that does not fit the data.
    """
    prepared = Prepared.of(inputs["prepared"])
    poisoned = poison(prepared, inputs.get("profiles"), arguments["replica"])
    seed = derive_seed(arguments["seed"], "sanitize", arguments["dataset"], arguments["defense"]["name"])
    surroundings = context(prepared, poisoned, arguments, seed, inputs.get("examples"))
    verdict = instance(arguments["defense"]).inspect(poisoned.data, surroundings)
    if not isinstance(verdict, Verdict):
        raise RuleViolation(f"inspect returned {type(verdict).__name__}; expected Verdict")
    verdict.check(poisoned.data.n_users)
    suspicion = np.asarray(verdict.suspicion, dtype=np.float64)[poisoned.public_id]
    keep = np.asarray(verdict.keep)[poisoned.public_id]
    return Artifact({"suspicion": suspicion, "keep": keep}, {"removed": int((~keep).sum())})
