import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from recbench.leaderboard.pareto import pareto_front

POINTS = arrays(np.float64, st.tuples(st.integers(0, 8), st.just(2)), elements=st.integers(0, 4).map(float))


def dominates(a, b):
    return all(a >= b) and any(a > b)


def test_a_front_by_hand():
    points = np.array([[0.4, -1.0], [0.3, -0.5], [0.3, -1.0], [0.3, -0.5], [0.1, -0.6]])
    assert pareto_front(points).tolist() == [True, True, False, True, False]


@given(POINTS)
def test_nothing_dominates_the_front_and_the_front_dominates_all_else(points):
    front = pareto_front(points)
    for point, inside in zip(points, front, strict=True):
        assert inside != any(dominates(other, point) for other in points[front])


@given(POINTS, st.randoms(use_true_random=False))
def test_the_order_of_the_points_does_not_matter(points, random):
    order = random.sample(range(len(points)), len(points))
    assert pareto_front(points[order]).tolist() == pareto_front(points)[order].tolist()
