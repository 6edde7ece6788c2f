"""Stage `simulate`: a defender attacks the data at hand, so that a supervised defense has fakes to learn from.

The defender has the data as a defense is given it, and so have the attackers here: whose rows are genuine, the
validation and test rows, the size of the attack and the clean data are no input. A split of the clean data instead
would be the clean copy in disguise: attackers copy users, and whoever is copied there is genuine. For the same reason
nobody is labelled genuine. What the examples do tell beyond the data is which items are no targets, a few, and
which families are left out: leaving out targets and families is what makes the examples another attack's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from recbench.contracts import Profiles, RuleViolation
from recbench.data.splits import Split
from recbench.matrix.craft import crafted
from recbench.matrix.measure import measured
from recbench.matrix.prepare import draw_targets
from recbench.matrix.prepared import Prepared
from recbench.matrix.surroundings import poison, profiles_of
from recbench.seeds import derive_seed
from recbench.store import Artifact


@measured
def simulate(arguments: Mapping[str, Any], inputs: Mapping[str, Artifact]) -> Artifact:
    """Let every attacker craft against the data as a defense is given it, each for targets of its own.

    Args:
        arguments: `attackers` (specs and `knowledge`), `surrogates` (specs), `dataset`, `seed`, `replica`, `size` (of
            each attack), `goal`, `targets` (the rule; none of the cell's is drawn), `device`, `threads`.
        inputs: `prepared`, and `profiles` where there is an attack.

    Returns:
        `indptr`, `items` and, on the explicit track, `ratings`: the fakes of all attackers, in their order.

    Raises:
        RuleViolation: as stage `craft`; it names the attacker.
        DataError: fewer items than targets.
    """
    prepared = Prepared.of(inputs["prepared"])
    train = poison(prepared, inputs.get("profiles"), arguments["replica"]).data
    nothing = train.select(np.zeros(len(train), dtype=np.bool_))
    made = []
    for attacker in arguments["attackers"]:
        seed = derive_seed(arguments["seed"], "simulate", arguments["dataset"], attacker["name"])
        rule = arguments["targets"] | {"groups": 1}
        targets = draw_targets(train, rule, derive_seed(seed, "targets"), without=prepared.targets.ravel())
        seen = Prepared(Split(train, nothing, nothing), targets, prepared.catalog, prepared.scale)
        asked = {"attacker": attacker, "victim": None, "defense": [], "group": 0, "seed": seed}
        try:
            made.append(profiles_of(crafted(seen, {**arguments, **asked})))
        except RuleViolation as error:
            raise type(error)(f"attacker '{attacker['name']}', whose fakes were to be examples: {error}") from error
    return _artifact(made)


def _artifact(made: list[Profiles]) -> Artifact:
    """All profiles one after the other."""
    lengths = np.concatenate([profiles.histories.lengths for profiles in made])
    arrays = {
        "indptr": np.concatenate([[0], np.cumsum(lengths)]),
        "items": np.concatenate([profiles.items for profiles in made]),
    }
    ratings = [profiles.ratings for profiles in made if profiles.ratings is not None]
    if ratings:
        arrays["ratings"] = np.concatenate(ratings)
    return Artifact(arrays)
