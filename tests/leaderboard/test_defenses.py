import pytest
from hand_made import clean, each_seed, failed, knowing, suite
from scipy import stats

from recbench.leaderboard.defenses import DefenseRow, defense_rows
from recbench.leaderboard.grid import Grid

UNDEFENDED = [
    *clean("A", [0.40, 0.44]),
    *each_seed("A", "p", gain=[1.0, 1.1], fit=[10.0, 10.0]),
    *each_seed("A", "g", gain=[4.0, 3.8], fit=[10.0, 12.0]),
]


def defended(name, p, g, ndcg=(0.40, 0.43)):
    return [
        *each_seed("A", "none", name, ndcg=list(ndcg), removed=[0.9, 0.9]),
        *each_seed(
            "A",
            "p",
            name,
            gain=p,
            ap=[0.5, 0.7],
            auc=[0.9, 0.9],
            found=[0.2, 0.4],
            removed=[0.01, 0.03],
            sanitize=[2.0, 2.0],
            fit=[9.0, 11.0],
        ),
        *each_seed(
            "A",
            "g",
            name,
            gain=g,
            ap=[0.1, 0.3],
            auc=[0.7, 0.5],
            found=[0.0, 0.2],
            removed=[0.01, 0.03],
            sanitize=[2.0, 2.0],
            fit=[9.0, 12.0],
        ),
    ]


def rows(records, **changed) -> list[DefenseRow]:
    return defense_rows(Grid(suite(**changed), records))


def test_every_number_of_a_row():
    # Of p, .5 of 1 and .66 of 1.1 are left; of g a quarter: on both seeds p is the worse elsewhere.
    (row,) = rows(UNDEFENDED + defended("s", [0.5, 0.66], [1.0, 0.95]))
    factor = stats.t.ppf(0.975, 1) + stats.t.ppf(0.8, 1)
    left = (0.5 + 0.66) / (1.0 + 1.1)  # of the means, not the mean of shares
    reach = stats.t.ppf(0.975, 1) * abs(0.5 - left * 1.0) / 1.05  # both seeds move the ratio by as much
    assert row == DefenseRow(
        dataset="d",
        size=0.03,
        recommender="A",
        defense="s",
        rank=1,
        rank_low=1,
        rank_high=1,
        recovered=pytest.approx(1 - left),
        recovered_low=pytest.approx(1 - left - reach),
        recovered_high=pytest.approx(1 - left + reach),
        attack="p",
        attacks_ok=2,
        attacks_needed=2,
        attacks_significant=2,
        least_detectable=pytest.approx(factor * 0.03),  # .5 and .44 bits were taken back
        utility_change=pytest.approx(0.83 / 0.84 - 1),
        passes_gate=True,
        detection_ap=pytest.approx(0.4),
        detection_auc=pytest.approx(0.75),
        detection_recall=pytest.approx(0.2),
        genuine_removed=pytest.approx(0.02),
        cpu_seconds=pytest.approx(2 - 1 / 4),  # fits of 9, 11, 9 and 12 instead of 10, 10, 10 and 12
    )


def test_the_attack_that_a_defense_does_worst_on_is_chosen_on_the_other_seed():
    # Left of p: .9 on seed 0, .1 on seed 1; of g: .5 on both. Chosen: g on seed 0, p on seed 1.
    (row,) = rows(UNDEFENDED + defended("s", [0.9, 0.11], [2.0, 1.9]))
    assert row.attack == "g, p"
    assert row.recovered == pytest.approx(1 - (2.0 + 0.11) / (4.0 + 1.1))


def test_the_largest_share_recovered_is_first():
    weak, strong = defended("weak", [0.9, 0.99], [3.0, 2.85]), defended("strong", [0.1, 0.1], [0.1, 0.1])
    found = rows(UNDEFENDED + weak + strong)
    assert [(row.defense, row.rank, row.rank_low, row.rank_high) for row in found] == [
        ("strong", 1, 1, 1),
        ("weak", 2, 2, 2),
    ]


def test_a_defense_that_costs_more_than_a_twentieth_of_the_utility_is_not_ranked():
    costly = defended("costly", [0.0, 0.0], [0.0, 0.0], ndcg=(0.40, 0.397))
    assert [row.rank for row in rows(UNDEFENDED + costly)] == [None]
    just = defended("just", [0.0, 0.0], [0.0, 0.0], ndcg=(0.38, 0.418))
    (row,) = rows(UNDEFENDED + just)
    assert (row.rank, row.recovered, row.utility_change) == (1, 1.0, pytest.approx(-0.05))


