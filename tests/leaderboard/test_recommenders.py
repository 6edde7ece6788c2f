import pytest
from hand_made import clean, each_seed, failed, record, suite
from scipy import stats

from recbench.leaderboard.grid import Grid
from recbench.leaderboard.recommenders import RecommenderRow, recommender_rows

ATTACKED = [
    *each_seed("A", "p", gain=[1.0, 2.0], hr10=[0.1, 0.2], hr50=[0.3, 0.4], ndcg=[0.39, 0.40]),
    *each_seed("A", "g", gain=[3.0, 1.0], hr10=[0.5, 0.0], hr50=[0.7, 0.1], ndcg=[0.10, 0.41]),
    *each_seed("B", "p", gain=[0.5, 0.7], hr10=[0.01, 0.03], hr50=[0.1, 0.2], ndcg=[0.37, 0.36]),
    *each_seed("B", "g", gain=[0.1, 0.2], hr10=[0.9, 0.9], hr50=[0.9, 0.9], ndcg=[0.30, 0.30]),
    *each_seed("C", "p", gain=[0.1, 0.1], hr10=[0.0, 0.0], hr50=[0.0, 0.0], ndcg=[0.2, 0.2]),
    *each_seed("C", "g", gain=[0.0, 0.0], hr10=[0.0, 0.0], hr50=[0.0, 0.0], ndcg=[0.2, 0.2]),
]
CLEAN = clean("A", [0.40, 0.42]) + clean("B", [0.38, 0.38]) + clean("C", [0.2, 0.2])


def rows(records, **changed) -> list[RecommenderRow]:
    return recommender_rows(Grid(suite(**changed), records))


def test_the_least_worst_case_is_first_and_a_useless_model_is_not_ranked():
    found = rows(CLEAN + ATTACKED)
    assert [(row.recommender, row.rank) for row in found] == [("B", 1), ("A", 2), ("C", None)]
    assert [row.share_of_best for row in found] == pytest.approx([0.38 / 0.41, 1, 0.2 / 0.41])
    assert found[2].gain == pytest.approx(0.1)  # shown, but a model of half the utility wins nothing


def test_every_number_of_a_row():
    row = rows(CLEAN + ATTACKED)[0]
    reach, factor = stats.t.ppf(0.975, 1), stats.t.ppf(0.975, 1) + stats.t.ppf(0.8, 1)
    assert row == RecommenderRow(
        dataset="d",
        size=0.03,
        recommender="B",
        rank=1,
        rank_low=1,
        rank_high=2,
        clean_ndcg_10=0.38,
        clean_recall_20=0.76,
        share_of_best=pytest.approx(0.38 / 0.41),
        passes_gate=True,
        gain=pytest.approx(0.6),
        gain_low=pytest.approx(0.6 - reach * 0.1),
        gain_high=pytest.approx(0.6 + reach * 0.1),
        least_detectable=pytest.approx(factor * 0.1),
        attack="p",
        lift_hr_10=pytest.approx(0.02),
        lift_hr_50=pytest.approx(0.15),
        attacked_ndcg_10=pytest.approx(0.365),
        attacks_ok=2,
        attacks_needed=2,
        on_front=True,
    )


def test_the_worst_attack_is_chosen_on_the_other_seed():
    (row,) = (row for row in rows(CLEAN + ATTACKED) if row.recommender == "A")
    # On seed 1 p is worst, so p counts on seed 0; on seed 0 g is worst, so g counts on seed 1.
    assert row.gain == pytest.approx((1.0 + 1.0) / 2)
    assert row.attack == "g, p"
    assert row.lift_hr_10 == pytest.approx((0.1 + 0.0) / 2)
    assert row.attacked_ndcg_10 == pytest.approx((0.39 + 0.41) / 2)


