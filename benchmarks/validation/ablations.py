"""Write docs/validation/ablations.md from the shards that there are: `python benchmarks/validation/ablations.py`."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import numpy as np
from attackers import SEED, difference, shown
from shards import HERE, kept
from tabulate import tabulate

from recbench.evaluation.statistics import interval
from recbench.leaderboard.grid import Grid, Place, Values
from recbench.leaderboard.labels import key_of
from recbench.matrix.suite import load_suite
from recbench.specs import parse

PAGE = HERE.parents[1] / "docs" / "validation" / "ablations.md"
INTRODUCTION = """# What does the learned part of an attack add?

Made by `python benchmarks/validation/shards.py ablations`, `... ablations-ratings` and `python
benchmarks/validation/ablations.py` from the shards in `docs/validation/shards/`; what has no row has not been run yet.
Each attack stands beside itself without a part of what it learns: 3% fakes push five unpopular targets; a unit is one
of 5 split seeds × 4 target groups, the same for both. Rank gain in bits, in brackets 95% by Student's t over seeds;
**adds** is the paired difference. Five split seeds are one too few for a claim by our own rule (20 units and six
seeds): an interval says what these five showed."""


def line(grid: Grid, full: Place, without: Place, differences: Values, seeds: Values) -> list[str]:
    """What a row says of the attack and of itself without something."""
    bounds = interval(differences, seeds, SEED)
    return [
        f"{len(differences)} of {len(grid.units)}",
        *(f"{np.nanmean(grid.values('rank-gain', place)):+.3f}" for place in (full, without)),
        shown(bounds),
        "yes" if bounds.low > 0 else "it harms" if bounds.high < 0 else "not seen",
    ]


def pairs(grid: Grid) -> Iterator[tuple[str, str, str]]:
    """Each attack and itself without something, by their labels, and the latter as the suite says it."""
    known = {key_of(identity): identity for identity in (record["question"]["attacker"] for record in grid.records)}
    specs = [spec for reference in map(str, grid.suite.attackers) for spec in parse(reference)]
    for spec in specs:
        own = [identity for identity in known.values() if identity["name"] == spec.name]
        changes = [other.params for other in specs if other.name == spec.name and other.params]
        whole = [it for it in own if not any(change.items() <= it["params"].items() for change in changes)]
        for full, without in product(whole, own):
            differing = without["params"].items() - full["params"].items()
            if spec.params and differing == set(spec.params.items()):
                names = grid.labels["attacker"]
                yield names[key_of(full)], names[key_of(without)], str(spec)


def section(grid: Grid) -> list[str]:
    """The tables of a suite, one a data set and victim."""
    parts = []
    (size,) = grid.suite.threat.sizes
    for dataset in filter(grid.datasets.__contains__, map(str, grid.suite.datasets)):
        for victim in grid.recommenders(dataset):
            rows = []
            for attacker, ablated, said in pairs(grid):
                full, without = (Place(dataset, victim, attacker=name, size=size) for name in (attacker, ablated))
                if (found := difference(grid, full, ablated)) is not None:
                    rows.append([said, *line(grid, full, without, *found)])
            if rows:
                header = ["attack without", "units", "bits", "bits without", "adds", "does it help?"]
                parts += [f"## {dataset}, {victim}", tabulate(rows, header, "github", disable_numparse=True)]
    return parts


def main() -> None:
    parts = [INTRODUCTION]
    for name in ("ablations", "ablations-ratings"):
        grid, files = kept(load_suite(str(HERE / f"{name}.toml")))
        parts += section(grid)
        print(f"{name}: {len(files)} shards")
    PAGE.write_text("\n\n".join(parts) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
