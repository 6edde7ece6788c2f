"""What is genuine in a disguised profile, and what stays."""

import numpy as np
import pytest

from recbench.contracts import Profiles
from recbench_plugins.attackers.adaptive.camouflage import camouflaged

TARGETS = np.array([0, 1])
PLAIN = Profiles(np.array([0, 6, 9]), np.array([10, 0, 11, 12, 1, 13, 1, 11, 10]))
GENUINE = Profiles(np.array([0, 6, 9]), np.array([20, 21, 0, 22, 1, 13, 1, 20, 22]))


def rows(profiles: Profiles) -> list[list[int]]:
    return [profiles.histories[k].tolist() for k in range(len(profiles))]


@pytest.mark.parametrize("share", [0.0, 0.25, 0.5, 0.75, 1.0])
@pytest.mark.parametrize("seed", range(5))
def test_lengths_and_targets_stay_and_the_share_of_fillers_is_genuine(share: float, seed: int) -> None:
    mixed = camouflaged(PLAIN, GENUINE, TARGETS, share, seed)
    for mine, plain, genuine in zip(rows(mixed), rows(PLAIN), rows(GENUINE), strict=True):
        assert len(mine) == len(set(mine)) == len(plain)
        assert set(mine) & {0, 1} == set(plain) & {0, 1}
        fillers = set(mine) - {0, 1}
        taken = round(share * len(fillers))
        assert fillers <= set(plain) | set(genuine)
        # Item 13 is on both sides.
        assert taken <= len(fillers & set(genuine)) <= taken + len(fillers & {13})


def test_none_is_the_attack_itself_and_all_are_the_genuine_fillers() -> None:
    assert rows(camouflaged(PLAIN, GENUINE, TARGETS, 0.0, 0)) == rows(PLAIN)
    assert [set(row) for row in rows(camouflaged(PLAIN, GENUINE, TARGETS, 1.0, 0))] == [
        set(row) for row in rows(GENUINE)
    ]


def test_what_stays_is_drawn_by_lot_and_keeps_its_order() -> None:
    drawn = [rows(camouflaged(PLAIN, GENUINE, TARGETS, 0.5, seed))[0] for seed in range(20)]
    assert len({tuple(sorted(row)) for row in drawn}) > 5
    for row in drawn:
        for side in (PLAIN.histories[0], GENUINE.histories[0]):
            kept = [item for item in side if item in row and item not in (0, 1, 13)]
            assert kept == [item for item in row if item in kept]


def test_a_genuine_profile_that_is_too_short_gives_what_it_has() -> None:
    short = Profiles(np.array([0, 1, 2]), np.array([20, 1]))
    assert [set(row) for row in rows(camouflaged(PLAIN, short, TARGETS, 1.0, 3))][1] == {1, 10, 11}
    assert 20 in rows(camouflaged(PLAIN, short, TARGETS, 1.0, 3))[0]


def test_ratings_go_with_their_items() -> None:
    def rated(profiles: Profiles, lift: float) -> Profiles:
        return Profiles(profiles.indptr, profiles.items, profiles.items + np.float32(lift))

    mixed = camouflaged(rated(PLAIN, 0.25), rated(GENUINE, 0.5), TARGETS, 0.5, 1)
    assert mixed.ratings is not None
    lift = mixed.ratings - mixed.items
    assert set(lift[mixed.items >= 20]) == {0.5}
    assert set(lift[np.isin(mixed.items, [0, 1, 10, 11, 12])]) == {0.25}
