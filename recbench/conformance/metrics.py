"""Checks of metrics. What a value means is told by its name, as the field uses it: `ndcg@10`."""

from __future__ import annotations

import math
from dataclasses import fields, replace
from functools import cache

import numpy as np
from numpy.typing import NDArray

from recbench.conformance.check import Failed, NotApplicable, Subject, check
from recbench.conformance.exercise import outcome
from recbench.conformance.planted import interactions
from recbench.contracts import Outcome, Profiles, Ranking
from recbench.data import Histories

QUALITY = frozenset({"recall", "precision", "f1", "ndcg", "hr", "mrr", "map"})
SHARES = QUALITY | {"coverage", "jaccard", "rbo", "exposure-hr", "exposure-ndcg", "detection-auc", "detection-ap"}
"""Names of values between 0 and 1."""
CLOSE = 1e-9


def _family(name: str) -> str:
    return name.partition("@")[0]


def _values(subject: Subject, of: Outcome) -> dict[str, float]:
    return dict(subject.build()(of))


@check("metric", guards=("D16",))
def shares_lie_between_0_and_1(subject: Subject) -> None:
    """A hit ratio was redefined three times and could not pass 0.2 with five targets; shares were given in percent."""
    values = {name: value for name, value in _values(subject, outcome()).items() if _family(name) in SHARES}
    if not values:
        raise NotApplicable("none of its values has the name of a share")
    for name, value in values.items():
        if not -CLOSE <= value <= 1 + CLOSE:
            raise Failed(f"{name} is {value:g}; give a share between 0 and 1, or another name")


@check("metric", guards=("D34",))
def better_lists_get_better_values(subject: Subject) -> None:
    """A measure with its sign turned, or one that rewards what it should punish, ranks systems the wrong way round."""
    given = outcome()
    best, worst = (_values(subject, replace(given, ranking=_sorted(given, first))) for first in (True, False))
    names = [name for name in best if _family(name) in QUALITY]
    if not names:
        raise NotApplicable("none of its values is a known quality of lists")
    middle = _values(subject, given)
    for name in names:
        if not worst[name] - CLOSE <= middle[name] <= best[name] + CLOSE or worst[name] >= best[name]:
            raise Failed(
                f"{name} is {best[name]:.3f} for the best lists, {middle[name]:.3f} for random and {worst[name]:.3f} "
                "for the worst ones; higher must be better"
            )


def _sorted(given: Outcome, first: bool) -> Ranking:
    """The lists with every user's test items in front, or without any."""
    top = given.ranking.top
    wanted = np.zeros((len(top), given.train.n_items), dtype=np.bool_)
    wanted[given.test.rows, given.test.items] = True
    lots = np.where(given.train.csr.toarray() > 0, -9.0, np.where(wanted, 1.0 if first else -1.0, 0.0))
    order = np.argsort(-lots, axis=1, kind="stable")[:, : top.shape[1]]
    return replace(given.ranking, top=order.astype(np.int32))


@cache
def _one_hit() -> Outcome:
    """Three users with twenty test items each, of which the lists of two hold one, at the first and third place."""
    n_items, k = 150, 100
    train = interactions(np.arange(3), np.full(3, 149), 3, n_items)
    test = Histories(np.arange(4) * 20, np.tile(np.arange(20), 3).astype(np.int32))
    top = np.tile(np.arange(30, 30 + k), (3, 1)).astype(np.int32)
    top[0, 0], top[1, 2] = 4, 7
    targets = np.array([140], dtype=np.int32)
    ranks = np.full((3, 1), 120, dtype=np.int32)
    ranking = Ranking(top, ranks, np.zeros((3, 1), np.float32), np.full(3, 149, np.int32))
    return Outcome(ranking, ranking, train, test, targets, np.ones((3, 1), np.bool_), Profiles.empty())


IDEAL = sum(1 / math.log2(place + 2) for place in range(10))
KNOWN = {
    "recall@10": (2 / 20) / 3,
    "precision@10": 0.2 / 3,
    "hr@10": 2 / 3,
    "mrr@10": (1 + 1 / 3) / 3,
    "ndcg@10": (1 + 1 / 2) / IDEAL / 3,
}
"""Of `_one_hit`, by their definitions: NDCG's ideal list is cut at 10, not at the number of relevant items."""