def test_what_an_insignificant_attack_lost_is_no_recovery():
    undefended = [*clean("A", [0.4, 0.4]), *each_seed("A", "p", gain=[0.3, -0.1], fit=[1.0, 1.0])]
    protected = [
        *each_seed("A", "none", "s", ndcg=[0.4, 0.4]),
        *each_seed("A", "p", "s", gain=[0.0, 0.0], fit=[1.0, 1.0]),
    ]
    (row,) = rows(undefended + protected, mandatory=["p"])
    assert row.recovered is row.rank is row.attack is None
    assert (row.attacks_ok, row.attacks_needed, row.attacks_significant) == (1, 1, 0)


def test_an_effect_within_the_a_a_floor_is_none():
    undefended = [*clean("A", [0.4, 0.4]), *each_seed("A", "p", gain=[0.40, 0.41])]
    protected = [*each_seed("A", "none", "s", ndcg=[0.4, 0.4]), *each_seed("A", "p", "s", gain=[0.0, 0.0])]
    assert rows(undefended + protected, mandatory=["p"])[0].recovered == 1
    noisy = undefended + each_seed("A", gain=[-0.40, 0.0], replica=1)
    assert rows(noisy + protected, mandatory=["p"])[0].recovered is None


def test_a_failed_cell_leaves_the_share_empty():
    protected = defended("s", [0.5, 0.66], [1.0, 0.95])
    protected[-1:] = failed(protected[-1:], status="crashed")
    (row,) = rows(UNDEFENDED + protected)
    assert row.recovered is row.rank is row.attack is row.detection_ap is row.cpu_seconds is None
    assert (row.attacks_ok, row.attacks_needed) == (1, 2)
    assert row.utility_change is not None


def test_a_failed_undefended_attack_leaves_nothing_to_compare_with():
    undefended = UNDEFENDED[:-1] + failed(UNDEFENDED[-1:], status="error")
    assert rows(undefended + defended("s", [0.5, 0.66], [1.0, 0.95]))[0].recovered is None


def test_a_defense_is_listed_for_the_victims_it_applies_to():
    other = clean("B", [0.4, 0.4]) + failed(each_seed("B", "none", "s", ndcg=[0, 0]), status="skipped")
    assert [row.recommender for row in rows(UNDEFENDED + defended("s", [0.5, 0.66], [1.0, 0.95]) + other)] == ["A"]


def test_robust_training_inspects_nothing_and_costs_what_its_fit_takes_longer():
    protected = [
        *each_seed("A", "none", "t", ndcg=[0.4, 0.44]),
        *each_seed("A", "p", "t", gain=[0.5, 1.0], fit=[15.0, 15.0]),
        *each_seed("A", "g", "t", gain=[0.5, 1.0], fit=[15.0, 17.0]),
    ]
    (row,) = rows(UNDEFENDED + protected)
    assert row.cpu_seconds == pytest.approx(5)
    assert row.detection_ap is row.detection_recall is row.genuine_removed is None


def test_what_an_adaptive_attack_does_in_spite_of_the_defense():
    protected = defended("s", [0.5, 0.66], [1.0, 0.95])
    (row,) = rows(UNDEFENDED + protected)
    assert row.adaptive is row.adaptive_gain is None
    evading = knowing(each_seed("A", "evade", "s", gain=[1.0, 2.0]), "interactions", "defense")
    weaker = knowing(each_seed("A", "dodge", "s", gain=[0.5, 0.5]), "defense")
    blind = knowing(each_seed("A", "other", "s", gain=[9.0, 9.0]), "interactions")
    (row,) = rows(UNDEFENDED + protected + evading + weaker + blind)
    assert (row.adaptive, row.adaptive_gain, row.adaptive_recovered) == ("evade", pytest.approx(1.5), None)
    assert row.recovered == pytest.approx(1 - 1.16 / 2.1)  # the mandatory attacks alone


def test_an_adaptive_attacks_pair_is_its_own_answer_to_no_defense():
    evading = [*each_seed("A", "evade", gain=[4.9, 5.1]), *each_seed("A", "evade", "s", gain=[1.0, 2.0])]
    records = UNDEFENDED + defended("s", [0.5, 0.66], [1.0, 0.95])
    (row,) = rows(records + knowing(evading, "defense"))
    assert row.adaptive_recovered == pytest.approx(1 - 3 / 10)
    noise = [*each_seed("A", "evade", gain=[0.5, -0.5]), *each_seed("A", "evade", "s", gain=[0.1, 0.2])]
    (row,) = rows(records + knowing(noise, "defense"))
    assert (row.adaptive_gain, row.adaptive_recovered) == (pytest.approx(0.15), None)


def test_an_adaptive_attack_that_failed_on_a_unit_is_missing():
    evading = knowing(each_seed("A", "evade", "s", gain=[1.0]), "defense")
    (row,) = rows(UNDEFENDED + defended("s", [0.5, 0.66], [1.0, 0.95]) + evading)
    assert row.adaptive is row.adaptive_gain is None