def test_a_single_seed_chooses_where_it_reports_and_has_no_interval():
    records = [one for one in CLEAN + ATTACKED if one["question"]["seed"] == 0]
    (row,) = (row for row in rows(records, seeds=1) if row.recommender == "A")
    assert (row.gain, row.attack) == (3.0, "g")
    assert row.gain_low is row.least_detectable is row.rank_low is None
    assert row.rank == 2


@pytest.mark.parametrize("status", ["error", "timeout", "out-of-memory", "crashed", "invalid", "skipped"])
def test_one_failed_cell_of_a_mandatory_attack_leaves_the_worst_case_empty(status):
    broken = each_seed("B", "g", gain=[0.1, 0.2])[1:]
    others = [one for one in ATTACKED if one["cell_id"] != broken[0]["cell_id"]]
    found = rows(CLEAN + others + failed(broken, status=status))
    assert [row.recommender for row in found] == ["A", "B", "C"]
    row = found[1]
    assert row.rank is row.gain is row.gain_low is row.attack is row.lift_hr_10 is row.attacked_ndcg_10 is None
    assert (row.attacks_ok, row.attacks_needed) == (1, 2)
    assert row.clean_ndcg_10 == pytest.approx(0.38)


def test_an_attack_that_was_never_run_is_missing_too():
    found = rows([one for one in CLEAN + ATTACKED if one["question"]["attacker"]["name"] != "g"])
    assert {row.gain for row in found} == {None}
    assert {(row.attacks_ok, row.attacks_needed) for row in found} == {(1, 2)}


def test_a_failed_clean_cell_leaves_the_utility_empty_and_the_row_unranked():
    found = rows(CLEAN[1:] + failed(CLEAN[:1], status="error") + ATTACKED)
    assert [(row.recommender, row.rank) for row in found] == [("B", 1), ("A", None), ("C", None)]
    assert found[1].clean_ndcg_10 is found[1].share_of_best is None
    # A's other seed still sets the bar: a failure of the best makes nobody better.
    assert found[0].share_of_best == pytest.approx(0.38 / 0.42)


def test_where_the_best_failed_on_every_seed_the_bar_is_the_best_that_is_known():
    found = rows(CLEAN[2:] + failed(CLEAN[:2], status="error") + ATTACKED)
    assert found[0].recommender == "B"
    assert found[0].share_of_best == 1


def test_cells_that_were_never_computed_count_as_not_ok():
    """Else an attack or a data set that was not reached would be no part of the worst case, nor of the overall rank."""
    present = [one for one in CLEAN + ATTACKED if one["question"]["attacker"]["name"] != "g"]
    nothing = {"status": "missing", "metrics": {}, "cost": {}}
    absent = [{"question": one["question"]} | nothing for one in ATTACKED[2:4]]
    (row, *_) = (
        each for each in recommender_rows(Grid(suite(mandatory=[]), present, absent)) if each.recommender == "A"
    )
    assert (row.attacks_ok, row.attacks_needed, row.gain) == (1, 2, None)
    elsewhere = [{"question": one["question"] | {"dataset": "e"}} | nothing for one in CLEAN]
    grid = Grid(suite(), CLEAN + ATTACKED, elsewhere)
    assert grid.datasets == ["d", "e"]
    assert all(each.gain is None for each in recommender_rows(grid) if each.dataset == "e")


def test_the_gate_is_ninety_per_cent_of_the_best_and_lets_exactly_that_pass():
    attacked = each_seed("B", "p", gain=[0.1, 0.1]) + each_seed("B", "g", gain=[0.1, 0.1])
    assert rows(clean("A", [0.4, 0.4]) + clean("B", [0.36, 0.36]) + attacked)[0].rank == 1
    assert rows(clean("A", [0.4, 0.4]) + clean("B", [0.359, 0.36]) + attacked)[0].rank is None


