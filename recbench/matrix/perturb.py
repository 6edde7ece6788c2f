"""Stage `perturb`: attack a trained victim, by what it reads or by its tables, and keep how it ranks then.

The victim is the one of stage `fit`, trained once more: a store keeps lists, not models. That it is the same is held
against its scores of the targets before anything is attacked, so that what changes afterwards is the attack's doing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recbench.contracts import (
    AttackerView,
    Budget,
    EvasionAttacker,
    ItemStatistics,
    KnowledgeViolation,
    ParameterAttacker,
    Profiles,
    Protected,
    Queries,
    Ranking,
    RuleViolation,
    Scorer,
    Sequential,
)
from recbench.contracts.perturbation import Ball, Insertions
from recbench.data.interactions import Histories, Interactions
from recbench.evaluation.ragged import entries
from recbench.evaluation.ranking import rank
from recbench.matrix.craft import MAX_LISTS
from recbench.matrix.fit import TOP
from recbench.matrix.injection import Poisoned
from recbench.matrix.instances import instance, recommender_of
from recbench.matrix.measure import measured
from recbench.matrix.prepared import Prepared
from recbench.matrix.surroundings import context, fit_seed, poison, tie_seed
from recbench.seeds import derive_seed
from recbench.store import Artifact

SAME = 1e-3
"""By how many standard deviations a target's score may differ between two trainings that ought to be one."""


@dataclass(frozen=True, eq=False)
class Reader:
    """A sequential scorer whose user k has read history k."""

    victim: Sequential
    histories: Histories

    def score(self, users: NDArray[np.integer]) -> Any:
        """Scores of the next item, [len(users), n_items]."""
        return self.victim.score_histories(chosen(self.histories, users))


def chosen(histories: Histories, lists: NDArray[np.integer]) -> Histories:
    """Some of the histories, in the order in which they are named."""
    _, positions = entries(histories.indptr, lists)
    lengths = histories.lengths[lists]
    return Histories(np.concatenate([[0], np.cumsum(lengths)]), histories.items[positions])