@check("metric", guards=("D16", "D28", "D34"))
def known_lists_have_known_values(subject: Subject) -> str:
    """NDCG@50 was cut at the number of relevant items, "RMSE" was a mean square: figures under one name could not be
    compared between papers."""
    values = _values(subject, _one_hit())
    names = sorted(values.keys() & KNOWN.keys())
    if not names:
        raise NotApplicable(f"it gives none of {', '.join(KNOWN)}")
    for name in names:
        if abs(values[name] - KNOWN[name]) > 1e-6:
            raise Failed(
                f"{name} of three short lists is {values[name]:.6f}; by its definition it is {KNOWN[name]:.6f}"
            )
    return f"of {', '.join(names)}"


@check("metric", guards=("D5", "D17", "D39"))
def the_order_of_users_does_not_matter(subject: Subject) -> None:
    """Results of several targets overwrote each other by a wrong row index, and averages took in fake users by their
    position."""
    given = outcome()
    order = np.random.default_rng(5).permutation(given.train.n_users)
    first, second = _values(subject, given), _values(subject, _reordered(given, order))
    # A metric with a seed compares with random subsets, which fall otherwise.
    tolerance = 0.2 if "seed" in {field.name for field in fields(subject.build())} else 1e-6
    for name, value in first.items():
        if abs(second[name] - value) > tolerance * max(1.0, abs(value)):
            raise Failed(f"{name} is {value:.6f}, and {second[name]:.6f} with the same users in another order")


def _reordered(given: Outcome, order: NDArray[np.int64]) -> Outcome:
    """The same outcome with user `order[k]` as user `k`."""
    place = np.argsort(order)
    n, train, test, judged, proved = len(order), given.train, given.test, given.detection, given.certificate
    rows = np.argsort(place[test.rows], kind="stable")
    everyone = np.concatenate([order, np.arange(n, n + len(given.profiles))])
    assert given.clean is not None
    assert judged is not None
    assert judged.removed is not None
    assert proved is not None
    return replace(
        given,
        ranking=_rows_of(given.ranking, order),
        clean=_rows_of(given.clean, order),
        train=interactions(place[train.users], train.items, n, train.n_items, train.ratings),
        test=Histories(np.concatenate([[0], np.cumsum(test.lengths[order])]), test.items[rows]),
        eligible=given.eligible[order],
        detection=replace(
            judged,
            suspicion=judged.suspicion[everyone],
            removed=judged.removed[everyone],
            fake=judged.fake[everyone],
        ),
        certificate=replace(proved, kept=proved.kept[order]),
    )


def _rows_of(ranking: Ranking, order: NDArray[np.int64]) -> Ranking:
    return Ranking(*(getattr(ranking, field.name)[order] for field in fields(ranking)))


@check("metric", guards=("D41",))
def what_is_undefined_is_left_out(subject: Subject) -> None:
    """Failed twins and clean runs vanished into averages as zeros or NaN, and a crash read as robustness."""
    bare = replace(
        outcome(),
        clean=None,
        detection=None,
        predicted=None,
        actual=None,
        certificate=None,
        profiles=Profiles.empty(),
    )
    nobody = replace(outcome(), eligible=np.zeros_like(outcome().eligible))
    cells = {
        "without twin, verdict, ratings and fakes": bare,
        "whose targets nobody can meet": nobody,
        "of one user and one item": _one_of_each(),
    }
    for word, given in cells.items():
        for name, value in _values(subject, given).items():
            if not math.isfinite(value):
                raise Failed(f"{name} is {value} for a cell {word}; leave out what is undefined")


def _one_of_each() -> Outcome:
    """A user who has the only item, which is the target: nothing is left to recommend, to wish for or to meet."""
    one = np.zeros((1, 1), dtype=np.int32)
    train = interactions(one[0], one[0], 1, 1)
    ranking = Ranking(one - 1, one, one.astype(np.float32), one[0])
    test = Histories(np.zeros(2, np.int64), one[0, :0])
    return Outcome(ranking, ranking, train, test, one[0], one > 0, Profiles.empty())
