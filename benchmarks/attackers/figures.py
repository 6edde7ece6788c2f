"""What attacks cost: CPU seconds, and the most memory that a process of their own ever held.

    python benchmarks/attackers/figures.py [sampling leg-up unrolled-gradient unrolling gowalla] [--gib 8]

Every row is a process of its own, whose address space may not grow beyond `--gib`. CPU seconds are of what the row
names; peak memory is of the process, libraries and data included. Data are split 80/10/10 with seed 0, every rating
being a positive on the implicit track; one target of the least popular fifth is pushed; fakes have the lengths of
genuine users drawn at random. One thread.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

# Before torch reads it.
os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np
from tabulate import tabulate

from recbench.contracts import AttackerView, Budget, Feedback, ItemStatistics, RatingScale, numpy_rng
from recbench.data.feedback import binarize, explicit
from recbench.data.splits import ratio_split
from recbench.plugins import load_plugins
from recbench.specs import build, expand

SEED = 0
MANY = 10_000
LARGE = {
    "bandwagon": "",
    "dpa2dl": "epochs=4,rounds=1,groups=1,sampled=64",
    "unrolled-gradient": "epochs=8,steps=4,held_out=1,candidates=2048,checkpoint=true",
}
"""Attacks on gowalla, and settings that a few minutes of CPU time are enough for; the defaults are for ml-100k."""


def attacker(name: str, params: str) -> Any:
    ((component, given),) = expand(load_plugins(), "attacker", f"{name}[{params}]" if params else name)
    return build(component, given)


def view_of(data: str, feedback: Feedback, share: float | None = None, count: int = 0) -> AttackerView:
    """What an attack of a share of the genuine users, or of `count` fakes, sees."""
    plugins = load_plugins()
    ((dataset, given),) = expand(plugins, "dataset", data)
    interactions = build(dataset, given).load().interactions
    interactions = explicit(interactions) if feedback == "explicit" else binarize(interactions, None)
    train = ratio_split(interactions, SEED, 0.1, 0.1).train
    rng = numpy_rng(SEED, "figures")
    known = np.flatnonzero(train.item_counts)
    least = known[np.argsort(train.item_counts[known], kind="stable")][: len(known) // 5]
    sizes = train.user_counts[rng.choice(np.flatnonzero(train.user_counts), count or round(share * train.n_users))]

    def surrogate(name: str, **params: Any) -> Any:
        ((component, given),) = expand(plugins, "recommender", name)
        return build(component, {**given, **params})

    return AttackerView(
        targets=rng.choice(least, 1).astype(np.int32),
        budget=Budget(sizes, train.n_items, RatingScale(1, 5, 1) if feedback == "explicit" else None),
        goal="push",
        feedback=feedback,
        n_items=train.n_items,
        seed=SEED,
        knowledge=frozenset({"interactions", "statistics", "surrogate"}),
        secrets={"interactions": train, "statistics": ItemStatistics.of(train), "surrogate": surrogate},
    )


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    start = time.process_time()
    result = work()
    return time.process_time() - start, result


def sampling(name: str, params: str, feedback: Feedback) -> float:
    """Seconds to sample many profiles, whose lengths are those of genuine users, from a generator once trained."""
    view = view_of("ml-100k", feedback, count=50)
    generator = attacker(name, params).trained(view)
    sizes = numpy_rng(SEED, "sizes").choice(view.observed.user_counts[view.observed.user_counts > 0], MANY)
    seconds, profiles = min((timed(lambda: generator.sample(sizes, SEED)) for _ in range(3)), key=lambda run: run[0])
    profiles.check(Budget(sizes, view.n_items, view.budget.scale))
    assert len(profiles) == MANY
    return seconds


def crafting(name: str, params: str, data: str, feedback: Feedback, share: float | None, count: int) -> float:
    view = view_of(data, feedback, share, count)
    attack = attacker(name, params)
    seconds, profiles = timed(lambda: attack.craft(view))
    profiles.check(view.budget)
    assert len(profiles) == view.budget.n_profiles
    return seconds


ROWS: dict[str, list[tuple[str, Callable[..., float], tuple[Any, ...]]]] = {
    "sampling": [
        (f"{MANY:,} profiles from a generator of {name}, ml-100k", sampling, (name, params, feedback))
        for name, params, feedback in (
            ("gan", "imitation_steps=20,steps=0", "implicit"),
            ("aush", "steps=5", "explicit"),
            ("leg-up", "imitation_steps=5,steps=0", "explicit"),
        )
    ],
    "leg-up": [
        ("leg-up, ml-100k, 1 target, 50 profiles", crafting, ("leg-up", "", "ml-100k", "explicit", None, 50)),
    ],
    "unrolled-gradient": [
        (
            "unrolled-gradient, ml-100k, 1%, 30 outer steps",
            crafting,
            ("unrolled-gradient", "steps=30", "ml-100k", "implicit", 0.01, 0),
        ),
    ],
    "unrolling": [
        (
            f"one outer step, ml-100k, 1%, {epochs} epochs unrolled" + ", checkpoints" * kept,
            crafting,
            (
                "unrolled-gradient",
                f"epochs={epochs},steps=1,held_out=0" + ",checkpoint=true" * kept,
                "ml-100k",
                "implicit",
                0.01,
                0,
            ),
        )
        for kept in (False, True)
        for epochs in (10, 40, 160)
    ],
    "gowalla": [
        (
            f"{name}, gowalla, 1%" + f" [{params}]" * bool(params),
            crafting,
            (name, params, "gowalla", "implicit", 0.01, 0),
        )
        for name, params in LARGE.items()
    ],
}


def one(section: str, index: int, gib: float) -> None:
    """Measure one row in this process."""
    resource.setrlimit(resource.RLIMIT_AS, (int(gib * 2**30), int(gib * 2**30)))
    _, measure, arguments = ROWS[section][index]
    seconds = measure(*arguments)
    print(json.dumps([seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sections", nargs="*", default=list(ROWS), help=", ".join(ROWS))
    parser.add_argument("--gib", type=float, default=8.0)
    parser.add_argument("--row", type=int, help="this row of the one section alone, in this process")
    args = parser.parse_args()
    if args.row is not None:
        one(args.sections[0], args.row, args.gib)
        return
    found = []
    for section in args.sections:
        for index, (label, _, _) in enumerate(ROWS[section]):
            command = [sys.executable, __file__, section, "--row", str(index), "--gib", str(args.gib)]
            ended = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
            if ended.returncode:
                found.append([label, "failed", ""])
            else:
                seconds, peak = json.loads(ended.stdout.splitlines()[-1])
                found.append([label, f"{seconds:.2f}", f"{peak:,.0f}"])
            print("; ".join(found[-1]), flush=True, file=sys.stderr)
    print(tabulate(found, ["what", "CPU s", "peak MiB"], tablefmt="github", disable_numparse=True))


if __name__ == "__main__":
    main()
