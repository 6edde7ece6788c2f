"""Running again: cells that nobody could foresee, computed here with what is installed here."""

from __future__ import annotations

import hashlib
import tempfile
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from recbench.errors import RecbenchError
from recbench.matrix.cells import Cell, Lineup
from recbench.matrix.choices import Axes, Resolver
from recbench.matrix.identity import Circumstances
from recbench.matrix.plan import Plan
from recbench.matrix.run import run_plan
from recbench.matrix.stages import Recipes
from recbench.plugins import Plugins
from recbench.store import Store
from recbench.submission.bundle import CELLS, Bundle, Record
from recbench.submission.installed import installed
from recbench.submission.plan import identity
from recbench.submission.recompute import judged_by, named_metrics
from recbench.submission.refusal import Refusal, shown

ROUNDING = 1e-6
"""How far a metric of another build may be where the A/A twins agree exactly: sums in another order."""
REMEDY = "submit the results of an unchanged build, with everything that they need installed"


@dataclass
class Reruns:
    """What became of the cells that were picked.

    Args:
        outcomes: `bit-equal`, `within the A/A floor`, or why not, by the cell's id.
        refusals: of those that came out otherwise.
        left: how many could not be run here.
    """

    outcomes: dict[str, str] = field(default_factory=dict)
    refusals: list[Refusal] = field(default_factory=list)
    left: int = 0


def picked(fingerprint: str, records: list[Record], count: int, nonce: str) -> list[Record]:
    """The ok cells with the least hashes of manifest, nonce and id.

    A submitter may try many manifests, but does not know the nonce.
    """

    def lot(record: Record) -> bytes:
        return hashlib.sha256(f"{fingerprint}\n{nonce}\n{record['cell_id']}".encode()).digest()

    return sorted((record for record in records if record["status"] == "ok"), key=lot)[:count]


def rerun(bundle: Bundle, plugins: Plugins, count: int, nonce: str) -> Reruns:
    """Run the cells that the nonce picks in a folder of their own, and hold them against the submission.

    A cell of the same build must come out bit for bit; of another build, within the submission's A/A floor. The
    components are those that are installed here under the same name and version: nothing comes from the bundle but
    their parameters.
    """
    outcome = Reruns()
    resolver = Resolver(plugins)
    records = picked(bundle.fingerprint, bundle.records, count, nonce)
    cells: list[Cell] = []
    for record in records:
        try:
            cells.append(_cell(bundle, record, resolver))
        except RecbenchError as error:
            outcome.outcomes[record["cell_id"]] = f"not re-runnable: {error}"
            outcome.left += 1
    metrics = named_metrics(bundle, resolver)
    threads = bundle.environment.get("threads")
    circumstances = Circumstances(threads=threads if isinstance(threads, int) and 1 <= threads <= 64 else 1)
    recipes = Recipes(circumstances, resolver.differentiable(), metrics)
    plan = Plan(bundle.suite, resolver, Axes([], [], [], [], metrics), recipes, cells)
    floors = _floors(bundle)
    with tempfile.TemporaryDirectory(prefix="recbench-verify-") as folder:
        store = Store(Path(folder))
        found = {record["cell_id"]: record for record in run_plan(plan, store, jobs=1).records}
        for record in records:
            if (again := found.get(record["cell_id"])) is None:
                continue
            said, wrong = _held(bundle, record, again, store, floors[record["question"]["dataset"]])
            outcome.outcomes[record["cell_id"]] = said
            if wrong:
                outcome.refusals.append(Refusal(CELLS, f"cell {record['cell_id']}, run again: {said}", REMEDY))
    return outcome


def _cell(bundle: Bundle, record: Record, resolver: Resolver) -> Cell:
    """The cell over installed components.

    Raises:
        NotInstalledError: one of them is not here.
    """
    question = record["question"]
    dataset = installed(resolver, "dataset", identity(question, "dataset"))
    recommender = installed(resolver, "recommender", question["recommender"])
    attacker = None if question["attacker"]["name"] == "none" else installed(resolver, "attacker", question["attacker"])
    defense = None if question["defense"]["name"] == "none" else installed(resolver, "defense", question["defense"])
    lineup = Lineup(bundle.suite, dataset, recommender, attacker, defense)
    return Cell(lineup, question["seed"], question["size"], question["group"], question["replica"])


def _held(
    bundle: Bundle, record: Record, again: Mapping[str, Any], store: Store, floors: Mapping[str, float]
) -> tuple[str, bool]:
    """What the repetition says of a record, and whether it contradicts it."""
    if again["status"] != "ok":
        return f"{again['status']} here: {shown(again['reason'])}", True
    submitted, computed = record["metrics"], again["metrics"]
    if again["build_id"] == record["build_id"]:
        lists = bundle.artifact("fit", record["artifacts"]["fit"]).arrays
        here = store.get(again["artifacts"]["fit"]).arrays
        changed = sorted(name for name in here if name not in lists or not np.array_equal(here[name], lists[name]))
        if changed:
            return f"the same build gives other {', '.join(changed)}", True
        return "bit-equal", False
    for name, floor in floors.items():
        if name in computed:
            difference = abs(computed[name] - submitted.get(name, np.inf))
            if not difference <= max(floor, ROUNDING):
                return f"{name} differs by {difference:.4g}; the A/A floor is {floor:.4g}", True
    return "within the A/A floor", False


def _floors(bundle: Bundle) -> Mapping[str, dict[str, float]]:
    """The largest difference between clean A/A twins, by data set and by metric: what the boards gate and judge by.

    A submitter who widens it to hide behind it prints it on every board, above the effects that it drowns.
    """
    names = judged_by(bundle)
    pairs: defaultdict[str, list[Record]] = defaultdict(list)
    floors: defaultdict[str, dict[str, float]] = defaultdict(lambda: dict.fromkeys(names, 0.0))
    for record in bundle.records:
        question = record["question"]
        if question["attacker"]["name"] == question["defense"]["name"] == "none" and record["status"] == "ok":
            pairs[str(sorted((question | {"replica": 0}).items(), key=str))].append(record)
    for twins in pairs.values():
        if len(twins) == 2:
            least = floors[twins[0]["question"]["dataset"]]
            for name in names & twins[0]["metrics"].keys() & twins[1]["metrics"].keys():
                least[name] = max(least[name], abs(twins[0]["metrics"][name] - twins[1]["metrics"][name]))
    return floors
