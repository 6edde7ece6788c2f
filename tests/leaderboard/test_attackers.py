import pytest
from hand_made import clean, each_seed, failed, knowing, suite
from scipy import stats

from recbench.leaderboard.attackers import AttackerRow, attacker_rows
from recbench.leaderboard.grid import Grid

RECORDS = [
    *clean("A", [0.4, 0.4]),
    *clean("B", [0.3, 0.3]),
    *each_seed("A", "p", gain=[1.0, 2.0], hr10=[0.1, 0.2], hr50=[0.2, 0.3], tvd=[0.01, 0.02], craft=[1.0, 2.0]),
    *each_seed("B", "p", gain=[0.4, 0.6], hr10=[0.0, 0.1], hr50=[0.1, 0.2], tvd=[0.01, 0.02], craft=[1.0, 2.0]),
    *each_seed("A", "random", gain=[0.5, 0.5]),
    *each_seed("B", "random", gain=[0.8, 0.6]),
    *each_seed("A", "g", gain=[0.6, 0.2]),
    *each_seed("B", "g", gain=[0.9, 0.9]),
]


def rows(records, **changed) -> dict[str, AttackerRow]:
    return {row.attacker: row for row in attacker_rows(Grid(suite(**changed), records))}


def test_every_number_of_a_row():
    reach, factor = stats.t.ppf(0.975, 1), stats.t.ppf(0.975, 1) + stats.t.ppf(0.8, 1)
    assert rows(RECORDS)["p"] == AttackerRow(
        dataset="d",
        size=0.03,
        attacker="p",
        rank=1,
        rank_low=1,
        rank_high=3,
        control=False,
        gain=pytest.approx((0.7 + 1.3) / 2),  # the victims' means on seed 0 and on seed 1
        gain_low=pytest.approx(1.0 - reach * 0.3),
        gain_high=pytest.approx(1.0 + reach * 0.3),
        least_detectable=pytest.approx(factor * 0.3),
        lift_hr_10=pytest.approx(0.1),
        lift_hr_50=pytest.approx(0.2),
        victims_ok=2,
        victims_needed=2,
        victims_beaten=1,  # 1.5 against .5 on A, but .5 against .7 on B
        victims_compared=2,
        above_random=False,  # .05 and .75 more than random: two seeds that differ so say nothing
        tvd_excess=pytest.approx(0.015),
        craft_cpu_seconds=pytest.approx(1.5),
    )


def test_the_largest_gain_is_first_and_controls_are_marked():
    found = rows(RECORDS)
    assert [(name, row.rank, row.control) for name, row in found.items()] == [
        ("p", 1, False),
        ("g", 2, False),
        ("random", 3, True),
    ]


def test_what_is_above_random_on_all_seeds_alike_is_so():
    records = clean("A", [0.4, 0.4]) + each_seed("A", "random", gain=[0.5, 0.6]) + each_seed("A", "p", gain=[0.7, 0.81])
    assert rows(records)["p"].above_random is True


def test_what_is_not_surely_above_random_is_flagged():
    found = rows(RECORDS)
    assert found["g"].above_random is False  # .1 more on seed 0, as much on seed 1
    assert found["g"].victims_beaten == 1  # .4 against .5 on A, .9 against .7 on B
    assert found["random"].above_random is None
    assert found["random"].victims_compared == 0


def test_a_single_unit_is_compared_by_its_difference():
    first = [one for one in RECORDS if one["question"]["seed"] == 0]
    found = rows(first, seeds=1)
    assert (found["p"].above_random, found["g"].above_random) == (True, True)
    assert found["p"].gain_low is found["p"].rank_low is None


def test_without_random_nothing_is_said_of_it():
    found = rows([one for one in RECORDS if one["question"]["attacker"]["name"] != "random"])
    assert found["p"].above_random is None
    assert found["p"].victims_compared == 0


