"""An audit's findings in sentences, each of which a number in the report bears out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from recbench.leaderboard.attackers import AttackerRow
from recbench.leaderboard.defenses import DefenseRow
from recbench.leaderboard.grid import UTILITY

if TYPE_CHECKING:
    from recbench.report.report import Report

UNITS_OF_A_CLAIM = 20
"""Fewer units of seeds and target groups show what happened, not what would happen again."""


def sentences(report: Report) -> list[str]:
    """What an attacker can do, who helps, how far that carries."""
    return [*_attack(report), *_defense(report), *_caveats(report)]


def _attack(report: Report) -> Iterator[str]:
    quality = report.measured(UTILITY)
    if quality is None:
        yield f"{report.recommender} has no result on {report.dataset} without an attack: nothing can be said."
        return
    yield f"Without an attack, {report.recommender} reaches NDCG@10 {quality:.3f} on {report.dataset}."
    worst = report.worst
    share = f"{report.fakes} fake users ({100 * report.suite.threat.sizes[0]:.3g}% of {report.n_users:,})"
    if worst is None or worst.gain is None:
        yield (
            f"No attack with {share} was seen to move its targets: no 95% interval lies above the {report.floor:.2f} "
            "bits that the order of users alone can make."
        )
        return
    strategy = report.suite.threat.targets.strategy
    yield (
        f"With {share}, '{worst.attacker}' divides the rank of the {strategy} items that it promotes by "
        f"{2**worst.gain:.2g} for the typical user ({worst.gain:+.2f} bits{_between(worst)}; the order of users alone "
        f"makes {report.floor:.2f})."
    )
    for k in (10, 50):
        before, after = (report.measured(f"exposure-hr@{k}", name) for name in ("none", worst.attacker))
        if before is not None and after is not None and after > before:
            yield (
                f"It puts one of them among the first {k} of {after:.2%} of the users who do not have it; before, "
                f"{before:.2%}."
            )
            return
    yield "It puts none of them among the first 50 of more users than before."


def _between(row: AttackerRow) -> str:
    return "" if row.gain_low is None else f", 95% interval {row.gain_low:+.2f} to {row.gain_high:+.2f}"


def _defense(report: Report) -> Iterator[str]:
    if not report.defenses or report.worst is None:
        return
    shares = {row.recovered: row for row in report.defenses if row.passes_gate and row.recovered is not None}
    share = max(shares, default=0.0)
    if share <= 0:
        yield "No defense that was tried takes back any of it at less than 5% of NDCG@10."
        return
    best = shares[share]
    yield (
        f"'{best.defense}' helps most: of the attack that it does worst on ({best.attack}) it takes back {share:.0%}, "
        f"for {best.utility_change or 0.0:+.1%} of NDCG@10 without an attack{_removed(best)}."
    )


def _removed(row: DefenseRow) -> str:
    return "" if row.genuine_removed is None else f" and {row.genuine_removed:.1%} of genuine users removed"


def _caveats(report: Report) -> Iterator[str]:
    units = report.suite.seeds * report.suite.threat.targets.groups
    if units < UNITS_OF_A_CLAIM:
        yield (
            f"These figures rest on {units} group{'s' if units > 1 else ''} of target items; a claim needs at least "
            f"{UNITS_OF_A_CLAIM} units: repeat with seeds={-(-UNITS_OF_A_CLAIM // report.suite.threat.targets.groups)}."
        )
    if report.unexplained:
        yield f"Why the attack works is not known: {report.unexplained}."
    if report.failures:
        yield f"Cells that failed are holes, and no robustness: {'; '.join(report.failures[:3])}."
