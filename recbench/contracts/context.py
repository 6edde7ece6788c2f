"""`FitContext`: what a recommender or a defense is given beside the training data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from recbench.contracts.profiles import Profiles
from recbench.data.catalog import Catalog

if TYPE_CHECKING:
    from recbench.contracts.recommender import Scorer


@dataclass(frozen=True)
class FitContext:
    """The surroundings of one fit.

    Args:
        seed: the only source of randomness; derive streams from it with `recbench.seeds`.
        device: a torch device string; tensors are made there.
        threads: how many threads the fit may use.
        catalog: what is known of the items.
        validate: the quality of a scorer on held-out validation interactions, higher is better
            (NDCG@10 over genuine users; on the explicit track, of a scorer that predicts ratings, the RMSE of its
            scores, negated), or None where there is nothing to validate on: then train for the full number of epochs.
            It asks for the scores of every user in the training data, in shuffled order, so it does not tell which
            users have validation rows.
        examples: fakes, for a defense that provides `supervised` where the suite asks for them; else None. Attacks of
            other families than the one at hand have made them, for other targets, of the very data that the defense is
            given. No user is called genuine: whoever was would be known. Append them to the data, let the users as
            given pass for genuine, and drop the examples again: they are judged and scored by nobody.
    """

    seed: int
    device: str = "cpu"
    threads: int = 1
    catalog: Catalog = field(default_factory=Catalog)
    validate: Callable[[Scorer], float] | None = None
    examples: Profiles | None = None
