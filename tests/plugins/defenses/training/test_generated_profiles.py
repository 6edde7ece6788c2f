"""Adversarial training on generated profiles: what enters, what the step descends, and that pushes are resisted."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
import torch
from contracts.planted import planted

from recbench.contracts import FitContext, RecbenchError, Scorer
from recbench.data import Interactions
from recbench.evaluation.audience import Audience
from recbench.evaluation.ranking import validation_quality
from recbench_plugins.attackers.heuristic.bandwagon import Bandwagon
from recbench_plugins.defenses.detection.degree_sad import appended
from recbench_plugins.defenses.training.cfgan import hidden_tenth
from recbench_plugins.defenses.training.generated_profiles import (
    WRITERS,
    Development,
    GeneratedProfiles,
    Negatives,
    Simulation,
)
from recbench_plugins.recommenders.bpr_mf import BPRMF, BPRProblem
from recbench_plugins.recommenders.lightgcn import LightGCN
from recbench_plugins.recommenders.multivae import MultiVAE
from recbench_plugins.recommenders.wmf_sgd import WMFSGD

CTX = FitContext(seed=0)
SMALL = BPRMF(dim=6, epochs=6, batch_size=64)
HEURISTIC = GeneratedProfiles(families=("random", "average", "popular"), popularity=0.3, size=0.2, targets=8)


@pytest.fixture(scope="module")
def niches() -> Interactions:
    """240 users of four niches of 20 items each, and 20 items more that hardly anyone has."""
    rng = np.random.default_rng(0)
    chance = np.full((240, 100), 0.02)
    for niche in range(4):
        chance[niche::4, 20 * niche : 20 * niche + 20] = 0.4
    chance[:, 80:] = 0.012
    users, items = np.nonzero(rng.random(chance.shape) < chance)
    return Interactions(users, items, 240, 100)


def _scores(scorer: Scorer, train: Interactions) -> torch.Tensor:
    return torch.as_tensor(scorer.score(np.arange(train.n_users)))


def _negatives(settings: GeneratedProfiles, train: Interactions, number: int = 1) -> Negatives:
    made = Simulation(settings, train, CTX).round(number)
    assert made is not None
    return made


@pytest.mark.parametrize("families", [("random", "average", "popular"), ("gan",), ("bandwagon", "unrolled-gradient")])
def test_fillers_are_held_by_somebody_and_are_no_targets_of_their_profile(families: Any, niches: Interactions) -> None:
    other = next(family for family in WRITERS if family not in families)
    made = _negatives(replace(HEURISTIC, families=families, held_out=other), niches)
    rows = torch.repeat_interleave(torch.arange(len(made.targets)), made.indptr.diff())
    assert len(made.fillers) == made.indptr[-1] > 0
    assert (made.indptr.diff() > 0).all()
    assert not (made.targets[rows] == made.fillers[:, None]).any()
    assert (torch.tensor(niches.item_counts)[made.fillers] > 0).all()


def test_targets_are_items_that_an_attack_may_have_lifted_drawn_anew_each_round(niches: Interactions) -> None:
    first, second = (_negatives(HEURISTIC, niches, number) for number in (1, 2))
    for made in (first, second):
        assert niches.item_counts[made.targets.numpy()].max() <= 0.3 * niches.n_users
    assert not torch.equal(first.targets[:10], second.targets[:10])


def test_a_profiles_scores_are_those_of_users_who_hold_its_fillers() -> None:
    """One profile of one filler, held by users 1 and 2, and one target: whoever is drawn, the loss is known."""
    train = Interactions(np.array([0, 1, 2]), np.array([0, 1, 1]), 3, 3)
    problem = BPRMF(dim=2).problem(train, CTX)
    tables = {
        "users": torch.tensor([[9.0, 9.0], [1.0, 0.0], [1.0, 0.0]]),
        "items": torch.tensor([[5.0, 5.0], [2.0, 0.0], [3.0, 7.0]]),
        "bias": torch.tensor([[0.0], [0.5], [0.0]]),
    }
    by_item = train.csr.tocsc()
    holders = (torch.tensor(by_item.indptr).long(), torch.tensor(by_item.indices).long())
    made = Negatives(torch.tensor([[2]]), torch.tensor([0, 1]), torch.tensor([1]), *holders)
    expected = torch.nn.functional.softplus(torch.tensor(3.0 - 2.5))
    torch.testing.assert_close(made.loss(problem, tables, 4, seed=0), expected)


def test_without_weight_it_is_plain_training_to_the_bit(niches: Interactions) -> None:
    plain = _scores(SMALL.fit(niches, CTX), niches)
    untouched = replace(HEURISTIC, weight=0.0).fit(SMALL, niches, CTX).scorer
    assert torch.equal(_scores(untouched, niches), plain)
    assert not torch.equal(_scores(HEURISTIC.fit(SMALL, niches, CTX).scorer, niches), plain)


def test_no_fake_is_ever_a_user_that_is_fitted(niches: Interactions, monkeypatch: pytest.MonkeyPatch) -> None:
    fitted, original = set[int](), BPRProblem.losses

    def counted(self: BPRProblem, *given: Any) -> torch.Tensor:
        fitted.add(self.n_users)
        return original(self, *given)

    monkeypatch.setattr(BPRProblem, "losses", counted)
    HEURISTIC.fit(SMALL, niches, CTX)
    assert fitted == {niches.n_users}


@pytest.mark.parametrize(
    "model",
    [SMALL, WMFSGD(dim=6, epochs=6), LightGCN(dim=6, epochs=6), MultiVAE(epochs=6)],
    ids=lambda it: type(it).__name__,
)
def test_it_trains_every_kind_of_differentiable_recommender(model: Any) -> None:
    train = planted()
    scores = _scores(HEURISTIC.fit(model, train, CTX).scorer, train)
    assert scores.isfinite().all()
    assert not torch.allclose(scores, _scores(model.fit(train, CTX), train))


@dataclass(frozen=True)
class Setting:
    """A bandwagon attack on four cold items, and hidden interactions of the users to validate on."""

    train: Interactions
    hidden: Interactions
    attack: Development

    @classmethod
    def of(cls, data: Interactions, seed: int) -> "Setting":
        hidden = hidden_tenth(data, seed)
        train = data.select(~hidden)
        targets = np.arange(80, 100, 5, dtype=np.int32)
        fakes = Bandwagon().craft(Simulation(HEURISTIC, train, CTX)._view(targets, np.full(24, 14), seed))
        return cls(train, data.select(hidden), Development(train, targets, fakes, seed))

    def validate(self, scorer: Scorer, n_users: int) -> float:
        audience = Audience.shuffled(np.arange(n_users), self.train.n_users, 0)
        return validation_quality(scorer, audience, self.train.histories, 100, self.hidden.histories, 0)

    def height(self, settings: GeneratedProfiles | None, attacked: bool, validated: bool = False) -> float:
        """How high the targets are in a model, in bits."""
        data = appended(self.train, self.attack.fakes) if attacked else self.train
        judged = (lambda scorer: self.validate(scorer, data.n_users)) if validated else None
        ctx = FitContext(self.attack.seed, validate=judged)
        model = BPRMF(dim=8, epochs=25, batch_size=256)
        fitted = model.fit(data, ctx) if settings is None else settings.fit(model, data, ctx).scorer
        return self.attack.height(fitted, data.n_users)

    def gain(self, settings: GeneratedProfiles | None, validated: bool = False) -> float:
        return self.height(settings, True, validated) - self.height(settings, False, validated)


def test_less_separates_a_model_under_an_attack_of_another_family_from_its_clean_twin(niches: Interactions) -> None:
    settings = [Setting.of(niches, seed) for seed in range(2)]
    defense = replace(HEURISTIC, weight=1.0)
    undefended, defended = (np.mean([each.gain(given) for each in settings]) for given in (None, defense))
    assert undefended > 0.5
    assert defended < 0.67 * undefended
    heights = [np.mean([each.height(given, attacked=True) for each in settings]) for given in (None, defense)]
    assert heights[1] < heights[0] - 0.05


def test_the_plain_model_is_kept_where_no_round_keeps_its_quality(niches: Interactions) -> None:
    setting = Setting.of(niches, 0)
    plain = setting.height(None, attacked=True, validated=True)
    assert setting.height(replace(HEURISTIC, weight=50.0), attacked=True, validated=True) == plain


def test_of_good_models_the_one_that_resists_the_development_attack_best_is_kept(
    niches: Interactions, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Heights are told: the copy's 3, 1 and 2 after its rounds, the model's 0, so that the second round's is kept."""
    told = iter([3.0, 1.0, 2.0, 0.0, 0.0, 0.0])
    monkeypatch.setattr(Development, "height", lambda self, scorer, n_users: next(told))
    seen: list[torch.Tensor] = []

    def validate(scorer: Scorer) -> float:
        seen.append(_scores(scorer, niches))
        return 1.0

    model = replace(SMALL, every=SMALL.epochs)  # plain training is validated once, and then as it was kept
    kept = HEURISTIC.fit(model, niches, replace(CTX, validate=validate)).scorer
    assert len(seen) == 2 + 3
    assert torch.equal(_scores(kept, niches), seen[-2])


def test_ratings_and_a_family_that_is_not_held_out_are_refused() -> None:
    with pytest.raises(RecbenchError, match="implicit track"):
        HEURISTIC.fit(SMALL, planted(explicit=True), CTX)
    with pytest.raises(RecbenchError, match="hold out another"):
        GeneratedProfiles(families=("bandwagon",))


def test_it_costs_little_quality_on_clean_data(
    ndcg_on_movielens: Callable[[Any], float], protected: Callable[..., Any]
) -> None:
    assert ndcg_on_movielens(protected(GeneratedProfiles())) > 0.95 * ndcg_on_movielens(protected(None))
