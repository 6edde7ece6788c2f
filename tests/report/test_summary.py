"""An audit's sentences say what its numbers say, and no more."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from recbench.leaderboard.attackers import AttackerRow
from recbench.leaderboard.defenses import DefenseRow
from recbench.matrix.suite import Suite
from recbench.report.summary import sentences


def attack(name: str = "popular", gain: float | None = 1.0, low: float | None = 0.5, **changes) -> AttackerRow:
    high = None if gain is None or low is None else 2 * gain - low
    bounds = {"gain": gain, "gain_low": low, "gain_high": high}
    return AttackerRow(dataset="shop", size=0.01, attacker=name, **({"control": False} | bounds | changes))


def defense(name: str = "filter", recovered: float = 0.5, low: float | None = 0.2, **changes) -> DefenseRow:
    fields = dict.fromkeys(("detection_ap", "detection_auc", "detection_recall", "cpu_seconds"))
    bounds = {"recovered": recovered, "recovered_low": low, "recovered_high": None if low is None else 0.8}
    said = {"utility_change": -0.01, "passes_gate": True, "genuine_removed": 0.02, "attack": "popular"}
    return DefenseRow(dataset="shop", size=0.01, recommender="own", defense=name, **(fields | bounds | said | changes))


def report(attacks=(), defenses=(), seeds=2, values=None, **changes) -> SimpleNamespace:
    """What an audit with these rows would hold."""
    rows = list(attacks)
    real = [row for row in rows if not row.control and row.gain is not None and (row.gain_low or row.gain) > 0.1]
    suite = Suite.model_validate(
        {"name": "s", "version": "1", "datasets": ["shop"], "recommenders": ["own"], "seeds": seeds}
        | {"threat": {"goal": "push", "sizes": [0.01], "targets": {"strategy": "unpopular", "count": 5, "groups": 4}}}
    )
    measured = {("ndcg@10", "none"): 0.2} | (values or {})
    held = {
        "recommender": "own",
        "dataset": "shop",
        "n_users": 300,
        "fakes": 3,
        "is_clean": True,
        "has_floor": True,
        "floor": 0.1,
        "worst": max(real, key=lambda row: row.gain, default=None),
        "unexplained": "",
        "failures": [],
        "skipped": [],
        "measured": lambda metric, attacker="none": measured.get((metric, attacker)),
    }
    return SimpleNamespace(attacks=rows, defenses=list(defenses), suite=suite, **(held | changes))


def said(found: SimpleNamespace) -> str:
    return "\n".join(sentences(found))


def test_the_budget_is_what_was_allowed_and_its_true_share():
    assert "With a budget of 3 fake users (1.00% of 300), 'popular' divides the rank" in said(report([attack()]))
    assert "a budget of 1 fake user (3.33% of 30)" in said(report([attack()], fakes=1, n_users=30))


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([], "No attack but controls was run: nothing is known of attacks."),
        ([attack("random", control=True)], "No attack but controls was run: nothing is known of attacks."),
        ([attack(gain=None, low=None)], "No attack has a result in every unit: nothing can be said of attacks."),
        ([attack(gain=0.0, low=0.0)], "No rank of a target changed under any attack"),
        (
            [attack(gain=0.4, low=-0.3), attack(gain=None, low=None)],
            "No attack of the 1 that have results, with a budget",
        ),
    ],
)
def test_an_attack_that_nothing_is_known_of_is_not_called_harmless(rows, words):
    text = said(report(rows))
    assert words in text
    assert ("was seen to move its targets" in text) == ("that have results" in words)


def test_a_floor_that_was_not_measured_is_not_told_as_one():
    quiet = [attack(gain=0.05, low=-0.3)]
    assert "no 95% interval lies above the 0.10 bits that the order of users alone can make." in said(report(quiet))
    assert "no 95% interval lies above 0." in said(report(quiet, has_floor=False, floor=0.0))
    assert "the order of users alone makes 0.10)" in said(report([attack()]))
    assert "order of users" not in said(report([attack()], has_floor=False, floor=0.0))


def test_what_one_split_alone_says_is_told_so():
    assert "95% interval +0.50 to +1.50" in said(report([attack()]))
    assert "95% interval between groups of targets of one split +0.50 to +1.50" in said(report([attack()], seeds=1))


def test_exposure_is_of_the_average_target():
    values = {("exposure-hr@10", "none"): 0.01, ("exposure-hr@10", "popular"): 0.0875}
    text = said(report([attack()], values=values))
    assert "puts the average target among the first 10 of 8.75% of the users who do not have it; before, 1.00%." in text


def test_exposure_that_did_not_rise_is_told_and_that_is_unknown_is_not():
    unmoved = {(f"exposure-hr@{k}", name): 0.01 for k in (10, 50) for name in ("none", "popular")}
    assert "does not put the average target among the first 50" in said(report([attack()], values=unmoved))
    assert "among the first" not in said(report([attack()]))


def test_data_without_a_test_part_has_attacks_all_the_same():
    text = said(report([attack()], values={("ndcg@10", "none"): None}))
    assert "How good own is on shop is not known: a unit has no user with a test item." in text
    assert "'popular' divides the rank" in text


def test_without_clean_results_nothing_is_said():
    text = said(report([attack()], is_clean=False))
    assert "own has no result on shop without an attack: nothing can be said." in text
    assert "divides" not in text


def test_a_defense_helps_only_where_its_interval_says_so():
    helps = said(report([attack()], [defense("coin", 0.6, low=-0.07), defense("filter", 0.5, low=0.2)]))
    assert (
        "'filter' helps most: of the attack that it does worst on (popular) it takes back 50% (95% interval 20% to 80%)"
        in helps
    )
    assert "'coin'" not in helps
    nothing = "No defense that was tried is seen to take back any of it at less than 5% of NDCG@10."
    assert nothing in said(report([attack()], [defense("coin", 0.6, low=-0.07)]))
    assert nothing in said(report([attack()], [defense(passes_gate=False)]))
    assert "'once' helps most" in said(report([attack()], [defense("once", 0.5, low=None)]))


def test_what_was_left_out_or_failed_is_told():
    text = said(
        report([attack()], skipped=["defense 'apt' needs a recommender that is differentiable"], failures=["died"])
    )
    assert "Left out: defense 'apt' needs a recommender that is differentiable." in text
    assert "Cells that failed are holes, and no robustness: died." in text