def added_of(size: float, lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many items an evasion attack of a size may add to histories of these lengths: a share, at least one."""
    return np.asarray(np.maximum(1, np.rint(size * lengths)), dtype=np.int64)


@measured
def perturb(arguments: Mapping[str, Any], inputs: Mapping[str, Artifact]) -> Artifact:
    """Train, show the attacker what it declares to know, hold what it changed against the budget, and rank.

    Users are numbered as the victim has them; the attacker's `observed`, its histories and its tables agree. What is
    a candidate stays what it was: an added item is no less one, so that nothing rises by a competitor's leaving.

    Args:
        arguments: `attacker` (spec and `knowledge`), `recommender` (spec), `training` (spec of the robust training, or
            None), `dataset`, `seed`, `size`, `goal`, `group`, `device`, `threads`.
        inputs: `prepared`; `fit`, of the same victim without the attack; `examples`, if it learned from some.

    Returns:
        `top`, `target_ranks`, `target_scores` and `candidates`, as stage `fit` does.

    Raises:
        RuleViolation: a change outside the budget, forbidden knowledge touched, or a victim that cannot be attacked
            so: one that trains to another model each time, or ranks its users otherwise than their histories.
    """
    prepared = Prepared.of(inputs["prepared"])
    poisoned = poison(prepared, None, replica=0)
    scorer = _fitted(arguments, prepared, poisoned, inputs.get("examples"))
    ranked = _ranks(arguments, prepared, poisoned)
    if "evasion" in arguments["attacker"]["provides"]:
        before, attacked = _evaded(arguments, prepared, poisoned.data, scorer)
    else:
        before, attacked = _moved(arguments, prepared, poisoned.data, scorer)
    _hold_same(ranked(before), inputs["fit"], arguments["recommender"]["name"])
    ranking = ranked(attacked())
    return Artifact({name: getattr(ranking, name) for name in ("top", "target_ranks", "target_scores", "candidates")})


def _fitted(arguments: Mapping[str, Any], prepared: Prepared, poisoned: Poisoned, simulated: Artifact | None) -> Scorer:
    """The victim, trained as stage `fit` trains it on clean data."""
    seed = fit_seed(arguments, arguments["recommender"]["name"])
    recommender = recommender_of(arguments["recommender"], seed)
    surroundings = context(prepared, poisoned, arguments, seed, simulated)
    if arguments["training"] is None:
        scorer = recommender.fit(poisoned.data, surroundings)
    else:
        protected = instance(arguments["training"]).fit(recommender, poisoned.data, surroundings)
        if not isinstance(protected, Protected):
            raise RuleViolation(f"robust training returned {type(protected).__name__}; expected Protected")
        scorer = protected.scorer
    if not isinstance(scorer, Scorer):
        raise RuleViolation(f"fit returned {type(scorer).__name__}, which has no score; return a Scorer")
    return scorer


def _ranks(arguments: Mapping[str, Any], prepared: Prepared, poisoned: Poisoned) -> Callable[[Scorer], Ranking]:
    """How a scorer ranks, asked as stage `fit` asks."""
    everybody, targets, ties = poisoned.audience, prepared.targets.ravel(), tie_seed(arguments)
    return lambda scorer: rank(scorer, everybody, prepared.consumed, prepared.train.n_items, targets, TOP, ties)


def _hold_same(found: Ranking, fitted: Artifact, name: str) -> None:
    wanted = fitted.arrays["target_scores"]
    if found.target_scores.shape != wanted.shape or not np.allclose(found.target_scores, wanted, rtol=0, atol=SAME):
        raise RuleViolation(
            f"recommender '{name}' gives other scores than when it was fitted: its training does not repeat, or it "
            "scores users otherwise than their histories, so that an attack's effect cannot be told from noise"
        )


def _evaded(
    arguments: Mapping[str, Any], prepared: Prepared, train: Interactions, scorer: Scorer
) -> tuple[Scorer, Callable[[], Scorer]]:
    """The victim as it reads the true histories, and what makes it read the attacker's."""
    if not isinstance(scorer, Sequential):
        raise RuleViolation(
            f"{type(scorer).__name__} has no score_histories: it reads no history that could be changed"
        )
    attacker: EvasionAttacker = instance(arguments["attacker"])
    histories = train.histories
    targets = prepared.targets[arguments["group"]]
    budget = Insertions(added_of(arguments["size"], histories.lengths), train.n_items, banned=targets)

    def attacked() -> Scorer:
        changed = attacker.perturb(_view(arguments, prepared, train, scorer, budget), histories)
        if not isinstance(changed, Histories):
            raise RuleViolation(f"perturb returned {type(changed).__name__}; expected Histories")
        budget.check(histories, changed)
        return Reader(scorer, changed)

    return Reader(scorer, histories), attacked


def _moved(
    arguments: Mapping[str, Any], prepared: Prepared, train: Interactions, scorer: Scorer
) -> tuple[Scorer, Callable[[], Scorer]]:
    """The victim with its own tables, and what gives it the attacker's."""
    from recbench.contracts import FittedProblem  # loads torch, which other stages may do without

    if not isinstance(scorer, FittedProblem):
        raise RuleViolation(f"{type(scorer).__name__} is no FittedProblem: it has no tables that could be moved")
    attacker: ParameterAttacker = instance(arguments["attacker"])
    problem, tables = scorer.problem, scorer.tables
    if not problem.perturbable:
        raise RuleViolation(f"{type(problem).__name__} calls none of its tables perturbable")
    budget = Ball(np.zeros(0, np.int64), train.n_items, prepared.scale, radius=arguments["size"])

    def attacked() -> Scorer:
        # The attacker gets copies: what it overwrites in place must not become what it is held against.
        own = {name: table.clone() for name, table in tables.items()}
        view = _view(arguments, prepared, train, replace(scorer, tables=own), budget)
        moved = attacker.perturb(view, problem, own)
        budget.check(problem.perturbable, tables, moved)
        return replace(scorer, tables={name: table.detach() for name, table in moved.items()})

    return scorer, attacked


def _view(
    arguments: Mapping[str, Any], prepared: Prepared, train: Interactions, scorer: Scorer, budget: Budget
) -> AttackerView:
    knowledge = frozenset(arguments["attacker"]["knowledge"])
    if "interactions" in knowledge:  # who sees them can count them
        knowledge |= {"statistics"}
    secrets: dict[str, Callable[[], Any]] = {
        "statistics": lambda: ItemStatistics.of(train),
        "interactions": lambda: train,
        "queries": lambda: queries_of(scorer, train),
        "victim": lambda: scorer,
        "defense": lambda: None if arguments["training"] is None else instance(arguments["training"]),
    }
    name = arguments["attacker"]["name"]
    names = (arguments["dataset"], repr(arguments["size"]), arguments["group"], name)
    return AttackerView(
        targets=prepared.targets[arguments["group"]],
        budget=budget,
        goal=arguments["goal"],
        feedback=prepared.feedback,
        n_items=train.n_items,
        seed=derive_seed(arguments["seed"], "perturb", *names),
        knowledge=knowledge,
        catalog=prepared.catalog,
        device=arguments["device"],
        threads=arguments["threads"],
        secrets={kind: secrets[kind]() for kind in sorted(knowledge)},
    )


def queries_of(scorer: Scorer, train: Interactions) -> Queries:
    """The victim as it is deployed: it shows lists of what a history does not hold, and is trained no more."""

    def deployed(profiles: Profiles) -> Callable[[NDArray[np.integer] | Histories, int], NDArray[np.int32]]:
        if len(profiles):
            raise KnowledgeViolation("the victim is trained already; deploy Profiles.empty() to look at it")
        return top

    def top(users: NDArray[np.integer] | Histories, k: int) -> NDArray[np.int32]:
        histories = users if isinstance(users, Histories) else chosen(train.histories, users)
        if not isinstance(scorer, Sequential):
            raise KnowledgeViolation(f"{type(scorer).__name__} answers for users, not for histories")
        given: Any = scorer.score_histories(histories)
        scores = np.array(given.detach().cpu().numpy() if hasattr(given, "detach") else given, dtype=np.float64)
        scores[histories.rows, histories.items] = -np.inf
        return np.argsort(-scores, axis=1, kind="stable")[:, :k].astype(np.int32)

    return Queries(deployed, train.n_users, max_deployments=1, max_lists=MAX_LISTS)
