"""Stage `prepare`: a data set becomes train, validation, test and target groups."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recbench.contracts import Data, RatingScale
from recbench.data.feedback import binarize, explicit
from recbench.data.interactions import Interactions
from recbench.data.kcore import k_core
from recbench.data.splits import Split, leave_one_out, published_split, ratio_split, temporal_split
from recbench.errors import DataError
from recbench.matrix.instances import instance
from recbench.matrix.measure import measured
from recbench.matrix.own_data import OwnData
from recbench.matrix.prepared import Prepared
from recbench.seeds import derive_seed, numpy_rng
from recbench.store import Artifact


@measured
def prepare(arguments: Mapping[str, Any], inputs: Mapping[str, Artifact]) -> Artifact:
    """Load, cut to the track and the k-core, split, and draw the targets.

    Args:
        arguments: `dataset` (spec), `feedback`, `positive_from`, `kcore`, `split`, `targets`, `seed`.
        inputs: none.

    Raises:
        DataError: the data cannot be had, or is not fit for the suite.
    """
    name, seed = arguments["dataset"]["name"], arguments["seed"]
    dataset = instance(arguments["dataset"])
    data: Data = dataset.load()
    if isinstance(dataset, OwnData):
        dataset.check(data, arguments["dataset"]["version"])
    scale = _scale(dataset, data) if arguments["feedback"] == "explicit" else None
    data = replace(data, interactions=_track(data.interactions, arguments))
    if arguments["kcore"] is not None:
        data = k_core(data, arguments["kcore"]["users"], arguments["kcore"]["items"])
    split = _split(data, arguments["split"], derive_seed(seed, "split", name))
    targets = draw_targets(split.train, arguments["targets"], derive_seed(seed, "targets", name))
    return Prepared(split, targets, data.catalog, scale).artifact()


def draw_targets(
    train: Interactions, rule: Mapping[str, Any], seed: int, without: NDArray[np.integer] | None = None
) -> NDArray[np.int32]:
    """Disjoint groups of target items, int32 [groups, count].

    Args:
        train: popularity is counted here, so that targets say nothing about the test data; items
            without a training interaction are no targets, since no victim knows anything of them.
        rule: `strategy` (`unpopular`, `popular`, `random`), `fraction` of the items, from that end of
            the order of popularity, to draw from, `groups` and `count`.
        seed: decides ties at the edge of the fraction, and the draw; group `g` is the same whatever the
            number of groups.
        without: items that are not to be drawn.

    Raises:
        DataError: fewer items than targets.
    """
    rng = numpy_rng(seed, "draw")
    known = np.flatnonzero(train.item_counts)
    if without is not None:
        known = np.setdiff1d(known, without)
    order = known[np.lexsort((rng.random(len(known)), train.item_counts[known]))]
    end = max(round(len(order) * rule["fraction"]), 1)
    pool = {"unpopular": order[:end], "popular": order[::-1][:end], "random": order}[rule["strategy"]]
    wanted = rule["groups"] * rule["count"]
    if wanted > len(pool):
        raise DataError(
            f"{rule['groups']} groups of {rule['count']} targets need {wanted} items; {len(pool)} are "
            f"{rule['strategy']} enough. Take more data, or a suite with fewer threat.targets.groups, a lower count "
            "or a higher fraction"
        )
    return rng.permutation(pool)[:wanted].reshape(rule["groups"], rule["count"]).astype(np.int32)


def _track(interactions: Interactions, arguments: Mapping[str, Any]) -> Interactions:
    if arguments["feedback"] == "explicit":
        return explicit(interactions)
    return binarize(interactions, arguments["positive_from"])


def _split(data: Data, rule: Mapping[str, Any], seed: int) -> Split:
    interactions = data.interactions
    if rule["kind"] == "leave-one-out":
        return leave_one_out(interactions, seed)
    _, validation, test = rule["shares"]
    if rule["kind"] == "published":
        if data.published is None:
            raise DataError("the data comes without a published split; split by ratio, time or leave-one-out")
        return published_split(interactions, data.published, seed, validation)
    if rule["kind"] == "temporal":
        return temporal_split(interactions, validation, test)
    return ratio_split(interactions, seed, validation, test)


def _scale(dataset: Any, data: Data) -> RatingScale:
    grid = dataset.scale(data) if isinstance(dataset, OwnData) else dataset.info.scale
    if grid is None:
        raise DataError("the data set has no ratings; use the implicit track")
    return grid if isinstance(grid, RatingScale) else RatingScale(*grid)