def test_an_attack_that_failed_on_a_victim_is_not_ranked_and_says_how_many_it_is_over():
    broken = each_seed("A", "p", gain=[0.0, 0.0])[0]["cell_id"]
    records = [one if one["cell_id"] != broken else failed([one], status="timeout")[0] for one in RECORDS]
    found = rows(records)
    assert list(found) == ["g", "random", "p"]
    row = found["p"]
    assert (row.rank, row.victims_ok, row.victims_needed, row.victims_compared) == (None, 1, 2, 1)
    assert row.gain == pytest.approx(0.5)  # victim B alone


def test_an_attack_without_any_result_has_no_numbers():
    records = RECORDS + failed(each_seed("A", "w", gain=[0, 0]) + each_seed("B", "w", gain=[0, 0]), status="error")
    row = rows(records)["w"]
    assert (row.rank, row.victims_ok) == (None, 0)
    assert row.gain is row.lift_hr_10 is row.tvd_excess is row.craft_cpu_seconds is row.detector_auc is None


def test_a_recommender_whose_clean_cells_failed_is_no_victim():
    records = RECORDS + failed(clean("Z", [0.1, 0.1]) + each_seed("Z", "p", gain=[0, 0]), status="crashed")
    assert rows(records)["p"] == rows(RECORDS)["p"]


def test_the_detector_that_tells_the_fakes_best_counts_whichever_way_round():
    records = [
        *each_seed("A", "p", "upright", auc=[0.7, 0.9]),
        *each_seed("B", "p", "upright", auc=[0.7, 0.9]),
        *each_seed("A", "p", "inverted", auc=[0.1, 0.2]),
        *each_seed("B", "p", "inverted", auc=[0.1, 0.2]),
    ]
    row = rows(RECORDS + records)["p"]
    assert row.detector == "inverted"
    assert row.detector_auc == pytest.approx(0.85)


def test_equal_gains_share_a_rank():
    records = RECORDS + each_seed("A", "twin", gain=[1.0, 2.0]) + each_seed("B", "twin", gain=[0.4, 0.6])
    assert {name: row.rank for name, row in rows(records).items()} == {"p": 1, "twin": 1, "g": 3, "random": 4}


def at_two_sizes(small, large):
    records = clean("A", [0.4, 0.4]) + each_seed("A", "p", gain=small, size=0.01) + each_seed("A", "p", gain=large)
    found = attacker_rows(Grid(suite(threat={"sizes": [0.03, 0.01]}), records))
    return {row.size: row.falls_with_budget for row in found}


def test_damage_that_falls_as_the_budget_grows_is_flagged_where_it_falls():
    assert at_two_sizes(small=[1.0, 1.4], large=[0.5, 0.91]) == {0.01: None, 0.03: True}
    assert at_two_sizes(small=[1.0, 1.4], large=[1.1, 1.3]) == {0.01: None, 0.03: False}  # on one seed alone


def test_damage_at_a_size_that_failed_falls_from_nowhere():
    assert at_two_sizes(small=[1.0], large=[0.5, 0.5]) == {0.01: None, 0.03: None}


def informed(few, many, fewer=("statistics",), more=("interactions", "victim")):
    records = [
        *clean("A", [0.4, 0.4]),
        *knowing(each_seed("A", "few", gain=few), *fewer),
        *knowing(each_seed("A", "many", gain=many), *more),
    ]
    return {name: row.beaten_by for name, row in rows(records).items()}


def test_a_black_box_that_beats_a_white_box_is_told_at_the_white_box():
    assert informed([1.0, 1.0], [0.8, 0.81]) == {"few": None, "many": "few"}
    assert informed([1.0, 1.0], [0.9, 1.1]) == {"few": None, "many": None}


def test_attackers_that_know_different_things_are_not_compared():
    assert informed([1.0, 1.0], [0.5, 0.5], fewer=["queries"]) == {"few": None, "many": None}
    assert informed([1.0, 1.0], [0.5, 0.5], more=["statistics"]) == {"few": None, "many": None}


def test_what_an_attacker_was_shown_is_part_of_its_row():
    row = rows(RECORDS[:4] + knowing(RECORDS[4:8], "surrogate", "interactions"))["p"]
    assert row.knowledge == "interactions, statistics, surrogate"
