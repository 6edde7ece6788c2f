"""Whether lists, verdicts and profiles can come from a data set at all; each function gives the first contradiction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recbench.contracts import Budget, BudgetViolation
from recbench.evaluation.places import places
from recbench.matrix.craft import fakes_of
from recbench.matrix.fit import TOP
from recbench.matrix.injection import draw_templates
from recbench.matrix.prepared import Prepared
from recbench.matrix.surroundings import profiles_of
from recbench.seeds import derive_seed
from recbench.store import Artifact


def budget_of(prepared: Prepared, question: Mapping[str, Any]) -> tuple[Budget, NDArray[np.int64]]:
    """What the attack of a question may spend, and the templates of its fakes, drawn as stage `craft` draws them."""
    train, size, group = prepared.train, question["size"], question["group"]
    seed = derive_seed(question["seed"], "templates", question["dataset"], repr(size), group)
    templates = draw_templates(train, fakes_of(size, train.n_users), seed)
    return Budget(train.user_counts[templates], train.n_items, prepared.scale), templates


def impossible_profiles(profiles: Artifact, prepared: Prepared, question: Mapping[str, Any]) -> str:
    """Why no attack within the budget has made the profiles, or nothing."""
    budget, templates = budget_of(prepared, question)
    crafted = profiles_of(profiles)
    try:
        crafted.check(budget)
    except BudgetViolation as error:
        return f"over the budget: {error}"
    if not np.array_equal(profiles.arrays["templates"], templates[: len(crafted)]):
        return "the templates are not those that are drawn for this attack"
    return ""


def impossible_verdict(verdict: Artifact, prepared: Prepared, n_fakes: int) -> str:
    """Why no detector has judged the users so, or nothing."""
    judged, users = len(verdict.arrays["keep"]), prepared.train.n_users + n_fakes
    return "" if judged == users else f"it judges {judged} users; there are {users}"


def impossible_lists(fitted: Artifact, prepared: Prepared, n_fakes: int) -> str:
    """Why no victim ranks so, or nothing: the targets' ranks and the lists tell the same, of candidates alone."""
    top, ranks = fitted.arrays["top"], fitted.arrays["target_ranks"]
    n_users, n_items, targets = prepared.train.n_users, prepared.train.n_items, prepared.targets.ravel()
    if top.shape != (n_users, TOP) or ranks.shape != (n_users, len(targets)):
        return (
            f"lists of shape {top.shape} and ranks of shape {ranks.shape} for {n_users} users, {len(targets)} targets"
        )
    for name, length in (("suspicion", n_users + n_fakes), ("predicted", len(prepared.split.test))):
        if name in fitted.arrays and len(fitted.arrays[name]) != length:
            return f"{name} is of {len(fitted.arrays[name])} values; expected {length}"
    if top.min() < -1 or top.max() >= n_items:
        return f"item ids reach from {top.min()} to {top.max()}; the catalogue has {n_items}"
    candidates = n_items - prepared.consumed.lengths
    if not np.array_equal(fitted.arrays["candidates"], candidates):
        return "the numbers of candidates are not those of the data"
    lengths = np.minimum(candidates, TOP)
    if not np.array_equal(top >= 0, np.arange(TOP) < lengths[:, None]):
        return "a list is shorter than its candidates allow"
    ordered = np.sort(top, axis=1)
    if ((ordered[:, 1:] == ordered[:, :-1]) & (ordered[:, 1:] >= 0)).any():
        return "a list holds an item twice"
    if (places(top, prepared.consumed) >= 0).any():
        return "a list holds an item that the user has consumed already"
    consumed = places(np.broadcast_to(targets, ranks.shape), prepared.consumed) >= 0
    if ((ranks == 0) != consumed).any() or (ranks < 0).any() or (ranks > candidates[:, None]).any():
        return "a target's rank is not among the user's candidates"
    listed = (ranks > 0) & (ranks <= TOP)
    there = np.take_along_axis(top, np.clip(ranks - 1, 0, TOP - 1), axis=1)
    if (listed & (there != targets)).any():
        return "a list does not have a target at the target's rank"
    if (np.isin(top, targets).sum(axis=1) != listed.sum(axis=1)).any():
        return "a list has a target that is ranked below it"
    return ""
