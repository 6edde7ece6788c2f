"""An attacker sees what it declares and what the threat model offers, and nothing else."""

from __future__ import annotations

from typing import Any, get_args

import numpy as np
import pytest

from recbench.component import Knowledge
from recbench.contracts import AttackerView, FitContext, ItemStatistics, KnowledgeViolation, derive_seed
from recbench.data.interactions import Interactions

from .models import MatrixFactorization
from .planted import TARGET, budget, planted, view_of

TOUCHES = {
    "statistics": lambda view: view.statistics,
    "interactions": lambda view: view.observed,
    "surrogate": lambda view: view.surrogate("bpr-mf"),
    "queries": lambda view: view.queries,
    "victim": lambda view: view.victim,
    "defense": lambda view: view.defense,
}


def _view(knowledge: set[str], **without: Any) -> AttackerView:
    offered: dict[str, Any] = {
        "statistics": ItemStatistics.of(planted()),
        "surrogate": lambda name, **params: MatrixFactorization(**params),
        "queries": "queries",
        "victim": "victim",
        "defense": "defense",
    }
    return view_of(planted(), knowledge, budget(), **{**offered, **without})


def test_every_kind_of_knowledge_has_its_touch() -> None:
    assert set(TOUCHES) == set(get_args(Knowledge))


@pytest.mark.parametrize("declared", get_args(Knowledge))
@pytest.mark.parametrize("touched", get_args(Knowledge))
def test_only_declared_knowledge_can_be_touched(declared: str, touched: str) -> None:
    view = _view({declared})
    if declared == touched or (declared, touched) == ("interactions", "statistics"):
        assert TOUCHES[touched](view) is not None
    else:
        with pytest.raises(KnowledgeViolation, match=f"declares knowledge of {declared}; it touched '{touched}'"):
            TOUCHES[touched](view)


def test_an_attacker_that_declares_nothing_still_has_its_targets_budget_and_seed() -> None:
    view = _view(set())
    assert view.targets.tolist() == [TARGET]
    assert (view.budget.n_profiles, view.goal, view.feedback, view.n_items) == (6, "push", "implicit", 40)
    with pytest.raises(KnowledgeViolation, match="declares knowledge of nothing"):
        _ = view.observed


def test_what_the_threat_model_does_not_offer_is_refused_even_if_declared() -> None:
    view = view_of(planted(), {"victim"}, budget())
    with pytest.raises(KnowledgeViolation, match="the suite's threat model offers no 'victim'"):
        _ = view.victim


def test_the_view_prints_without_its_secrets() -> None:
    assert "secrets" not in repr(_view({"interactions"}))
    assert "464" not in repr(_view({"interactions"}))


def test_a_surrogate_gets_its_parameters_and_a_context_of_the_attacks_own_seed() -> None:
    view = _view({"surrogate"})
    assert view.surrogate("any", dim=3) == MatrixFactorization(dim=3)
    ctx = view.context("inner", 4)
    assert ctx == FitContext(derive_seed(view.seed, "inner", 4))
    assert ctx.seed != view.context("inner", 5).seed
    assert ctx.validate is None
    assert ctx.examples is None


def test_statistics_count_rate_and_spread_as_by_hand() -> None:
    train = Interactions(
        np.array([0, 1, 2, 0, 1, 2]), np.array([0, 0, 0, 1, 2, 2]), 3, 4, ratings=np.array([1, 3, 5, 4, 2, 2])
    )
    statistics = ItemStatistics.of(train)
    assert statistics.means is not None
    assert statistics.stds is not None
    everyone = np.array([1, 3, 5, 4, 2, 2])
    assert statistics.counts.tolist() == [3, 1, 2, 0]
    np.testing.assert_allclose(statistics.means, [3, 4, 2, everyone.mean()])
    # One rating or no spread says nothing of the spread: the whole data's stands in.
    np.testing.assert_allclose(statistics.stds, [2, *[everyone.std(ddof=1)] * 3])


def test_implicit_feedback_has_counts_alone() -> None:
    statistics = ItemStatistics.of(planted())
    assert statistics.counts.sum() == len(planted())
    assert statistics.means is None
    assert statistics.stds is None
