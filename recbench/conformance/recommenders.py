"""Checks of recommenders."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr

from recbench.conformance.check import Failed, NotApplicable, Subject, check
from recbench.conformance.every_kind import ListenedSeed
from recbench.conformance.exercise import context_of, data_of
from recbench.conformance.planted import Preferences, hidden_seed, interactions, preference_blocks, scores_of
from recbench.contracts import Scorer, numpy_rng
from recbench.data import Interactions
from recbench.data.feedback import binarize
from recbench.store import Artifact, Store

DRAWS = 3
"""Planted tasks a statement about learning is tried on."""
MARGIN = 0.1
"""How much better, in the share of wanted items that are found: far above what chance does in `DRAWS` tasks."""
TOLERANCE = 1e-3
"""What float32 may do to a rank correlation."""


def fitted(subject: Subject, train: Interactions, seed: int = 0, named: NDArray[np.integer] | None = None) -> Scorer:
    """The component fitted to planted data, with ratings only where it reads them.

    Args:
        named: the item whose title each item has, where not its own.
    """
    track = train if data_of(subject).ratings is not None else binarize(train)
    ctx = context_of(subject, train.n_items, seed)
    if named is not None:
        ctx = replace(ctx, catalog=ctx.catalog.select(named))
    scorer: Scorer = subject.build().fit(track, ctx)
    return scorer


class ByPopularity:
    """Scores every item by how often it occurs."""

    def __init__(self, train: Interactions) -> None:
        self._counts = train.item_counts

    def score(self, users: NDArray[np.integer]) -> NDArray[np.int64]:
        return np.tile(self._counts, (len(users), 1))


def _learners_only(subject: Subject) -> None:
    if subject.component.family == "heuristic":
        raise NotApplicable("its family is heuristic: a baseline that claims to learn nothing")


@check("recommender", guards=("D18",))
def scores_have_a_row_a_user_and_a_column_an_item(subject: Subject) -> None:
    """A poisoned file was numbered anew while clean ids were kept, and the wrong items were scored."""
    train = data_of(subject)
    scorer = fitted(subject, train)
    for users in (np.arange(train.n_users), np.array([5, 2, 5]), np.zeros(0, dtype=np.int64)):
        shape = tuple(scorer.score(users.astype(np.int32)).shape)
        if shape != (len(users), train.n_items):
            raise Failed(f"score of {len(users)} users is {shape}; return [{len(users)}, {train.n_items}]")
    everyone = scores_of(scorer, train.n_users)
    some = np.array([7, 3, 7, 30])
    if not np.allclose(_array(scorer.score(some)), everyone[some], rtol=1e-4, atol=1e-5):
        raise Failed("a user's scores depend on who else is asked for; score every user alone, in the order asked")


def _array(scores: Any) -> NDArray[np.float64]:
    return np.asarray(scores.detach().cpu() if hasattr(scores, "detach") else scores, dtype=np.float64)


@check("recommender", guards=("D25",))
def its_state_survives_the_store_without_pickle(subject: Subject) -> None:
    """Pickles run code when they are read and break between versions; a state must be plain arrays."""
    if "persistent" not in subject.component.provides:
        raise NotApplicable("it does not provide 'persistent'")
    state: Any = fitted(subject, data_of(subject))
    arrays = dict(state.state())
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder))
        store.put("state", Artifact(arrays))
        read = store.get("state").arrays
        if any(not np.array_equal(arrays[name], read[name]) for name in arrays):
            raise Failed("its state is another one after the store; return plain NumPy arrays")
    if not arrays:
        raise Failed("its state is empty; return the arrays that the model is made of")


@check("recommender", guards=("D12", "D20", "D21", "D26", "D33"))
def it_beats_popularity_on_planted_preferences(subject: Subject) -> None:
    """Optimizers held another model's parameters, sizes were used as biases, ranking added what training had not:
    models that had learned nothing carried right names."""
    _learners_only(subject)
    tasks = [preference_blocks(f"beats-{k}") for k in range(DRAWS)]
    own = np.mean([task.quality(fitted(subject, task.train, k)) for k, task in enumerate(tasks)])
    popular = np.mean([task.quality(ByPopularity(task.train)) for task in tasks])
    if own < popular + MARGIN:
        raise Failed(
            f"it finds {own:.0%} of what users of planted blocks want; popularity finds {popular:.0%}: it learns "
            "nobody's taste; look at whether parameters move and whether scores use them"
        )


@check("recommender", guards=("D33", "D37", "D44"))
def it_learns_more_from_more_data(subject: Subject) -> None:
    """A fifth of each profile went to an internal validation set, the last batch was dropped: a part of the data, and
    of every attack, was never trained on."""
    _learners_only(subject)
    few, half, all_ = (np.mean([_quality_after(subject, k, shown) for k in range(DRAWS)]) for shown in (2, 4, 8))
    popular = np.mean([_task(k, 8).quality(ByPopularity(_task(k, 8).train)) for k in range(DRAWS)])
    if all_ < popular + MARGIN:
        raise NotApplicable("it learns nothing from these tasks at all, which another check says")
    if all_ < max(few, half) + MARGIN:
        raise Failed(
            f"it finds {few:.0%}, {half:.0%} and {all_:.0%} of what users want after 2, 4 and 8 clicks of each; it "
            "must find more: train on every interaction that it is given"
        )


def _task(draw: int, shown: int) -> Preferences:
    return preference_blocks(f"more-{draw}", first=shown)


def _quality_after(subject: Subject, draw: int, shown: int) -> float:
    task = _task(draw, shown)
    return task.quality(fitted(subject, task.train, draw))


@check("recommender", guards=("D14", "D29"))
def relabelling_users_and_items_permutes_its_scores(subject: Subject) -> None:
    """Item ids of one data set were written into the code, and ids came from iterating a set: results hung on names.
    A relabelled run may differ from the first by no more than another seed does."""
    task = preference_blocks("relabel")
    rng = numpy_rng(hidden_seed("relabel-ids"))
    users, items = rng.permutation(task.train.n_users), rng.permutation(task.train.n_items)
    seed = ListenedSeed(1)
    first = scores_of(fitted(subject, task.train, seed), task.train.n_users)
    other = fitted(subject, _relabelled(task, users, items), 1, named=np.argsort(items))
    relabelled = scores_of(other, task.train.n_users)[users][:, items]
    agreement = _agreement(first, relabelled)
    allowed = 1 - TOLERANCE
    if seed.asked:
        allowed = _agreement(first, scores_of(fitted(subject, task.train, 2), task.train.n_users)) - MARGIN
    if agreement < allowed:
        raise Failed(
            f"after relabelling users and items its rankings agree with the first ones by {agreement:.3f} (rank "
            f"correlation; {allowed:.3f} is asked for): it reads meaning into ids"
        )


def _relabelled(task: Preferences, users: NDArray[np.int64], items: NDArray[np.int64]) -> Interactions:
    train = task.train
    return interactions(users[train.users], items[train.items], train.n_users, train.n_items, train.ratings)


def _agreement(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    """The rank correlation of users' scores, the mean over users; 1 where both rank nothing."""
    flat = (np.ptp(first, axis=1) == 0) | (np.ptp(second, axis=1) == 0)
    pairs = [
        spearmanr(np.round(a, 6), np.round(b, 6)).statistic for a, b in zip(first[~flat], second[~flat], strict=True)
    ]
    same = np.all(np.isclose(first[flat], second[flat]))
    return float(np.mean(pairs)) if pairs else float(same)
