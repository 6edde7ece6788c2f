import re

import numpy as np
import pytest
from hand_made import clean, each_seed, failed, suite
from matplotlib.collections import LineCollection, PathCollection
from scipy import stats

from recbench.leaderboard.figures import figures, save
from recbench.leaderboard.grid import Grid

SCATTER, HEAT = "utility-robustness-d-3pct", "attackers-victims-d-3pct"
GAINS = {"A": 1.0, "B": 0.5, "C": 0.7, "low": 0.1}
UTILITIES = {"A": 0.40, "B": 0.37, "C": 0.36, "low": 0.1}
RECORDS = [
    *(one for name, utility in UTILITIES.items() for one in clean(name, [utility, utility])),
    *(one for name, gain in GAINS.items() for one in each_seed(name, "p", gain=[gain - 0.1, gain + 0.1])),
    *each_seed("A", "random", gain=[0.2, 0.2]),
    *failed(each_seed("B", "random", gain=[0.2, 0.2]), status="error"),
]


def drawn(records, **changed):
    return figures(Grid(suite(mandatory=["p"], **changed), records))


def test_recommenders_stand_where_their_numbers_say_and_the_front_runs_through_the_best():
    (axes,) = drawn(RECORDS)[SCATTER].axes
    where = {text.get_text(): tuple(text.xy) for text in axes.texts}
    assert where == {name: pytest.approx((UTILITIES[name], GAINS[name])) for name in GAINS}
    (front,) = axes.lines
    assert list(zip(*front.get_data(), strict=True)) == [pytest.approx((0.37, 0.5)), pytest.approx((0.40, 1.0))]
    reach = stats.t.ppf(0.975, 1) * 0.1
    intervals = [each.get_segments()[0] for each in axes.collections if isinstance(each, LineCollection)]
    assert sorted((line[0][1], line[1][1]) for line in intervals) == [
        pytest.approx((gain - reach, gain + reach)) for gain in sorted(GAINS.values())
    ]


def test_what_is_not_ranked_is_hollow_and_off_the_front():
    (axes,) = drawn(RECORDS)[SCATTER].axes
    points = [each for each in axes.collections if isinstance(each, PathCollection)]
    hollow = [tuple(each.get_offsets()[0]) for each in points if not each.get_facecolors().size]
    assert hollow == [pytest.approx((0.1, 0.1))]


def test_the_map_has_each_attack_on_each_victim_and_crosses_out_what_failed():
    axes = drawn(RECORDS)[HEAT].axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["p", "random"]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["A", "B", "C", "low"]
    assert [text.get_text() for text in axes.texts] == ["+1.00", "+0.50", "+0.70", "+0.10", "+0.20", "×", "×", "×"]


def test_curves_go_from_size_to_size_and_one_size_makes_none():
    assert "budget-d" not in drawn(RECORDS)
    small = each_seed("A", "p", gain=[0.2, 0.4], size=0.01)
    records = clean("A", [0.4, 0.4]) + small + each_seed("A", "p", gain=[0.9, 1.1])
    (axes,) = drawn(records, threat={"sizes": [0.03, 0.01]})["budget-d"].axes
    (line,) = axes.lines
    np.testing.assert_allclose(line.get_xydata(), [[1, 0.3], [3, 1.0]])


def test_nothing_that_worked_draws_nothing():
    assert drawn(failed(RECORDS, status="error")) == {}


@pytest.mark.parametrize("form", ["png", "svg"])
def test_names_are_no_formulas_and_the_same_records_make_the_same_file(tmp_path, form):
    hostile = r"$\frac{</text><script>"
    records = clean(hostile, [0.4, 0.4]) + each_seed(hostile, "p", gain=[1.0, 1.2])
    for name in ("first", "second"):
        save(drawn(records)[SCATTER], tmp_path / f"{name}.{form}")
    content = (tmp_path / f"first.{form}").read_bytes()
    assert content == (tmp_path / f"second.{form}").read_bytes()
    assert b"<script" not in content


def test_two_data_sets_that_read_alike_have_a_file_each():
    records = [one for dataset in ("d d", "d-d") for one in clean("A", [0.4, 0.4], dataset=dataset)] + [
        one for dataset in ("d d", "d-d") for one in each_seed("A", "p", gain=[1.0, 1.2], dataset=dataset)
    ]
    found = drawn(records)
    assert len(found) == 4
    assert all(re.fullmatch(r"[a-z0-9.-]+", name) for name in found)
