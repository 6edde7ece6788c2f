"""Full ranking: ask a scorer about everybody, in chunks, and keep what the metrics need.

Candidates of a user are all items that the user has not consumed in training or validation. Ties are
broken by a random order of the items, one a run, never by item id.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from recbench.contracts.metric import Ranking
from recbench.data.interactions import Histories
from recbench.evaluation.quality import Relevance, ndcg
from recbench.evaluation.ragged import entries
from recbench.evaluation.scores import checked_scores
from recbench.evaluation.topk import Block, Layout, top_k
from recbench.seeds import numpy_rng

if TYPE_CHECKING:
    from recbench.contracts.recommender import Scorer
    from recbench.evaluation.audience import Audience

CHUNK_BYTES = 8 << 20
"""Scores of a chunk. Larger chunks leave the cache between the passes over them and are slower."""
CHUNK_USERS = 64
"""The least users of a chunk, however large the catalogue: matrix products of fewer rows are slow."""


def rank(
    scorer: Scorer,
    audience: Audience,
    consumed: Histories,
    n_items: int,
    targets: NDArray[np.integer],
    k: int,
    seed: int,
) -> Ranking:
    """Rank every candidate of every user.

    Args:
        scorer: the fitted model; it is asked about every user of the audience.
        audience: whom to ask about, in what order.
        consumed: the n genuine users' training and validation items, in clean numbering.
        n_items: size of the catalogue.
        targets: [t], the items whose ranks are wanted.
        k: length of the top lists; -1 fills the list of a user with fewer candidates.
        seed: the run's seed for breaking ties.

    Returns:
        The ranking of the genuine users, in clean numbering.

    Raises:
        InvalidScores: scores of a wrong shape or type, or that are not finite, for anyone.
    """
    n = audience.n_genuine
    if len(consumed) != n:
        raise ValueError(f"{len(consumed)} histories for {n} genuine users")
    layout = Layout.of(n_items, k)
    place = np.full(layout.width, n_items, dtype=np.int32)
    place[:n_items] = numpy_rng(seed, "ties").permutation(n_items)
    top = np.full((n, k), -1, dtype=np.int32)
    target_ranks = np.zeros((n, len(targets)), dtype=np.int32)
    target_scores = np.zeros((n, len(targets)), dtype=np.float32)

    size = max(CHUNK_USERS, CHUNK_BYTES // (4 * layout.width))
    block: Block = np.empty((0, layout.width), dtype=np.float32)
    for start in range(0, len(audience.users), size):
        chunk = slice(start, start + size)
        scores = checked_scores(scorer, audience.users[chunk], n_items)
        if block.dtype != scores.dtype or len(block) < len(scores):
            block = np.full((len(scores), layout.width), -np.inf, dtype=scores.dtype)
        block = block[: len(scores)]
        rows = audience.rows[chunk]
        genuine = np.flatnonzero(rows >= 0)
        numbers = rows[genuine]
        np.copyto(block[:, :n_items], scores)
        lists, positions = entries(consumed.indptr, numbers)
        masked = genuine[lists], consumed.items[positions]
        block[masked] = -np.inf
        top[numbers, : layout.k] = top_k(block, layout, place)[genuine]
        if len(targets):
            target_ranks[numbers] = _target_ranks(block, layout, place, targets)[genuine]
            target_scores[numbers] = _standardized(block[:, :n_items], masked, targets)[genuine]
    return Ranking(top, target_ranks, target_scores, (n_items - consumed.lengths).astype(np.int32))


def validation_quality(
    scorer: Scorer,
    audience: Audience,
    consumed: Histories,
    n_items: int,
    validation: Histories,
    seed: int,
    k: int = 10,
) -> float:
    """NDCG@k on the validation items of the genuine users who have any: what `FitContext.validate` computes.

    Args:
        scorer: the model so far; it is asked about every user of the audience.
        audience: whom to ask about, in what order: it does not tell who has validation items.
        consumed: the n genuine users' training items, in clean numbering.
        n_items: size of the catalogue.
        validation: their validation items [n lists].
        seed: the run's seed for breaking ties.
        k: cut-off.

    Raises:
        InvalidScores: see `rank`.
        ValueError: nobody has a validation item.
    """
    if not len(validation.items):
        raise ValueError("no user has a validation item; train without validation")
    ranking = rank(scorer, audience, consumed, n_items, np.zeros(0, np.int64), k, seed)
    return float(ndcg(Relevance.of(ranking.top, validation), k).mean())


def _standardized(
    scores: Block, masked: tuple[NDArray[np.int64], NDArray[np.int32]], targets: NDArray[np.integer]
) -> NDArray[np.float64]:
    """The targets' scores [b, t] less the mean of each user's candidates, over their deviation.

    What a user has consumed, the cells `masked`, is no candidate: a model may score it as it likes. 0 where the target
    is no candidate, and where the candidates' scores do not differ.
    """
    candidates = np.maximum(scores.shape[1] - np.bincount(masked[0], minlength=len(scores)), 1)[:, None]
    deviations = scores.astype(np.float64)
    deviations[masked] = 0
    mean = deviations.sum(axis=1, keepdims=True) / candidates
    deviations -= mean
    deviations[masked] = 0
    std = np.sqrt(np.einsum("ij,ij->i", deviations, deviations)[:, None] / candidates)
    # A constant row differs from its own mean by rounding only.
    spread = std > 8 * np.finfo(scores.dtype).eps * np.abs(mean)
    return np.where(spread, deviations[:, targets] / np.where(spread, std, 1), 0)


def _target_ranks(
    block: Block, layout: Layout, place: NDArray[np.int32], targets: NDArray[np.integer]
) -> NDArray[np.int64]:
    """The rank [b, t] of each target among the row's candidates, 0 where it is none; 1 is the top."""
    ranks = np.zeros((len(block), len(targets)), dtype=np.int64)
    flags = np.empty(block.shape, dtype=np.bool_)
    for column, target in enumerate(targets):
        own = block[:, target, None]
        ranks[:, column] = 1 + layout.count(np.greater(block, own, out=flags))
        tied = np.flatnonzero(layout.count(np.equal(block, own, out=flags)) > 1)
        ranks[tied, column] += layout.count(flags[tied] & (place < place[target]))
    ranks[block[:, targets] == -np.inf] = 0
    return ranks
