import numpy as np
import pytest
from hand_made import clean, each_seed, failed, suite
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from recbench.evaluation.statistics import interval
from recbench.leaderboard.boards import boards
from recbench.leaderboard.grid import Grid
from recbench.leaderboard.overall import overall_attackers, overall_defenses, overall_recommenders
from recbench.leaderboard.recommenders import recommender_rows
from recbench.leaderboard.standing import SEED


def victim(name, utility, **gains):
    """One recommender under attack `p` on each data set: `victim("A", 0.4, d=[1.0, 2.0], e=[3.0, 4.0])`."""
    return [
        one
        for dataset, gain in gains.items()
        for one in (
            *clean(name, [utility, utility], dataset=dataset),
            *each_seed(name, "p", gain=gain, dataset=dataset),
        )
    ]


RECORDS = victim("A", 0.40, d=[1.0, 2.0], e=[3.0, 4.0]) + victim("B", 0.39, d=[2.0, 2.0], e=[1.0, 1.0])


def grid(records, **changed):
    return Grid(suite(mandatory=["p"], datasets=["d", "e"], **changed), records)


def test_recommenders_are_ranked_by_the_worst_case_over_all_units():
    first, second = overall_recommenders(grid(RECORDS))
    assert (first.name, first.rank, first.effect) == ("B", 1, pytest.approx(1.5))
    assert (second.name, second.rank, second.effect) == ("A", 2, pytest.approx(2.5))
    assert (second.datasets_ranked, second.datasets, second.missing) == (2, 2, None)
    # Four clusters, one a data set and split seed, of one unit each.
    expected = interval(np.array([1.0, 2.0, 3.0, 4.0]), np.arange(4), SEED)
    assert (second.effect_low, second.effect_high) == (pytest.approx(expected.low), pytest.approx(expected.high))
    # A is the better one wherever the two units of d are drawn often enough.
    assert (second.rank_low, second.rank_high) == (1, 2)


def test_what_is_not_ranked_on_one_data_set_has_no_number_on_all():
    useless = clean("C", [0.1, 0.1], dataset="e") + each_seed("C", "p", gain=[0.0, 0.0], dataset="e")
    broken = failed(each_seed("D", "p", gain=[0.0, 0.0], dataset="e"), status="error")
    records = [
        *RECORDS,
        *victim("C", 0.4, d=[0.0, 0.0]),
        *useless,
        *victim("D", 0.4, d=[0.0, 0.0]),
        *clean("D", [0.4, 0.4], dataset="e"),
        *broken,
    ]
    found = {row.name: row for row in overall_recommenders(grid(records))}
    assert list(found) == ["B", "A", "C", "D"]
    for name in "CD":
        row = found[name]
        assert row.rank is row.effect is row.effect_low is row.rank_low is None
        assert (row.datasets_ranked, row.datasets, row.missing) == (1, 2, "e")
    # Those that are ranked stand as they did without them.
    assert [found["B"], found["A"]] == overall_recommenders(grid(RECORDS))


def test_attackers_are_ranked_by_the_mean_over_each_data_sets_victims():
    stronger = each_seed("A", "q", gain=[9.0, 9.0], dataset="d")  # on one victim of one data set
    p, q = overall_attackers(grid(RECORDS + stronger))
    assert (p.name, p.rank, p.effect) == (
        "p",
        1,
        pytest.approx((1.75 + 2.25) / 2),
    )  # (1.5 + 2) / 2 on d, (3.5 + 1) / 2 on e
    assert (q.name, q.rank, q.missing) == ("q", None, "d, e")


def test_defenses_are_ranked_by_what_they_take_back_of_all_there_was():
    records = [
        *victim("A", 0.4, d=[4.0, 4.0], e=[1.0, 1.0]),
        *each_seed("A", "none", "s", ndcg=[0.4, 0.4], dataset="d"),
        *each_seed("A", "none", "s", ndcg=[0.4, 0.4], dataset="e"),
        *each_seed("A", "p", "s", gain=[1.0, 1.0], dataset="d"),
        *each_seed("A", "p", "s", gain=[1.0, 1.0], dataset="e"),
    ]
    (row,) = overall_defenses(grid(records))
    assert (row.recommender, row.name, row.rank) == ("A", "s", 1)
    assert row.effect == pytest.approx(1 - (1 + 1) / (4 + 1))
    # Each of the four seeds moves the share left by (1 - .4 × 4) / 2.5 or (1 - .4) / 2.5, that is .24.
    reach = stats.t.ppf(0.975, 3) * np.sqrt(4 / 3 * 4 * 0.24**2) / 4
    assert (row.effect_low, row.effect_high) == (pytest.approx(0.6 - reach), pytest.approx(0.6 + reach))


def test_sizes_are_ranked_apart():
    small = [
        one | {"question": one["question"] | {"size": 0.01 if one["question"]["size"] else 0.0}}
        for one in victim("A", 0.40, d=[0.1, 0.1], e=[0.1, 0.1])
    ]
    found = overall_recommenders(grid(small + RECORDS, threat={"sizes": [0.03, 0.01]}))
    assert [(row.size, row.name, row.rank) for row in found] == [
        (0.01, "A", 1),
        (0.01, "B", None),
        (0.03, "B", 1),
        (0.03, "A", 2),
    ]


def test_one_data_set_has_no_board_across_data_sets():
    names = [board.name for board in boards(Grid(suite(mandatory=["p"]), victim("A", 0.4, d=[1.0, 2.0])))]
    assert names == ["recommenders", "attackers", "defenses", "throughput"]
    several = [board.name for board in boards(grid(RECORDS))]
    assert several == [*names[:3], *(f"{name}-overall" for name in names[:3]), "throughput"]


GAINS = st.lists(st.floats(-5, 5, width=32), min_size=2, max_size=2)


@settings(deadline=None, max_examples=15)
@given(GAINS, GAINS)
def test_every_data_set_weighs_the_same(d, e):
    made = grid(victim("A", 0.4, d=d, e=e))
    (row,) = overall_recommenders(made)
    assert row.effect == pytest.approx(np.mean([each.gain for each in recommender_rows(made)]), abs=1e-9)
    assert row.effect_low - 1e-9 <= row.effect <= row.effect_high + 1e-9
