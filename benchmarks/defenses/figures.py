"""What defenses cost: detectors on ml-1m, and adversarial training beside the plain training of its victim.

    OMP_NUM_THREADS=1 python benchmarks/defenses/figures.py [--parts detectors] [--victims bpr-mf] [--rounds 3]

Detectors judge the training part (80%, implicit) of ml-1m; each has a process of its own, which has read the data
before the clock starts. What is shown is its CPU seconds and the peak of its memory, data and libraries included. The
limits are 60 CPU seconds and 4 GiB.

A step of adversarial training is held against a step of plain training, batches drawn and optimizer included. Robust
training as a whole is held against the plain training of the same victim on ml-100k (80/10/10, defaults, validation as
in a cell), ranking of all users included. They take turns, so that a busy machine slows down all of them, and the ratio
is that of the least seconds of each over the rounds. The limit is 2.5.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from tabulate import tabulate

from recbench.contracts import FitContext, Params, Scorer, Step
from recbench.contracts.training import _descent
from recbench.data import Interactions
from recbench.data.splits import Split, ratio_split
from recbench.evaluation.audience import Audience
from recbench.evaluation.ranking import validation_quality
from recbench.plugins import load_plugins
from recbench.specs import build, expand

SEED = 0
SECONDS, MEMORY, RATIO = 60, 4.0, 2.5
PARTS = ("steps", "training", "detectors")
STEPS = {"bpr-mf": 40, "lightgcn": 12}
PLAIN = "plain"
VICTIMS, TRAININGS = ("bpr-mf", "lightgcn"), ("adversarial-training", "vat")


def made(kind: Any, reference: str) -> Any:
    ((component, params),) = expand(load_plugins(), kind, reference)
    return build(component, params)


def split(dataset: str) -> Split:
    """By clicks: every rating is one."""
    data: Interactions = made("dataset", dataset).load().interactions
    clicks = Interactions(data.users, data.items, data.n_users, data.n_items)
    return ratio_split(clicks, SEED)


def seconds(work: Callable[[], Any]) -> float:
    """CPU seconds of this process."""
    start = time.process_time()
    work()
    return time.process_time() - start


def inspect(detector: str) -> None:
    """Measure one detector in this process and print what was found, as JSON."""
    train, judge = split("ml-1m").train, made("defense", detector)
    spent = seconds(lambda: judge.inspect(train, FitContext(SEED)))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20  # KiB on Linux
    print(json.dumps([spent, peak]))


def detectors() -> list[list[str]]:
    """A row a detector; one that fails is a row with its reason."""
    rows = []
    for component in load_plugins().components("defense"):
        if "sanitizer" in component.provides:
            done = subprocess.run(
                [sys.executable, __file__, "--inspect", component.name], capture_output=True, text=True
            )
            if done.returncode:
                rows.append([component.name, "", "", done.stderr.strip().splitlines()[-1]])
                continue
            spent, peak = json.loads(done.stdout.splitlines()[-1])
            kept = spent <= SECONDS and peak <= MEMORY
            rows.append([component.name, f"{spent:.1f}", f"{peak:.2f}", "yes" if kept else "no"])
    return rows


def steps() -> list[list[str]]:
    """One step of each training from the same start on the same batches, in turns: the least CPU time and its ratio."""
    train, rows = split("ml-100k").train, []
    for victim, count in STEPS.items():
        problem = made("recommender", victim).problem(train, FitContext(SEED))
        vat = made("defense", "vat")
        losses: dict[str, Step | None] = {
            PLAIN: None,
            "adversarial-training": made("defense", "adversarial-training").step,
            "vat": lambda problem, params, batch, vat=vat: vat.step(problem, params, batch, vat.weight),
        }
        descend = {name: _descent(problem, cloned(problem.init(SEED)), loss) for name, loss in losses.items()}
        drawn = seconds(lambda problem=problem: list(problem.batches(SEED, 0)))
        batches = [batch for epoch in range(count) for batch in problem.batches(SEED, epoch)][:count]
        share = drawn / len(list(problem.batches(SEED, 0)))
        found: dict[str, list[float]] = {name: [] for name in descend}
        for batch in batches:
            for name, take in descend.items():
                found[name].append(seconds(partial(take, batch)))
        spent = {name: share + min(each) for name, each in found.items()}
        rows += [[victim, name, f"{1e3 * one:.1f}", f"{one / spent[PLAIN]:.2f}"] for name, one in spent.items()]
    return rows


def cloned(params: Params) -> Params:
    return {name: value.clone().requires_grad_() for name, value in params.items()}


def trainings(victims: Sequence[str], rounds: int) -> list[list[str]]:
    """A row a victim and a robust training."""
    parts = split("ml-100k")
    everybody = Audience.shuffled(np.arange(parts.train.n_users), parts.train.n_users, SEED)

    def validate(scorer: Scorer) -> float:
        train, wanted = parts.train, parts.validation
        return validation_quality(scorer, everybody, train.histories, train.n_items, wanted.histories, SEED)

    def fitted(victim: str, training: str) -> None:
        ctx, model = FitContext(SEED, validate=validate), made("recommender", victim)
        plain = training == PLAIN
        validate(
            model.fit(parts.train, ctx) if plain else made("defense", training).fit(model, parts.train, ctx).scorer
        )

    rows = []
    for victim in victims:
        spent: dict[str, list[float]] = {training: [] for training in (PLAIN, *TRAININGS)}
        for _ in range(rounds):
            for training, each in spent.items():
                each.append(seconds(partial(fitted, victim, training)))
                print(f"{victim}, {training}: {each[-1]:.2f} CPU s", file=sys.stderr)
        plain, *robust = (min(each) for each in spent.values())
        for training, least in zip(TRAININGS, robust, strict=True):
            rows.append([victim, training, f"{plain:.2f}", f"{least:.2f}", f"{least / plain:.2f}"])
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description="What defenses cost.")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--victims", nargs="+", choices=VICTIMS, default=VICTIMS)
    parser.add_argument("--inspect", help="measure this detector alone, in this process")
    given = parser.parse_args()
    if given.inspect:
        inspect(given.inspect)
        return
    if "steps" in given.parts:
        headings = ["victim", "training", "a step, CPU ms", "ratio"]
        print(tabulate(steps(), headings, "pipe", disable_numparse=True), flush=True)
    if "training" in given.parts:
        headings = ["victim", "training", "plain, CPU s", "robust, CPU s", f"ratio, at most {RATIO}"]
        print(tabulate(trainings(given.victims, given.rounds), headings, "pipe", disable_numparse=True), flush=True)
    if "detectors" in given.parts:
        headings = ["detector", "CPU s", "peak GiB", f"within {SECONDS} s and {MEMORY:g} GiB"]
        print(tabulate(detectors(), headings, "pipe", disable_numparse=True))


if __name__ == "__main__":
    main()
