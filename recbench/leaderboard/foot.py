"""The foot of a board: what its numbers are, and how far they carry."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from recbench.evaluation.statistics import SMALL, noise_floor
from recbench.leaderboard import defenses, recommenders
from recbench.leaderboard.attackers import BASELINE, AttackerRow
from recbench.leaderboard.defenses import DefenseRow
from recbench.leaderboard.grid import Grid
from recbench.leaderboard.labels import key_of
from recbench.leaderboard.recommenders import RecommenderRow
from recbench.leaderboard.standing import several
from recbench.leaderboard.throughput import ThroughputRow
from recbench.leaderboard.timed import TimedRow
from recbench.throughput.machine import UNVERIFIED

Rows = Sequence[RecommenderRow] | Sequence[AttackerRow] | Sequence[DefenseRow]

CLAIM, CLAIM_SEEDS = 20, 6
"""The least number of units and of split seeds for a claim: with five seeds the exact test cannot reach 5%."""
REASONS = 20
"""How many reasons are listed; cells.csv has all."""


def recommenders_foot(grid: Grid, rows: Sequence[RecommenderRow]) -> list[str]:
    return [
        f"The worst case without a defense over {_judged(grid)}, least first. It stays empty until all are ok.",
        _choice(grid, "worst"),
        f"Ranked with at least {recommenders.GATE:.0%} of the data set's best clean NDCG@10. Front: no other ranked"
        " row has at least its clean NDCG@10 and at most its worst case, and is better in one of them.",
        f"'Targets already exposed': without attack, their HR@10 is {recommenders.EXPOSED:.0%} or more.",
        *_power(grid, rows),
    ]


def attackers_foot(grid: Grid, rows: Sequence[AttackerRow]) -> list[str]:
    return [
        "Means over undefended victims, the largest first. Ranked where all victims are ok;"
        " a victim whose clean cells failed is none.",
        f"'Beats {BASELINE}': on how many victims. 'Not above {BASELINE}': the 95% interval of the paired difference"
        " reaches 0 or less. 'Knows less', 'smaller budget': that attack's does not.",
        "TVD excess: distance from genuine profiles beyond that of random genuine users."
        " AUC: of the detector that tells the fakes best, two-sided.",
        *_power(grid, rows),
    ]


def defenses_foot(grid: Grid, rows: Sequence[DefenseRow]) -> list[str]:
    return [
        f"Recovered: the share of the attack's {grid.effect.name} that the defense takes back, a ratio of means; the"
        f" worst over {_judged(grid)}, largest first, each victim by itself.",
        "n/a where no attack's 95% interval lies above the A/A floor: nothing is there to recover.",
        _choice(grid, "worst defended"),
        f"Ranked with at least {defenses.GATE:.0%} of the undefended victim's clean NDCG@10."
        " CPU: beyond the undefended fit.",
        f"Adaptive {grid.effect.name}: what the worst attack that was shown the defense does in spite of it. Recovered"
        " of it: the share taken back of what the same attack does when it is shown that nothing is deployed.",
        *_examples(grid),
        *_power(grid, rows),
    ]


def overall_foot(grid: Grid, what: str) -> list[str]:
    """Of the board of `what` across data sets."""
    ranked_by = {
        "recommenders": f"the worst {grid.effect.name}, chosen on each data set by itself",
        "attackers": f"the mean {grid.effect.name} on each data set's undefended victims",
        "defenses": f"the {grid.effect.name} taken back on all data sets as a share of what there was, a ratio of"
        " means, each victim by itself",
    }
    weight = "each of which weighs by what its attacks gain" if what == "defenses" else "which weigh the same"
    return [
        f"Ranked by {ranked_by[what]}, over the units of all data sets, {weight}.",
        f"Only {what} that are ranked on every data set have a number here; none is filled in for the others.",
        "Intervals and rank ranges: 95%, paired, over the units of all data sets; data set and split seed together make"
        " a cluster. They speak of these data sets, not of others."
        f" {_method(grid.suite.seeds * len(grid.datasets), 'clusters')}.",
    ]


def throughput_foot(rows: Sequence[ThroughputRow]) -> list[str]:
    machines = sorted({row.machine for row in rows})
    if len(machines) > 1:
        where = f"{len(machines)} machines, whose seconds are not compared and never in one row."
    else:
        where = f"All on {''.join(machines)}."
    return [
        where,
        "Medians and quartiles over n stages: split seeds, target groups, attacks and detectors. A stage that several"
        " cells share counts once.",
        "Fit: training and ranking for every user. Wall seconds hold whatever else the machine was doing.",
        "Peak: of the largest process of the stage, libraries included.",
        *_doubts(rows),
    ]


def timed_foot(rows: Sequence[TimedRow]) -> list[str]:
    return [
        "Measured by 'recbench time', outside of this suite, on a synthetic power-law data set. Tables of different"
        " machines, data or versions do not compare.",
        "The rate is by the median of n rounds; 95th percentiles where there are rounds enough for one. CPU: of all"
        " threads of the host. Host: what the task has added to the process.",
        *_doubts(rows),
    ]


def _doubts(rows: Sequence[ThroughputRow] | Sequence[TimedRow]) -> list[str]:
    return [] if all(row.verified for row in rows) else [f"{UNVERIFIED}."]


def common_foot(grid: Grid) -> list[str]:
    """What holds for all boards: the variants of the metrics, and what became of the cells."""
    return [
        "Metrics are over genuine users only, and so is validation. Recall divides by |test|; NDCG's ideal is"
        " min(k, relevant); users without test items are left out.",
        _repeated(grid),
        *_cells(grid),
    ]


def _repeated(grid: Grid) -> str:
    """How much was done twice, and what came of it."""
    found = Counter(word for record in grid.records if (word := record.get("repeats")))
    if not found:
        return "Nothing was done twice, so nothing is known of whether the work of a row repeats."
    return (
        f"Done twice, on the first unit and size, for {_count(found.total(), 'cell')}: {found['yes']} came out the same"
        f" bit for bit, {found['no']} did not ('non-deterministic'), {found['failed']} failed the second time."
    )


def _judged(grid: Grid) -> str:
    attacks = ", ".join(grid.judged) or "none"
    return f"the mandatory attacks ({attacks})" if grid.suite.mandatory else f"all attacks but controls ({attacks})"


def _choice(grid: Grid, what: str) -> str:
    if several(grid.clusters):
        return (
            f"The {what} attack is chosen on the other split seeds than it is reported on. Where attacks are nearly"
            " tied that may be milder than the mean of each of them: the interval says how far it can be trusted."
        )
    return f"One split seed: the {what} attack is chosen where it is reported, which makes it look worse."


def _examples(grid: Grid) -> list[str]:
    """What supervised defenses have learned from, where any has."""
    attackers, learners = set(), set()
    for question in (record["question"] for record in grid.records):
        if named := question.get("examples", {}).get("attackers"):
            attackers |= {attacker["name"] for attacker in named}
            learners.add(grid.labels["defense"][key_of(question["defense"])])
    if not learners or grid.suite.examples is None:
        return []
    return [
        f"Supervised: {', '.join(sorted(learners))}. Examples: fakes of {', '.join(sorted(attackers))}, each"
        f" {grid.suite.examples.size:.3g} of the users, crafted on the data as given, for other targets; those of the"
        " attack's own family are left out.",
    ]


def _power(grid: Grid, rows: Rows) -> list[str]:
    """Units, the noise floor and what could have been seen."""
    seeds, groups = _count(grid.suite.seeds, "split seed"), _count(grid.suite.threat.targets.groups, "target group")
    units = f"Units: {len(grid.units)} on each data set ({seeds} × {groups})."
    if len(grid.units) < CLAIM:
        units += f" Fewer than {CLAIM}: no claim at 5% can be made."
    elif grid.suite.seeds < CLAIM_SEEDS:
        units += f" Fewer than {CLAIM_SEEDS} split seeds: no claim at 5% can be made."
    spread = f"Intervals and rank ranges: 95%, paired. {_method(grid.suite.seeds, 'split seeds')}."
    if not several(grid.clusters):
        spread = "One split seed: no rank ranges, and intervals do not hold the variation between seeds."
    floors = ", ".join(f"{_floor(grid, dataset)} on {dataset}" for dataset in grid.datasets)
    least = ", ".join(f"{_least(grid, rows, dataset)} on {dataset}" for dataset in grid.datasets)
    return [
        units,
        spread,
        f"A/A floor: max |{grid.effect.name}| {floors}.",
        f"Least {grid.effect.name} that every row could have shown (5% level, 80% power): {least}.",
    ]


def _method(count: int, what: str) -> str:
    """By what intervals are made of so many split seeds, or of so many data sets and split seeds together."""
    if count < SMALL:
        return f"By Student's t over {count} {what}: a bootstrap of fewer than {SMALL} is too sure of itself"
    return f"By a hierarchical bootstrap over {what} and target groups"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _floor(grid: Grid, dataset: str) -> str:
    gains = grid.floors[dataset]
    if not len(gains):
        return "n/a (no A/A runs)"
    return f"{noise_floor(gains).largest:.3f} {grid.effect.unit} ({_count(len(gains), 'pair')})"


def _least(grid: Grid, rows: Rows, dataset: str) -> str:
    found = [row.least_detectable for row in rows if row.dataset == dataset and row.least_detectable is not None]
    return f"{np.max(found):.3f} {grid.effect.unit}" if found else "n/a"


def _cells(grid: Grid) -> list[str]:
    """How many cells there are of each status, and for which reasons."""
    statuses = Counter(record["status"] for record in grid.records)
    counts = [f"{count} {status}" for status, count in sorted(statuses.items())]
    absent = [f"{len(grid.absent)} not computed"] if grid.absent else []
    lines = [f"Cells: {', '.join(counts + absent)}."]
    others = [record for record in grid.records if record["status"] != "ok"]
    causes = Counter((record["status"], record["stage"], record["reason"]) for record in others)
    ordered = sorted(causes.items(), key=lambda cause: (-cause[1], cause[0]))
    for (status, stage, reason), count in ordered[:REASONS]:
        lines.append(f"{_count(count, 'cell')} {status}{f' in {stage}' if stage else ''}: {reason}")
    if len(ordered) > REASONS:
        lines.append(f"{_count(len(ordered) - REASONS, 'other reason')}: see cells.csv.")
    return lines
