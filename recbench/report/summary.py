"""An audit's findings in sentences, each of which a number in the report bears out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from recbench.leaderboard.attackers import AttackerRow
from recbench.leaderboard.defenses import DefenseRow
from recbench.leaderboard.foot import CLAIM, CLAIM_SEEDS
from recbench.leaderboard.grid import UTILITY

if TYPE_CHECKING:
    from recbench.report.report import Report


def sentences(report: Report) -> list[str]:
    """What an attacker can do, who helps, how far that carries."""
    return [*_attack(report), *_defense(report), *_caveats(report)]


def _attack(report: Report) -> Iterator[str]:
    if not report.is_clean:
        yield f"{report.recommender} has no result on {report.dataset} without an attack: nothing can be said."
        return
    quality = report.measured(UTILITY)
    if quality is None:
        yield f"How good {report.recommender} is on {report.dataset} is not known: a unit has no user with a test item."
    else:
        yield f"Without an attack, {report.recommender} reaches NDCG@10 {quality:.3f} on {report.dataset}."
    worst = report.worst
    if worst is None or worst.gain is None:
        yield _unseen(report)
        return
    strategy = report.suite.threat.targets.strategy
    floor = f"; the order of users alone makes {report.floor:.2f}" if report.has_floor else ""
    yield (
        f"With {_budget(report)}, '{worst.attacker}' divides the rank of the {strategy} items that it promotes by "
        f"{2**worst.gain:.2g} for the typical user ({worst.gain:+.2f} bits{_between(worst, report)}{floor})."
    )
    for k in (10, 50):
        before, after = (report.measured(f"exposure-hr@{k}", name) for name in ("none", worst.attacker))
        if before is None or after is None:
            return
        if after > before:
            yield (
                f"It puts the average target among the first {k} of {after:.2%} of the users who do not have it; "
                f"before, {before:.2%}."
            )
            return
    yield "It does not put the average target among the first 50 of more users than before."


def _budget(report: Report) -> str:
    """What the attacks may add; one that adds fewer profiles is within it."""
    users = "1 fake user" if report.fakes == 1 else f"{report.fakes} fake users"
    return f"a budget of {users} ({report.fakes / report.n_users:.2%} of {report.n_users:,})"


def _unseen(report: Report) -> str:
    """Why no attack is the worst: none was run, none has a result, none can show one, or none has an effect."""
    real = [row for row in report.attacks if not row.control]
    known = [row for row in real if row.gain is not None]
    if not real:
        return "No attack but controls was run: nothing is known of attacks."
    if not known:
        return "No attack has a result in every unit: nothing can be said of attacks."
    if all(row.gain == row.gain_low == row.gain_high == 0 for row in known):
        return (
            "No rank of a target changed under any attack, as where lists are too short to hold them: nothing can be "
            "said of attacks."
        )
    above = f"the {report.floor:.2f} bits that the order of users alone can make" if report.has_floor else "0"
    return (
        f"No attack of the {len(known)} that have results, with {_budget(report)}, was seen to move its targets: no "
        f"95% interval lies above {above}."
    )


def _between(row: AttackerRow, report: Report) -> str:
    if row.gain_low is None:
        return ""
    split = " between groups of targets of one split" if report.suite.seeds == 1 else ""
    return f", 95% interval{split} {row.gain_low:+.2f} to {row.gain_high:+.2f}"


def _defense(report: Report) -> Iterator[str]:
    if not report.defenses or report.worst is None:
        return
    sure = [row for row in report.defenses if row.passes_gate and _least_recovered(row) > 0]
    best = max(sure, key=lambda row: row.recovered or 0.0, default=None)
    if best is None:
        yield "No defense that was tried is seen to take back any of it at less than 5% of NDCG@10."
        return
    between = (
        "" if best.recovered_low is None else f" (95% interval {best.recovered_low:.0%} to {best.recovered_high:.0%})"
    )
    yield (
        f"'{best.defense}' helps most: of the attack that it does worst on ({best.attack}) it takes back "
        f"{best.recovered:.0%}{between}, for {best.utility_change or 0.0:+.1%} of NDCG@10 without an attack"
        f"{_removed(best)}."
    )


def _least_recovered(row: DefenseRow) -> float:
    """The share that it is sure to take back; of a single unit, which has no interval, the share."""
    least = row.recovered if row.recovered_low is None else row.recovered_low
    return 0.0 if least is None else least


def _removed(row: DefenseRow) -> str:
    return "" if row.genuine_removed is None else f" and {row.genuine_removed:.1%} of genuine users removed"


def _caveats(report: Report) -> Iterator[str]:
    seeds, groups = report.suite.seeds, report.suite.threat.targets.groups
    if seeds * groups < CLAIM or seeds < CLAIM_SEEDS:
        yield (
            f"These figures rest on {seeds * groups} group{'s' if seeds * groups > 1 else ''} of target items, of "
            f"{seeds} split{'s' if seeds > 1 else ''}; a claim needs at least {CLAIM} units and {CLAIM_SEEDS} splits: "
            f"repeat with seeds={max(CLAIM_SEEDS, -(-CLAIM // groups))}."
        )
    if report.unexplained:
        yield f"Why the attack works is not known: {report.unexplained}."
    if report.skipped:
        yield f"Left out: {'; '.join(report.skipped[:3])}."
    if report.failures:
        yield f"Cells that failed are holes, and no robustness: {'; '.join(report.failures[:3])}."
