"""The peer's part: implicit's own full-ranking evaluation of given factors. Runs in the peer's environment."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from implicit.cpu.als import AlternatingLeastSquares
from implicit.evaluation import ranking_metrics_at_k
from measure import load, report

path, k, repeats = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
users, items, train, test = load(path)
model = AlternatingLeastSquares(factors=users.shape[1], num_threads=1)
model.user_factors, model.item_factors = users, items
everybody = np.arange(len(users))


def lists() -> float:
    model.recommend(everybody, train, N=k, filter_already_liked_items=True)
    return float("nan")


def evaluation() -> float:
    return float(ranking_metrics_at_k(model, train, test, K=k, show_progress=False, num_threads=1)["ndcg"])


report("implicit, lists alone", lists, repeats)
report("implicit, evaluation", evaluation, repeats)
