"""The files of NGCF and LightGCN: one line a user with the items in no order, one file for train, one for test."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from recbench.contracts.dataset import Data
from recbench.data import Interactions, Split
from recbench.data.readers import read_interactions

REPOSITORY = "https://raw.githubusercontent.com/kuandeng/LightGCN/master/Data/"
CITATION = (
    "X. He, K. Deng, X. Wang, Y. Li, Y. Zhang, M. Wang: LightGCN: Simplifying and Powering Graph Convolution Network "
    "for Recommendation. SIGIR 2020, 639-648. doi:10.1145/3397271.3401063"
)
TRAPS = (
    "no ratings and no timestamps, and the items of a user are in no order: leave-one-out means nothing",
    "published figures train on the whole of train.txt and have no validation: ask for the split `published`, with a "
    "share of 0 for validation to repeat them",
    "many papers selected their settings on test.txt",
    "a 10-core: cut harder than most shops' data, so results do not carry over to rare users and items",
)


def read_lightgcn(folder: Path) -> Data:
    """Read `train.txt` and `test.txt`, packed or not; items in ascending order, whatever order a carrier has."""
    data = read_interactions(folder, form="sequences")
    assert data.published is not None
    split = data.published
    parts = Split(*(_ascending(part) for part in (split.train, split.validation, split.test)))
    return replace(data, interactions=_ascending(data.interactions), published=parts)


def _ascending(part: Interactions) -> Interactions:
    order = np.argsort(part.users.astype(np.int64) * part.n_items + part.items, kind="stable")
    return Interactions(part.users[order], part.items[order], part.n_users, part.n_items)
