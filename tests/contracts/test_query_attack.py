"""A black-box attack that sees nothing but metered recommendation lists."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pytest
from numpy.typing import NDArray

from recbench.contracts import (
    AttackerView,
    FitContext,
    KnowledgeViolation,
    PoisoningAttacker,
    Profiles,
    Queries,
    Scorer,
    derive_seed,
    numpy_rng,
)
from recbench.data.interactions import Histories, Interactions

from .models.numpy_svd import PureSVD
from .planted import BLOCK, BLOCKS, N_ITEMS, TARGET, appended, budget, planted, view_of

Lists = Callable[[NDArray[np.integer] | Histories, int], NDArray[np.int32]]


@dataclass(frozen=True)
class ObservedExposure(PoisoningAttacker):
    """Deploys candidate sets of fillers and keeps the one with which the most watched users see the target.

    Selection among templates by feedback, as PoisonRec (Song et al., ICDE 2020) rewards actions.
    """

    candidates: int = 6
    watched: int = 20
    k: int = 5
    exposures: list[float] = field(default_factory=list)
    """For the tests: what was observed, a candidate."""

    def craft(self, view: AttackerView) -> Profiles:
        crafted = [self._profiles(view, candidate) for candidate in range(self.candidates)]
        watched = numpy_rng(view.seed, "watched").choice(view.queries.n_users, self.watched, replace=False)
        for profiles in crafted:
            lists = view.queries.deploy(profiles).recommend(watched, self.k)
            self.exposures.append(float(np.isin(lists, view.targets).any(1).mean()))
        return crafted[int(np.argmax(self.exposures))]

    def _profiles(self, view: AttackerView, candidate: int) -> Profiles:
        """Every fake holds the targets and fillers from one window of the catalogue, another for each candidate."""
        rng = numpy_rng(view.seed, "fillers", candidate)
        window = np.setdiff1d((rng.integers(view.n_items) + np.arange(12)) % view.n_items, view.targets)
        chosen = np.zeros((view.budget.n_profiles, view.n_items), dtype=bool)
        chosen[:, view.targets] = True
        for row, size in zip(chosen, view.budget.sizes, strict=True):
            row[rng.choice(window, min(size - len(view.targets), len(window)), replace=False)] = True
        return Profiles.from_dense(chosen)


def _top(victim: Scorer, train: Interactions) -> Lists:
    """What the harness shows of a fitted victim."""

    def top(users: NDArray[np.integer] | Histories, k: int) -> NDArray[np.int32]:
        assert not isinstance(users, Histories)
        scores = np.array(victim.score(users))
        scores[train.csr.toarray()[users] > 0] = -np.inf
        return np.argsort(-scores, axis=1)[:, :k].astype(np.int32)

    return top


def _queries(train: Interactions, deployments: int = 6, lists: int = 200) -> Queries:
    def retrain(profiles: Profiles) -> Lists:
        profiles.check(budget())
        return _top(PureSVD().fit(appended(train, profiles), FitContext(derive_seed(1, "victim"))), train)

    return Queries(retrain, train.n_users, deployments, lists)


def _exposure(train: Interactions, profiles: Profiles) -> float:
    """HR@5 of the target over all genuine users who do not have it, with a victim seed that no query saw."""
    victim = PureSVD().fit(appended(train, profiles), FitContext(derive_seed(2, "victim")))
    eligible = np.flatnonzero(~train.contains(np.arange(train.n_users), np.array(TARGET)))
    return float((_top(victim, train)(eligible, 5) == TARGET).any(1).mean())


def test_it_chooses_by_what_it_observes_and_the_choice_holds_for_everyone() -> None:
    train = planted()
    queries = _queries(train)
    attack = ObservedExposure()
    view = view_of(train, {"queries"}, budget(), queries=queries)
    profiles = attack.craft(view)
    profiles.check(budget())
    assert max(attack.exposures) > min(attack.exposures)
    true = [_exposure(train, attack._profiles(view, candidate)) for candidate in range(attack.candidates)]
    assert _exposure(train, profiles) >= np.mean(true) + 0.05
    # It spent what it was given and no more.
    assert (queries.deployments, queries.lists) == (6, 120)


def test_a_seventh_deployment_is_refused() -> None:
    train = planted()
    with pytest.raises(KnowledgeViolation, match="all 6 deployments are spent"):
        ObservedExposure(candidates=7).craft(view_of(train, {"queries"}, budget(), queries=_queries(train)))


def test_lists_are_metered_across_deployments_and_a_refused_query_costs_nothing() -> None:
    train = planted()
    queries = _queries(train, lists=25)
    first, second = (queries.deploy(ObservedExposure()._profiles(_view(train), c)) for c in range(2))
    assert first.recommend(np.arange(20), 3).shape == (20, 3)
    with pytest.raises(KnowledgeViolation, match="5 of 25 lists are left; 6 asked for"):
        second.recommend(np.arange(6), 3)
    assert second.recommend(np.arange(5), 3).shape == (5, 3)
    assert queries.lists == 25
    with pytest.raises(KnowledgeViolation, match="0 of 25"):
        first.recommend(np.arange(1), 3)


def _view(train: Interactions) -> AttackerView:
    return view_of(train, {"queries"}, budget(), queries=_queries(train))


@pytest.mark.parametrize("touch", ["observed", "statistics", "victim", "defense"])
def test_nothing_but_the_lists_is_seen(touch: str) -> None:
    with pytest.raises(KnowledgeViolation, match=r"declares knowledge of queries; it touched '"):
        getattr(_view(planted()), touch)


def test_a_deployment_shows_items_and_never_scores() -> None:
    train = planted()
    lists = _queries(train).deploy(ObservedExposure()._profiles(_view(train), 0)).recommend(np.arange(9), 4)
    assert lists.dtype == np.int32
    assert lists.max() < N_ITEMS
    assert (np.sort(lists, 1)[:, 1:] != np.sort(lists, 1)[:, :-1]).all()
    assert (lists // BLOCK < BLOCKS).all()
