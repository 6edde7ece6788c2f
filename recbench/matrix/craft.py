"""Stage `craft`: an attacker spends its budget on fake profiles."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recbench.contracts import (
    AttackerView,
    Budget,
    Differentiable,
    FitContext,
    ItemStatistics,
    KnowledgeViolation,
    Pipeline,
    Profiles,
    Queries,
    RuleViolation,
    Sequential,
)
from recbench.data.interactions import Histories
from recbench.errors import PluginError, suggestion
from recbench.evaluation.ranking import rank
from recbench.matrix.injection import draw_templates, inject
from recbench.matrix.instances import component_of, instance, recommender_of
from recbench.matrix.measure import measured
from recbench.matrix.prepared import Prepared
from recbench.matrix.surroundings import context, fit_seed, tie_seed
from recbench.seeds import derive_seed
from recbench.specs import build
from recbench.store import MEASURED, Artifact

Top = Callable[[NDArray[np.integer] | Histories, int], NDArray[np.int32]]
"""The top k items of users or of histories."""

MAX_DEPLOYMENTS = 20
MAX_LISTS = 10_000
"""What an attacker that queries the victim may spend: retrainings, and lists looked at."""


def fakes_of(size: float, n_users: int) -> int:
    """How many fakes an attack size comes to: at least one."""
    return max(1, round(size * n_users))


@measured
def craft(arguments: Mapping[str, Any], inputs: Mapping[str, Artifact]) -> Artifact:
    """Show the attacker what it declares to know, let it craft, and hold the result against the budget.

    Args:
        arguments: `attacker` (spec and `knowledge`), `surrogates` (specs), `victim` (spec or None), `defense`
            (specs of its parts: none, one, or a detector and the training after it), `dataset`, `seed`,
            `size`, `goal`, `group`, `device`, `threads`.
        inputs: `prepared`.

    Returns:
        `indptr`, `items`, `ratings` (explicit track) and `templates`, the genuine user [m] that each
        fake resembles in length and time.

    Raises:
        RuleViolation: profiles outside the budget, forbidden knowledge touched, no profiles at all.
    """
    profiles = crafted(Prepared.of(inputs["prepared"]), arguments)
    return replace(profiles, meta={MEASURED: {"profiles": len(profiles.arrays["templates"])}})


def crafted(prepared: Prepared, arguments: Mapping[str, Any]) -> Artifact:
    """What stage `craft` does, on data that may be anyone's view of the data set; arguments and errors are its."""
    train = prepared.train
    count = fakes_of(arguments["size"], train.n_users)
    templates = draw_templates(train, count, _seed(arguments, "templates"))
    budget = Budget(train.user_counts[templates], train.n_items, prepared.scale)
    knowledge = frozenset(arguments["attacker"]["knowledge"])
    if "interactions" in knowledge:  # who sees them can count them
        knowledge |= {"statistics"}
    view = AttackerView(
        targets=prepared.targets[arguments["group"]],
        budget=budget,
        goal=arguments["goal"],
        feedback=prepared.feedback,
        n_items=train.n_items,
        seed=_seed(arguments, "craft", arguments["attacker"]["name"]),
        knowledge=knowledge,
        catalog=prepared.catalog,
        device=arguments["device"],
        threads=arguments["threads"],
        secrets={kind: _secret(kind, prepared, templates, arguments) for kind in sorted(knowledge)},
    )
    profiles = instance(arguments["attacker"]).craft(view)
    if not isinstance(profiles, Profiles):
        raise RuleViolation(f"craft returned {type(profiles).__name__}; expected Profiles")
    profiles.check(budget)
    if len(profiles) == 0:
        raise RuleViolation("craft returned no profile; the budget allows at least one")
    arrays: dict[str, NDArray[Any]] = {
        "indptr": profiles.indptr,
        "items": profiles.items,
        "templates": templates[: len(profiles)],
    }
    if profiles.ratings is not None:
        arrays["ratings"] = profiles.ratings
    return Artifact(arrays)


def _seed(arguments: Mapping[str, Any], stream: str, *names: str) -> int:
    """Of one attack; `templates` are the same for every attacker, so that none has a luckier budget."""
    size, group = repr(arguments["size"]), arguments["group"]
    return derive_seed(arguments["seed"], stream, arguments["dataset"], size, group, *names)


def _secret(kind: str, prepared: Prepared, templates: NDArray[np.int64], arguments: Mapping[str, Any]) -> Any:
    """What there is to see of one kind of knowledge."""
    if kind == "statistics":
        return ItemStatistics.of(prepared.train)
    if kind == "interactions":
        return prepared.train
    if kind == "surrogate":
        return _surrogates(arguments["surrogates"])
    if kind == "queries":
        return _queries(prepared, templates, arguments)
    if kind == "victim":
        # In clean numbering: whom the attacker sees here are the users of what it has observed.
        seed = fit_seed(arguments, arguments["victim"]["name"])
        surroundings = FitContext(seed, arguments["device"], arguments["threads"], prepared.catalog)
        return recommender_of(arguments["victim"], seed).fit(prepared.train, surroundings)
    parts = [instance(spec) for spec in arguments["defense"]]
    return Pipeline(*parts) if len(parts) == 2 else next(iter(parts), None)


def _surrogates(specs: list[Mapping[str, Any]]) -> Callable[..., Differentiable]:
    known = {spec["name"]: spec for spec in specs}

    def surrogate(name: str, **params: Any) -> Differentiable:
        if name not in known:
            raise PluginError(f"no differentiable recommender '{name}' for a surrogate{suggestion(name, known)}")
        recommender = build(component_of(known[name]), params)
        if not isinstance(recommender, Differentiable):
            raise PluginError(f"recommender '{name}' says it is differentiable and is not")
        return recommender

    return surrogate


def _queries(prepared: Prepared, templates: NDArray[np.int64], arguments: Mapping[str, Any]) -> Queries:
    def retrain(profiles: Profiles) -> Top:
        return _deploy(profiles, prepared, templates, arguments)

    return Queries(retrain, prepared.train.n_users, MAX_DEPLOYMENTS, MAX_LISTS)


def _deploy(profiles: Profiles, prepared: Prepared, templates: NDArray[np.int64], arguments: Mapping[str, Any]) -> Top:
    """Retrain the victim on what the attacker wants to try, and answer with lists."""
    train = prepared.train
    profiles.check(Budget(train.user_counts[templates], train.n_items, prepared.scale))
    poisoned = inject(train, profiles, templates, _seed(arguments, "deployment"))
    # Not the seed of the fit that is judged: an attack tuned on it would overfit it.
    seed = _seed(arguments, "deployment fit")
    scorer = recommender_of(arguments["victim"], seed).fit(poisoned.data, context(prepared, poisoned, arguments, seed))

    def top(users: NDArray[np.integer] | Histories, k: int) -> NDArray[np.int32]:
        if not isinstance(users, Histories):
            ties = tie_seed(arguments)
            ranking = rank(scorer, poisoned.audience, train.histories, train.n_items, train.items[:0], k, ties)
            return np.asarray(ranking.top[users])
        if not isinstance(scorer, Sequential):
            raise KnowledgeViolation(f"victim '{arguments['victim']['name']}' answers for users, not for histories")
        scores = np.array(scorer.score_histories(users), dtype=np.float64)
        scores[users.rows, users.items] = -np.inf
        return np.argsort(-scores, axis=1, kind="stable")[:, :k].astype(np.int32)

    return top
