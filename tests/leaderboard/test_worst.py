import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from recbench.evaluation.statistics import worst_case
from recbench.leaderboard.worst import names, pick, worst_attack


@given(st.integers(1, 5).flatmap(lambda attacks: arrays(float, (attacks, 7), elements=st.integers(-99, 99).map(float))))
def test_the_chosen_attacks_make_the_worst_case_of_the_statistics(harm):
    clusters = np.array([4, 4, 0, 0, 0, 9, 9])
    chosen = worst_attack(harm, clusters)
    assert pick(harm, chosen).mean() == pytest.approx(worst_case(harm, clusters))


def test_a_share_is_of_means_and_nothing_is_a_share_of_what_is_not_there():
    harm = np.array([[1.0, 1.0], [0.5, 9.0], [5.0, 5.0]])
    scale = np.array([[2.0, 2.0], [1.0, 10.0], [0.0, -1.0]])
    # Elsewhere: .5, .9 and none for the first unit; .5, .5 and none for the second.
    assert worst_attack(harm, np.array([0, 1]), scale).tolist() == [1, 0]


def test_attacks_are_named_by_how_often_they_were_chosen():
    assert names(["a", "b", "c"], np.array([2, 0, 2])) == "c, a"