def test_every_variant_of_a_mandatory_attack_counts():
    stronger = each_seed("A", "p", gain=[4.0, 4.0])
    for one in stronger:
        one["question"]["attacker"] = {"name": "p", "version": "1", "params": {"steps": 9}}
    (row,) = rows(clean("A", [0.4, 0.4]) + each_seed("A", "p", gain=[1.0, 2.0]) + stronger, mandatory=["p"])
    assert (row.attack, row.gain, row.attacks_needed) == ("p[steps=9]", 4.0, 2)


def test_without_mandatory_attacks_all_but_the_controls_count():
    control = each_seed("A", "random", gain=[9.0, 9.0])
    (row,) = rows(clean("A", [0.4, 0.4]) + control + each_seed("A", "x", gain=[1.0, 2.0]), mandatory=[])
    assert (row.attack, row.attacks_needed) == ("x", 1)
    assert row.gain == pytest.approx(1.5)


def test_attack_sizes_and_data_sets_are_ranked_apart():
    half = [each_seed("A", name, gain=[0.2, 0.2], size=0.01) for name in ("p", "g")]
    elsewhere = [*clean("A", [0.1, 0.1], dataset="e"), *each_seed("A", "p", gain=[5.0, 5.0], dataset="e")]
    found = rows(CLEAN + ATTACKED + half[0] + half[1] + elsewhere, threat={"sizes": [0.03, 0.01]})
    placed = {(row.dataset, row.size, row.recommender): (row.rank, row.gain) for row in found}
    assert placed["d", 0.01, "A"] == (1, pytest.approx(0.2))
    assert placed["d", 0.03, "A"] == (2, pytest.approx(1.0))
    assert placed["d", 0.01, "B"] == placed["e", 0.03, "A"] == (None, None)
    assert [(row.dataset, row.size) for row in found] == sorted((row.dataset, row.size) for row in found)


def test_a_twin_does_not_count_as_a_clean_cell():
    twins = [record("A", seed=seed, replica=1, metrics={"ndcg@10": 0.9, "rank-gain": 0.01}) for seed in (0, 1)]
    assert rows(clean("A", [0.4, 0.4]) + twins)[0].clean_ndcg_10 == pytest.approx(0.4)


def test_harm_turns_round_where_the_goal_is_to_nuke_and_is_utility_where_it_is_to_degrade():
    attacked = each_seed("A", "p", gain=[-2.0, -3.0], drop=[0.1, 0.3])
    records = clean("A", [0.4, 0.4]) + attacked
    assert rows(records, mandatory=["p"], threat={"goal": "nuke"})[0].gain == pytest.approx(2.5)
    assert rows(records, mandatory=["p"], threat={"goal": "degrade"})[0].gain == pytest.approx(0.2)


def test_the_front_is_of_ranked_rows_that_nothing_beats_in_both_respects():
    gains = {"A": 1.0, "B": 0.5, "C": 0.7, "D": 0.7}
    utilities = {"A": 0.40, "B": 0.37, "C": 0.38, "D": 0.39, "useless": 0.1}
    attacked = [
        one
        for name, gain in (gains | {"useless": 0.0}).items()
        for attack in ("p", "g")
        for one in each_seed(name, attack, gain=[gain, gain])
    ]
    everybody = [one for name, utility in utilities.items() for one in clean(name, [utility, utility])]
    found = {row.recommender: row.on_front for row in rows(everybody + attacked)}
    # C does no better than D against attacks, and is the less useful one.
    assert found == {"A": True, "B": True, "C": False, "D": True, "useless": None}


@pytest.mark.parametrize(("exposure", "flagged"), [(0.05, True), (0.04, False)])
def test_targets_that_many_users_see_already_are_told(exposure, flagged):
    shown = each_seed("A", ndcg=[0.4, 0.4], exposure=[exposure, exposure])
    (row,) = rows(shown)
    assert (row.clean_exposure, row.exposed) == (pytest.approx(exposure), flagged)
    assert not rows(shown, threat={"goal": "nuke"})[0].exposed  # what is to be hidden must be seen first
