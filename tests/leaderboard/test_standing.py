from dataclasses import dataclass

import numpy as np

from recbench.leaderboard.standing import Contender, ranked


@dataclass(frozen=True)
class Row:
    name: str
    rank: int | None = None
    rank_low: int | None = None
    rank_high: int | None = None


def contender(name, harm, scale=None):
    return Contender(Row(name), name, None if harm is None else np.array(harm), None if scale is None else scale)


SEEDS = np.arange(4)


def test_rows_that_print_alike_share_a_rank_and_the_next_is_counted_on():
    rows = ranked([contender("c", [2.0] * 4), contender("b", [1.0004] * 4), contender("a", [1.0] * 4)], SEEDS)
    assert [(row.name, row.rank) for row in rows] == [("a", 1), ("b", 1), ("c", 3)]


def test_rank_ranges_say_which_rows_could_change_places():
    rows = ranked(
        [contender("a", [0.0, 0.2, 0.0, 0.2]), contender("b", [0.3, 0.0, 0.2, 0.0]), contender("c", [5.0] * 4)], SEEDS
    )
    assert [(row.name, row.rank, row.rank_low, row.rank_high) for row in rows] == [
        ("a", 1, 1, 2),
        ("b", 2, 1, 2),
        ("c", 3, 3, 3),
    ]


def test_pairing_tells_rows_apart_that_move_together():
    shared = np.array([0.0, 3.0, 1.0, 7.0])
    rows = ranked([contender("a", shared), contender("b", shared + 0.1)], SEEDS)
    assert [(row.rank_low, row.rank_high) for row in rows] == [(1, 1), (2, 2)]


def test_what_is_not_ranked_stands_below_by_its_label():
    rows = ranked([contender("z", None), contender("m", None), contender("p", [1.0] * 4)], SEEDS)
    assert [(row.name, row.rank) for row in rows] == [("p", 1), ("m", None), ("z", None)]
    assert ranked([], SEEDS) == []


def test_a_single_seed_gives_no_rank_range():
    rows = ranked([contender("a", [1.0, 2.0]), contender("b", [3.0, 4.0])], np.zeros(2, dtype=int))
    assert [(row.rank, row.rank_low, row.rank_high) for row in rows] == [(1, None, None), (2, None, None)]
