import pytest
from hand_made import clean, each_seed, failed, suite

from recbench.leaderboard.attackers import attacker_rows
from recbench.leaderboard.foot import REASONS, attackers_foot, common_foot, defenses_foot, recommenders_foot
from recbench.leaderboard.grid import Grid
from recbench.leaderboard.recommenders import recommender_rows

RECORDS = clean("A", [0.4, 0.4]) + each_seed("A", "p", gain=[1.0, 1.2])


def foot(records=RECORDS, **changed):
    grid = Grid(suite(**changed), records)
    return "\n".join(attackers_foot(grid, attacker_rows(grid)))


def test_the_a_a_floor_is_the_largest_size_of_a_twins_effect():
    twins = each_seed("A", gain=[0.01, -0.034], replica=1)
    assert "A/A floor: max |gain| 0.034 bits (2 pairs) on d." in foot(RECORDS + twins)


def test_a_twin_that_failed_is_no_silence():
    twins = failed(each_seed("A", gain=[0.0, 0.0], replica=1), status="error")
    assert "A/A floor: max |gain| n/a (no A/A runs) on d." in foot(RECORDS + twins)


def test_units_are_counted_and_few_of_them_claim_nothing():
    assert "Units: 2 on each data set (2 split seeds × 1 target group). Fewer than 20: no claim" in foot()
    enough = foot(seeds=10, threat={"targets": {"groups": 2}})
    assert "Units: 20 on each data set (10 split seeds × 2 target groups)." in enough
    assert "no claim" not in enough


def test_the_least_detectable_effect_stands_below():
    # Two seeds, .2 bits apart: 14.08 standard errors of .1.
    assert "(5% level, 80% power): 1.408 bits on d." in foot()
    assert "(5% level, 80% power): n/a on d." in foot(seeds=1)


@pytest.mark.parametrize("board", [recommenders_foot, defenses_foot])
def test_a_single_seed_is_said_to_choose_the_worst_where_it_reports_it(board):
    assert "look worse" in "\n".join(board(Grid(suite(seeds=1), RECORDS), []))
    assert "on the other split seeds" in "\n".join(board(Grid(suite(), RECORDS), []))


def test_the_attacks_of_the_worst_case_are_named():
    grid = Grid(suite(), RECORDS)
    assert "the mandatory attacks (p, g)" in recommenders_foot(grid, recommender_rows(grid))[0]


def test_the_variants_of_the_metrics_are_named():
    text = "\n".join(common_foot(Grid(suite(), RECORDS)))
    for words in ("Recall divides by |test|", "min(k, relevant)", "without test items are left out", "validation"):
        assert words in text


def test_failures_are_counted_by_status_stage_and_reason():
    lost = failed(each_seed("A", "g", gain=[0, 0]), status="error", stage="fit", reason="ValueError: no")
    left = failed(each_seed("B", "g", gain=[0]), status="skipped", reason="needs ratings")
    assert common_foot(Grid(suite(), RECORDS + lost + left))[2:] == [
        "Cells: 2 error, 4 ok, 1 skipped.",
        "2 cells error in fit: ValueError: no",
        "1 cell skipped: needs ratings",
    ]


def test_a_flood_of_reasons_is_cut_and_said_to_be():
    lost = [failed(clean(f"R{number:03}", [0.0]), status="error", reason=f"{number:03}")[0] for number in range(30)]
    lines = common_foot(Grid(suite(), lost))
    assert len(lines) == REASONS + 4
    assert lines[-1] == "10 other reasons: see cells.csv."


def test_no_claim_is_made_of_many_groups_of_few_seeds() -> None:
    def said(seeds: int, groups: int) -> str:
        changed = {"seeds": seeds, "threat": {"sizes": [0.03], "targets": {"groups": groups}}}
        return "\n".join(recommenders_foot(Grid(suite(**changed), RECORDS), []))

    assert "Fewer than 20: no claim at 5%" in said(6, 3)
    assert "Fewer than 6 split seeds: no claim at 5%" in said(5, 4)
    assert "no claim" not in said(6, 4)


def test_how_intervals_are_made_depends_on_how_many_seeds_there_are() -> None:
    assert "By Student's t over 2 split seeds" in "\n".join(recommenders_foot(Grid(suite(), RECORDS), []))
    many = "\n".join(recommenders_foot(Grid(suite(seeds=30), RECORDS), []))
    assert "By a hierarchical bootstrap over split seeds" in many
