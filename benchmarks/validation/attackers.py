"""Write docs/validation/attackers.md from the shards that there are: `python benchmarks/validation/attackers.py`."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
from shards import HERE, KEPT, kept
from tabulate import tabulate

from recbench.evaluation.statistics import Interval, interval, minimum_detectable_effect
from recbench.leaderboard.cells import records_of
from recbench.leaderboard.grid import Grid, Place, Values
from recbench.leaderboard.published import read_rows
from recbench.matrix.suite import load_suite

PAGE = HERE.parents[1] / "docs" / "validation" / "attackers.md"
BASELINES = ("random", "popular", "copy")
SEED = 0
"""Of whatever is drawn for an interval."""
INTRODUCTION = """# Do the attacks attack?

Made by `python benchmarks/validation/shards.py attackers` and `python benchmarks/validation/attackers.py` from the
shards in `docs/validation/shards/attacker-validation/`; what has no row has not been run yet. Five unpopular targets
are pushed; a unit is one of 5 split seeds × 4 target groups. **Rank gain**: paired, in bits, over the genuine users
who have not met the target; in brackets 95% by Student's t over seeds. **Minus**: the paired difference from
`random`, `popular` (the baseline to beat) and `copy`. **Least to see**: the least true difference from `random` that
would be found with 80% power. Five split seeds are one too few for a claim by our own rule (20 units and six seeds):
an interval says what these five showed. **JS pct.**: the share of random sets of genuine users that are no further
from the genuine distribution than the fakes are: 1 stands out, .5 does not. Settings are the suite's; no attack sees
the victim. `segment` is of its first version, which on FilmTrust took the rarest items of a target's only user for
its segment. The second is level with `popular` there (4.82, 4.13, 3.38 bits); nothing changed on ml-100k, which has
genres."""
COLUMNS = (
    "attack",
    "units",
    "rank gain, bits",
    *(f"minus {other}" for other in BASELINES),
    "least to see",
    "HR@10 lift",
    "HR@50 lift",
    "JS pct.",
    "craft CPU s",
)


def shown(found: Interval) -> str:
    """A mean and its interval."""
    return f"{found.mean:+.3f} ({found.low:+.3f} … {found.high:+.3f})"


def difference(grid: Grid, place: Place, other: str) -> tuple[Values, Values] | None:
    """How much more bits than another attack, in the units that both have, and their seeds."""
    if place.attacker == other:
        return None
    values = grid.values("rank-gain", place) - grid.values("rank-gain", place._replace(attacker=other))
    both = ~np.isnan(values)
    return (values[both], grid.clusters[both]) if both.any() else None


def verdict(grid: Grid, place: Place, other: str) -> str:
    """What the interval of the difference says."""
    found = difference(grid, place, other)
    if found is None:
        return "–"
    bounds = interval(*found, SEED)
    return "above" if bounds.low > 0 else "below" if bounds.high < 0 else "level"


def line(grid: Grid, place: Place) -> list[str]:
    """A row of a table."""
    gains = grid.values("rank-gain", place)
    there = ~np.isnan(gains)

    def mean(metric: str) -> float:
        return float(np.nanmean(grid.values(metric, place)))

    others = {other: difference(grid, place, other) for other in BASELINES}
    over = others["random"]
    return [
        place.attacker,
        f"{there.sum()} of {len(gains)}",
        shown(interval(gains[there], grid.clusters[there], SEED)),
        *(shown(interval(*found, SEED)) if found else "" for found in others.values()),
        f"{minimum_detectable_effect(*over):.3f}" if over else "",
        f"{mean('lift-hr@10'):+.4f}",
        f"{mean('lift-hr@50'):+.4f}",
        f"{mean('js-percentile'):.2f}",
        f"{np.nanmean(grid.cpu_seconds('craft', place)):.1f}",
    ]


def strange(suite: str) -> list[str]:
    """The shards whose clean victims are not those of most shards: other code, or another machine."""
    clean: dict[tuple[object, ...], dict[float, set[str]]] = defaultdict(lambda: defaultdict(set))
    for file in sorted((KEPT / suite).glob("*.parquet")):
        for record in records_of(read_rows(file)):
            question = record["question"]
            if record["status"] == "ok" and question["attacker"]["name"] == question["defense"]["name"] == "none":
                cell = tuple(str(question[name]) for name in ("dataset", "recommender", "seed", "group", "replica"))
                clean[cell][record["metrics"]["ndcg@10"]].add(file.stem)
    odd: set[str] = set()
    for shards_by_value in clean.values():
        usual = max(shards_by_value.values(), key=len)
        odd.update(*(names for names in shards_by_value.values() if names is not usual))
    return sorted(odd)


def page(grid: Grid) -> str:
    """The whole page."""
    suite = grid.suite
    known = [dataset for dataset in map(str, suite.datasets) if dataset in grid.datasets]
    victims = [(dataset, name) for dataset in known for name in grid.recommenders(dataset)]
    parts = [INTRODUCTION]
    if odd := strange(suite.name):
        names = ", ".join(f"`{name}`" for name in odd)
        parts.append(
            f"Of other code or another machine, each paired with clean victims of its own: {names}. "
            "Differences from them cross builds, by which an untouched"
            " `item-autoencoder` was seen to differ by up to .16 bits a unit."
        )
    for size in sorted(suite.threat.sizes):
        places = {
            victim: [
                place
                for attacker in map(str, suite.attackers)
                if not np.isnan(grid.values("rank-gain", place := Place(*victim, attacker=attacker, size=size))).all()
            ]
            for victim in victims
        }
        tried = [
            name for name in map(str, suite.attackers) if any(p.attacker == name for v in places.values() for p in v)
        ]
        if not tried:
            continue
        parts += [
            f"## {size:.0%} fake users",
            f"Against {' / '.join(f'`{other}`' for other in BASELINES)}, by the 95% interval of the difference:",
            tabulate(
                [
                    [
                        name,
                        *(
                            " / ".join(verdict(grid, place, other) for other in BASELINES)
                            if (place := Place(*victim, attacker=name, size=size)) in places[victim]
                            else ""
                            for victim in victims
                        ),
                    ]
                    for name in tried
                ],
                ["attack", *(", ".join(victim) for victim in victims)],
                "github",
                disable_numparse=True,
            ),
        ]
        for victim, found in places.items():
            found.sort(key=lambda place: -float(np.nanmean(grid.values("rank-gain", place))))
            if found:
                parts.append(f"### {', '.join(victim)}, {size:.0%}")
                parts.append(tabulate([line(grid, place) for place in found], COLUMNS, "github", disable_numparse=True))
    return "\n\n".join(parts) + "\n"


def main() -> None:
    grid, files = kept(load_suite(str(HERE / "attackers.toml")))
    PAGE.write_text(page(grid), encoding="utf-8")
    print(f"{PAGE.name}: {len(files)} shards")


if __name__ == "__main__":
    main()
