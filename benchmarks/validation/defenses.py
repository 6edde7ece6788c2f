"""Write docs/validation/defenses.md from the shards that there are: `python benchmarks/validation/defenses.py`."""

from __future__ import annotations

from itertools import product

import numpy as np
from attackers import SEED, shown, strange
from shards import HERE, kept
from tabulate import tabulate

from recbench.evaluation.statistics import interval, ratio_interval
from recbench.leaderboard.grid import UTILITY, Grid, Place, Values
from recbench.matrix.suite import load_suite

PAGE = HERE.parents[1] / "docs" / "validation" / "defenses.md"
INTRODUCTION = """# What the defenses take back, and what they cost

Made by `python benchmarks/validation/shards.py defenses` and `python benchmarks/validation/defenses.py` from the
shards in `docs/validation/shards/defense-validation/`; what has no row has not been run yet. A unit is one of 5 split
seeds and one of 4 target groups; in brackets 95% by Student's t over seeds. **Recovered**: the share of an attack's
rank gain that the defense takes back, a ratio of means over units: 1 leaves nothing, below 0 makes it worse; empty
where the attack's own interval reaches the floor of A/A runs, since a share of noise is no share. Five split seeds
are one too few for a claim by our own rule (20 units and six seeds): an interval says what these five showed.
**Utility**: NDCG@10 against the undefended victim, without and under the attack. Detectors see the poisoned data
alone and use their own threshold; **removed** is the share of genuine users that they take out. `pca-varselect`,
`fap`, `isolation-forest`, `lof` and `one-class-svm` are of their first versions, whose own threshold parted items of
equal counts by their ids: on FilmTrust another numbering was seen to remove up to 14 genuine users more or fewer. In
brackets behind a mean: of how many units it is, where not of all; there is no precision where nobody is removed."""
ADAPTIVE = """# Attackers that know the defense

Made by `python benchmarks/validation/shards.py adaptive-defenses` in the same way. `adaptive` is shown the defense, or
that there is none, and sends the best of ten poisons made from `popular`, each tried on its own copy of the data
against a `wmf-sgd` behind the defense; `popular` knows nothing and is its starting point. A defense is no better than
the worse of its two rows. What is recovered of `adaptive` is reckoned from what it does to the victim that it knows to
be undefended. It searches a small family without a gradient: a stronger attack than it may exist."""
COLUMNS = (
    "defense",
    "attack",
    "units",
    "recovered",
    "utility, clean",
    "under attack",
    "AP",
    "AUC",
    "recall at 1% / 5% FPR",
    "accuracy / precision / recall / F1",
    "removed",
    "CPU s",
)


def recovered(grid: Grid, place: Place) -> str:
    """The share of the effect that is taken back, with its interval, where there is an effect."""
    before = grid.values("rank-gain", place._replace(defense="none"))
    after = grid.values("rank-gain", place)
    both = ~np.isnan(before + after)
    before, after, seeds = before[both], after[both], grid.clusters[both]
    if interval(before, seeds, SEED).low <= grid.floor(place.dataset):
        return ""
    left = ratio_interval(after, before, seeds, SEED)
    return f"{1 - left.mean:.2f} ({1 - left.high:.2f} … {1 - left.low:.2f})"


def change(grid: Grid, place: Place) -> str:
    """The relative change of utility against the undefended victim under the same attack, or without one."""
    before, after = (grid.values(UTILITY, each) for each in (place._replace(defense="none"), place))
    both = ~np.isnan(before + after)
    return f"{after[both].mean() / before[both].mean() - 1:+.1%}" if both.any() else ""


def _mean(values: Values) -> str:
    """Over the units that have one, and their number where it is not that of all."""
    there = ~np.isnan(values)
    if not there.any():
        return "–"
    return f"{values[there].mean():.2f}" + ("" if there.all() else f" ({there.sum()})")


def line(grid: Grid, place: Place) -> list[str]:
    """A row of a table."""

    def means(*metrics: str) -> str:
        return " / ".join(_mean(grid.values(metric, place)) for metric in metrics)

    there = ~np.isnan(grid.values("rank-gain", place))
    inspecting = np.nan_to_num(grid.cpu_seconds("sanitize", place))  # robust training inspects nothing
    seconds = inspecting + grid.cpu_seconds("fit", place) - grid.cpu_seconds("fit", place._replace(defense="none"))
    return [
        place.defense,
        place.attacker,
        f"{there.sum()} of {len(there)}",
        recovered(grid, place),
        change(grid, place._replace(attacker="none", size=0.0)),
        change(grid, place),
        means("detection-ap"),
        means("detection-auc"),
        means("detection-recall@fpr0.01", "detection-recall@fpr0.05"),
        means("detection-accuracy", "detection-precision", "detection-recall", "detection-f1"),
        means("genuine-removed"),
        f"{np.nanmean(seconds):+.1f}",
    ]


def section(introduction: str, grid: Grid) -> str:
    """All tables of a suite."""
    suite = grid.suite
    parts = [introduction]
    if odd := strange(suite.name):
        names = ", ".join(f"`{name}`" for name in odd)
        parts.append(f"Of other code or another machine, each paired with clean victims of its own: {names}.")
    known = [dataset for dataset in map(str, suite.datasets) if dataset in grid.datasets]
    victims = [(dataset, name) for dataset in known for name in grid.recommenders(dataset)]
    for size, (dataset, victim) in product(sorted(suite.threat.sizes), victims):
        undefended = Place(dataset, victim, size=size)
        places = [
            undefended._replace(attacker=str(attacker), defense=str(defense))
            for defense, attacker in product(suite.defenses, suite.attackers)
        ]
        tried = [place for place in places if not np.isnan(grid.values("rank-gain", place)).all()]
        if not tried:
            continue
        parts.append(f"## {dataset}, {victim}, {size:.0%} fake users")
        attacks = {place.attacker: grid.values("rank-gain", place._replace(defense="none")) for place in tried}
        gains = (f"`{name}` {shown(interval(values, grid.clusters, SEED))}" for name, values in attacks.items())
        parts.append(f"Rank gains without a defense, bits: {', '.join(gains)}.")
        parts.append(tabulate([line(grid, place) for place in tried], COLUMNS, "github", disable_numparse=True))
    return "\n\n".join(parts) + "\n"


def main() -> None:
    sections = []
    for name, introduction in (("defenses", INTRODUCTION), ("adaptive-defenses", ADAPTIVE)):
        grid, files = kept(load_suite(str(HERE / f"{name}.toml")))
        sections.append(section(introduction, grid))
        print(f"{name}: {len(files)} shards")
    PAGE.write_text("\n".join(sections), encoding="utf-8")


if __name__ == "__main__":
    main()
