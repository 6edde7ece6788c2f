"""Standard recommenders against RecBole's: CPU seconds to RecBole's validation quality, and a million triples.

    python benchmarks/recommenders/race.py quality lightgcn neumf multivae sasrec
    python benchmarks/recommenders/race.py triples bpr-mf lightgcn

in an environment that has RecBole (docs/adapters.md). One thread; every rating is a positive.

`quality`, on ml-100k: 80/10/10 a user at random, for sasrec each user's last two items out. RecBole's model trains with
RecBole's defaults and is validated after every epoch, until more than ten have brought no new best; what counts is the
time to its best epoch. recbench's model has its own defaults, is validated after every epoch, and has arrived once it
is as good. Both are ranked by the same code, whose time counts for neither.

`triples`, on ml-1m: one fit is of one epoch, another one of three; two epochs are the difference. The peak is of the
process, with the data and the imports. Every fit has a process of its own: RecBole's imports slow others down.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import resource
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

# Before torch and NumPy read them; the processes of `triples` inherit them.
os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")

import numpy as np

from recbench.contracts import FitContext, Scorer
from recbench.data.feedback import binarize
from recbench.data.interactions import Interactions
from recbench.data.splits import Split, leave_one_out, ratio_split
from recbench.evaluation.audience import Audience
from recbench.evaluation.ranking import validation_quality
from recbench.libraries import is_library
from recbench.plugins import load_plugins
from recbench.specs import build, expand

RIVALS = {
    "bpr-mf": "recbole:bpr",
    "lightgcn": "recbole:lightgcn",
    "neumf": "recbole:neumf",
    "multivae": "recbole:multivae",
    "sasrec": "recbole:sasrec",
}
SEED = 0
Point = tuple[float, float]
"""CPU seconds of training, and the validation NDCG@10 then."""


class Arrived(Exception):
    """The quality that was wanted is reached."""


def interactions(dataset: str) -> Interactions:
    ((component, _),) = expand(load_plugins(), "dataset", dataset)
    return binarize(build(component, {}).load().interactions)


def made(reference: str, **params: Any) -> Any:
    """The recommender, with these parameters; `every` and `patience` are recbench's alone."""
    ((component, given),) = expand(load_plugins(), "recommender", reference)
    if is_library(reference):
        params = {name: value for name, value in params.items() if name not in ("every", "patience")}
    return build(component, given | params)


def curve(reference: str, split: Callable[..., Split], enough: float = float("inf")) -> list[Point]:
    """How good it was after how much training, after every epoch, until it was good enough."""
    parts = split(interactions("ml-100k"), SEED)
    train = parts.train
    recommender = made(reference, every=1, patience=1000)
    made(reference, epochs=1).fit(train.select(train.users < 50), FitContext(SEED))  # imports and compilation
    audience = Audience.shuffled(np.arange(train.n_users), train.n_users, SEED)
    points: list[Point] = []
    asking = 0.0
    began = time.process_time()

    def validate(scorer: Scorer) -> float:
        nonlocal asking
        asked = time.process_time()
        quality = validation_quality(scorer, audience, train.histories, train.n_items, parts.validation.histories, SEED)
        points.append((asked - began - asking, quality))
        asking += time.process_time() - asked
        if quality >= enough:
            raise Arrived
        return quality

    with contextlib.suppress(Arrived):
        recommender.fit(train, FitContext(SEED, validate=validate))
    return points


def best(points: list[Point]) -> Point:
    return max(points, key=lambda point: (point[1], -point[0]))


def alone(function: Callable[..., Any], *arguments: Any) -> Any:
    """What the function returns in a process of its own."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()


def race(name: str) -> None:
    split = leave_one_out if name == "sasrec" else ratio_split
    theirs = alone(curve, RIVALS[name], split)
    seconds, quality = best(theirs)
    print(f"{RIVALS[name]}: {quality:.4f} after {seconds:.1f} CPU s, best of {len(theirs)} epochs", flush=True)
    ours = alone(curve, name, split, quality)
    reached, found = ours[-1] if ours[-1][1] >= quality else best(ours)
    says = "as good" if found >= quality else "never as good, its best"
    print(
        f"{name}: {says}, {found:.4f} after {reached:.1f} CPU s, {len(ours)} epochs: {reached / seconds:.2f} ×",
        flush=True,
    )


def fitted(reference: str, epochs: int) -> tuple[float, float, int]:
    """CPU seconds of a fit on ml-1m, the process's peak in MiB, and how many interactions it had."""
    train = ratio_split(interactions("ml-1m"), SEED).train
    recommender = made(reference, epochs=epochs)
    recommender.fit(train.select(train.users < 50), FitContext(SEED))
    start = time.process_time()
    recommender.fit(train, FitContext(SEED))
    seconds = time.process_time() - start
    return seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, len(train)


def triples(name: str) -> None:
    for reference in (RIVALS[name], name):
        one, three = (alone(fitted, reference, epochs) for epochs in (1, 3))
        million = (three[0] - one[0]) / 2 / three[2] * 1e6
        print(
            f"{reference}: {million:.1f} CPU s a million triples, {max(one[1], three[1]):.0f} MiB at the peak",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=("quality", "triples"))
    parser.add_argument("models", nargs="+", choices=RIVALS, metavar="MODEL")
    args = parser.parse_args()
    for name in args.models:
        (race if args.part == "quality" else triples)(name)


if __name__ == "__main__":
    main()
