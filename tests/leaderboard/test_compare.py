import random

import pytest
from hand_made import clean, each_seed, failed, record
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from recbench.leaderboard.cells import cell_columns
from recbench.leaderboard.compare import Difference, compare

CLEAN = clean("A", [0.40, 0.42])
TWINS = each_seed("A", ndcg=[0.41, 0.42], gain=[0.02, -0.03], replica=1)
ATTACKED = each_seed("A", "p", gain=[1.0, 2.0])
BEFORE = CLEAN + TWINS + ATTACKED


def compared(before, after):
    return compare(cell_columns(before)[1], cell_columns(after)[1])


def rebuilt(records):
    return [one | {"build_id": "another"} for one in records]


def test_the_same_cells_differ_in_nothing_whatever_their_order():
    found = compared(BEFORE, random.Random(0).sample(BEFORE, len(BEFORE)))
    assert (found.shared, found.equal, found.compared) == (6, 6, 2)
    assert not found.worse
    assert found.changes == found.differences == found.unrepeatable == found.only_before == found.only_after == []


def test_every_number_of_a_difference():
    after = rebuilt(CLEAN + TWINS + each_seed("A", "p", gain=[1.2, 2.21]))
    (found,) = compared(BEFORE, after).differences
    assert found == Difference(
        place="d, A, p 3%",
        metric="gain",
        before=pytest.approx(1.5),
        after=pytest.approx(1.705),
        difference=pytest.approx(0.205),
        low=pytest.approx(0.205 - stats.t.ppf(0.975, 1) * 0.005),
        high=pytest.approx(0.205 + stats.t.ppf(0.975, 1) * 0.005),
        floor=pytest.approx(0.03),
        units=2,
        worse=True,
    )


@pytest.mark.parametrize(
    ("gain", "worse"),
    [
        ([1.02, 2.03], None),  # within the A/A floor of .03
        ([0.9, 2.3], None),  # one seed says less and the other more
        ([1.1, 2.1], True),
        ([0.9, 1.9], False),
    ],
)
def test_a_gain_differs_where_both_the_floor_and_the_interval_say_so(gain, worse):
    found = compared(BEFORE, rebuilt(CLEAN + TWINS + each_seed("A", "p", gain=gain)))
    assert [each.worse for each in found.differences] == ([] if worse is None else [worse])
    assert found.worse is bool(worse)


def test_the_floor_is_the_larger_one_of_both_sides():
    noisy = each_seed("A", ndcg=[0.40, 0.42], gain=[0.25, 0.0], replica=1)
    after = rebuilt(CLEAN + noisy + each_seed("A", "p", gain=[1.2, 2.2]))
    assert compared(BEFORE, after).differences == compared(after, BEFORE).differences == []
    assert len(compared(BEFORE, rebuilt(CLEAN + TWINS + each_seed("A", "p", gain=[1.2, 2.2]))).differences) == 1


def test_utility_that_falls_is_worse_and_utility_that_rises_is_not():
    def found(ndcg):
        twins = each_seed("A", ndcg=ndcg, gain=[0.0, 0.0], replica=1)
        (each,) = compared(BEFORE, rebuilt(clean("A", ndcg) + twins + ATTACKED)).differences
        return each.place, each.metric, each.worse

    assert compared(BEFORE, rebuilt(clean("A", [0.395, 0.415]) + TWINS + ATTACKED)).differences == []
    assert found([0.37, 0.39]) == ("d, A, no attack", "NDCG@10", True)
    assert found([0.43, 0.45]) == ("d, A, no attack", "NDCG@10", False)


def test_a_nuke_that_sinks_the_targets_deeper_is_worse():
    def nukes(gain):
        records = CLEAN + each_seed("A", "p", gain=gain)
        return [one | {"question": one["question"] | {"goal": "nuke"}} for one in records]

    (found,) = compared(nukes([-1.0, -2.0]), rebuilt(nukes([-1.5, -2.5]))).differences
    assert (found.metric, found.difference, found.worse) == ("loss of rank", pytest.approx(0.5), True)


def test_statuses_come_first_and_are_worse_where_a_cell_was_ok():
    broken = failed(ATTACKED[:1], status="error", stage="fit", reason="ValueError: no")
    found = compared(BEFORE, CLEAN + TWINS + broken + ATTACKED[1:])
    (change,) = found.changes
    assert (change.before, change.after, change.reason, change.worse) == ("ok", "error", "ValueError: no", True)
    assert (change.cell.place, change.cell.seed) == ("d, A, p 3%", 0)
    assert found.worse
    back = compared(CLEAN + TWINS + broken + ATTACKED[1:], BEFORE)
    assert [each.worse for each in back.changes] == [False]
    assert not back.worse


def test_a_single_unit_has_no_interval_and_is_held_against_the_floor():
    after = rebuilt(CLEAN + TWINS + each_seed("A", "p", gain=[1.5])) + ATTACKED[1:]
    found = compared(CLEAN + TWINS + ATTACKED[:1], after)
    (each,) = found.differences
    assert (each.low, each.high, each.units, each.difference) == (None, None, 1, pytest.approx(0.5))


def test_other_numbers_of_the_same_build_are_not_repeatable():
    after = CLEAN + TWINS + each_seed("A", "p", gain=[1.0, 2.001])
    found = compared(BEFORE, after)
    assert [(cell.place, cell.seed) for cell in found.unrepeatable] == [("d, A, p 3%", 1)]
    assert found.equal == 5
    assert compared(BEFORE, rebuilt(after)).unrepeatable == []


def test_a_metric_that_one_side_does_not_have_is_no_difference():
    after = [one | {"metrics": one["metrics"] | {"new": 1.0}} for one in BEFORE]
    found = compared(BEFORE, after)
    assert (found.equal, found.unrepeatable) == (6, [])


def test_cells_of_one_side_only_are_told_and_are_no_harm():
    found = compared(BEFORE, CLEAN + TWINS + [record("B")])
    assert [cell.place for cell in found.only_before] == ["d, A, p 3%"] * 2
    assert [cell.place for cell in found.only_after] == ["d, B, no attack"]
    assert not found.worse


def test_variants_are_told_apart():
    variants = [record("mf", params={"dim": dim}, metrics={"ndcg@10": 0.4}) for dim in (8, 16)]
    found = compared(variants, rebuilt([one | {"metrics": {"ndcg@10": 0.3}} for one in variants]))
    assert [each.place for each in found.differences] == ["d, mf[dim=16], no attack", "d, mf[dim=8], no attack"]


GAINS = st.lists(st.floats(-4, 4, width=32), min_size=2, max_size=2)


@settings(deadline=None, max_examples=20)
@given(GAINS, GAINS)
def test_what_is_worse_one_way_is_better_the_other_way(old, new):
    before, after = CLEAN + each_seed("A", "p", gain=old), rebuilt(CLEAN + each_seed("A", "p", gain=new))
    there, back = compared(before, after).differences, compared(after, before).differences
    assert [(each.place, each.worse) for each in there] == [(each.place, not each.worse) for each in back]
    assert [each.difference for each in there] == pytest.approx([-each.difference for each in back])
