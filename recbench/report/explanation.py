"""`Explanation`: why one attack worked, for one group of targets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recbench.contracts import Profiles
from recbench.errors import RecbenchError
from recbench.leaderboard.labels import key_of
from recbench.matrix.cells import Cell
from recbench.matrix.plan import Plan
from recbench.matrix.prepared import Prepared
from recbench.matrix.run import settle
from recbench.matrix.scheduler import Failed
from recbench.matrix.surroundings import profiles_of
from recbench.results import Results
from recbench.store import Store


@dataclass(frozen=True, eq=False)
class Seen:
    """What a detector said of the poisoned data.

    Args:
        suspicion: float [n + m], genuine users first; higher is more suspicious.
        removed: bool [n + m].
    """

    suspicion: NDArray[np.float64]
    removed: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Explanation:
    """One attack on one recommender without a defense.

    Args:
        attacker: its name.
        n_genuine: n.
        targets: int32 [t], the items that it moves.
        profiles: the m fakes.
        part: int64 [m]; the recommender was trained once without each part of the profiles.
        influence: float64 [parts], the bits of the targets' rank gain that are lost without the part.
        plane: float32 [n + m, 2], genuine users first: places on the two principal axes of all users' items.
        popularity: int64 [n_items], the genuine users who have each item in the training part.
        seen: what each detector said, by its label.
    """

    attacker: str
    n_genuine: int
    targets: NDArray[np.int32]
    profiles: Profiles
    part: NDArray[np.int64]
    influence: NDArray[np.float64]
    plane: NDArray[np.float32]
    popularity: NDArray[np.int64]
    seen: Mapping[str, Seen]

    @classmethod
    def of(cls, cell: Cell, plan: Plan, store: Store, results: Results) -> Explanation:
        """Explain a cell of a run: trains the recommender without each part of the profiles.

        Args:
            cell: without a defense.
            plan, store, results: of the run.

        Raises:
            RecbenchError: the cell is not ok, or a training failed; the message has the reason and the log.
        """
        record = store.read_record(cell.id)
        if record is None or record["status"] != "ok" or cell.attacker is None:
            raise RecbenchError(f"{cell} has no result to explain; run it first")
        settled = settle(plan.recipes.explain(cell), plan, store)
        if isinstance(settled, Failed):
            log = f" ({store.root / settled.log})" if settled.log else ""
            raise RecbenchError(f"{cell} cannot be explained: {settled.status}: {settled.reason}{log}")
        answer = store.get(settled.key).arrays
        prepared = Prepared.of(store.get(record["artifacts"]["prepared"]))
        return cls(
            attacker=cell.attacker.name,
            n_genuine=prepared.train.n_users,
            targets=prepared.targets[cell.group],
            profiles=profiles_of(store.get(record["artifacts"]["profiles"])),
            part=answer["part"],
            influence=answer["influence"],
            plane=answer["plane"],
            popularity=prepared.train.item_counts,
            seen=_seen(record, store, results),
        )

    @property
    def fillers(self) -> list[tuple[int, int]]:
        """The items that the fakes hold beside the targets, each with how many hold it, the most frequent first."""
        counts = np.bincount(self.profiles.items, minlength=len(self.popularity))
        counts[self.targets] = 0
        order = np.argsort(-counts, kind="stable")[: np.count_nonzero(counts)]
        return [(int(item), int(counts[item])) for item in order]


def _seen(explained: Mapping[str, Any], store: Store, results: Results) -> dict[str, Seen]:
    """What the run's detectors said of the same poison, by their labels."""
    undefended = {"defense": None, "examples": None}
    question = explained["question"] | undefended
    seen = {}
    for record in results.records:
        verdict = record["artifacts"].get("verdict")
        if verdict is not None and record["question"] | undefended == question:
            arrays = store.get(verdict).arrays
            label = results.labels["defense"][key_of(record["question"]["defense"])]
            seen[label] = Seen(arrays["suspicion"], ~arrays["keep"])
    return dict(sorted(seen.items()))
