"""Plugins that go wrong, each in one way, referred to by path: `plugins_faulty.py:Segfaults`."""

from __future__ import annotations

import ctypes
import os
import random
import signal
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from recbench.contracts import (
    AttackerView,
    FitContext,
    PoisoningAttacker,
    Profiles,
    Protected,
    Recommender,
    RobustTraining,
    Sanitizer,
    Scorer,
    Verdict,
)
from recbench.data.interactions import Interactions

PIDS = Path("pids")
"""Where those that start a process say which: one file a process, in the folder of the run."""


@dataclass(frozen=True, eq=False)
class Scores:
    """Scores every user alike."""

    row: Any

    def score(self, users):
        return np.broadcast_to(self.row, (len(users), len(self.row)))


def popularity(train: Interactions) -> Scores:
    return Scores(train.item_counts.astype(np.float32))


def targets_only(view: AttackerView) -> Profiles:
    """One profile of as many targets as the budget lets it hold."""
    chosen = view.targets[: view.budget.sizes[0]]
    return Profiles.from_pairs(np.zeros(len(chosen), np.int64), chosen, 1)


# Recommenders that end badly.


@dataclass(frozen=True)
class Raises(Recommender):
    def fit(self, train: Interactions, ctx: FitContext) -> Scorer:
        raise ZeroDivisionError("no\nluck")


@dataclass(frozen=True)
class ExitsQuietly(Recommender):
    def fit(self, train: Interactions, ctx: FitContext) -> Scorer:
        os._exit(0)


@dataclass(frozen=True)
class Segfaults(Recommender):
    def fit(self, train: Interactions, ctx: FitContext) -> Scorer:
        ctypes.string_at(0)
        raise AssertionError("unreachable")


@dataclass(frozen=True)
class ClosesItsStreams(Recommender):
    def fit(self, train: Interactions, ctx: FitContext) -> Scorer:
        sys.stdout.close()
        sys.stderr.close()
        raise LookupError("said in silence")


@dataclass(frozen=True)
class FitsNothing(Recommender):
    def fit(self, train: Interactions, ctx: FitContext) -> Scorer:
        return None


@dataclass(frozen=True)
class GivesNan(Recommender):
    def fit(self, train: Interactions, ctx: FitContext) -> Scorer:
        row = train.item_counts.astype(np.float32)
        row[3] = np.nan
        return Scores(row)


@dataclass(frozen=True)
class GivesInfinity(Recommender):
    def fit(self, train: Interactions, ctx: FitContext) -> Scorer:
        row = train.item_counts.astype(np.float32)
        row[4] = np.inf
        return Scores(row)


@dataclass(frozen=True)
class GivesOneColumnTooMany(Recommender):
    def fit(self, train: Interactions, ctx: FitContext) -> Scorer:
        return Scores(np.zeros(train.n_items + 1, np.float32))


@dataclass(frozen=True)
class GivesIntegers(Recommender):
    def fit(self, train: Interactions, ctx: FitContext) -> Scorer:
        return Scores(train.item_counts)


@dataclass(frozen=True)
class GivesObjects(Recommender):
    def fit(self, train: Interactions, ctx: FitContext) -> Scorer:
        return Scores(train.item_counts.astype(object))


@dataclass(frozen=True)
class WritesIntoItsInput(Recommender):
    def fit(self, train: Interactions, ctx: FitContext) -> Scorer:
        train.items[0] = 0
        return popularity(train)


# Recommenders that leave something behind, and are otherwise as good as any.


@dataclass(frozen=True)
class WritesIntoItsInputThroughTorch(Recommender):
    def fit(self, train: Interactions, ctx: FitContext) -> Scorer:
        import torch

        fitted = popularity(train)
        for array in (train.users, train.items):
            torch.from_numpy(array).zero_()
        return fitted


@dataclass(frozen=True)
class ChangesGlobalState(Recommender):
    def fit(self, train: Interactions, ctx: FitContext) -> Scorer:
        import torch

        np.random.seed(7)  # noqa: NPY002
        random.seed(7)
        torch.manual_seed(7)
        torch.set_default_dtype(torch.float64)
        torch.set_num_threads(2)
        np.seterr(all="ignore")
        os.environ["OMP_NUM_THREADS"] = "2"
        return popularity(train)


@dataclass(frozen=True)
class LeavesThreads(Recommender):
    def fit(self, train: Interactions, ctx: FitContext) -> Scorer:
        for _ in range(3):
            threading.Thread(target=time.sleep, args=(300,)).start()
        return popularity(train)


@dataclass(frozen=True)
class LeavesADaemon(Recommender):
    """A grandchild in a session of its own, whose parent is dead."""

    def fit(self, train: Interactions, ctx: FitContext) -> Scorer:
        told = PIDS / str(os.getpid())
        child = os.fork()
        if child == 0:
            os.setsid()
            if os.fork() == 0:
                PIDS.mkdir(exist_ok=True)
                told.with_suffix(".new").write_text(str(os.getpid()))
                told.with_suffix(".new").rename(told)
                time.sleep(300)
            os._exit(0)
        os.waitpid(child, 0)
        while not told.exists():
            time.sleep(0.005)
        return popularity(train)


# Attackers: an attack is crafted once, so what takes long is here.


@dataclass(frozen=True)
class LoopsForEver(PoisoningAttacker):
    def craft(self, view: AttackerView) -> Profiles:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        while True:
            pass


@dataclass(frozen=True)
class EatsMemory(PoisoningAttacker):
    def craft(self, view: AttackerView) -> Profiles:
        held = []
        while True:
            held.append(np.ones(1 << 23))


@dataclass(frozen=True)
class FillsTheDisk(PoisoningAttacker):
    """Writes until the system refuses, and does not clean up."""

    def craft(self, view: AttackerView) -> Profiles:
        with open(tempfile.mkstemp()[1], "wb", buffering=0) as file:
            while True:
                file.write(bytes(1 << 20))


@dataclass(frozen=True)
class PrintsAGigabyte(PoisoningAttacker):
    def craft(self, view: AttackerView) -> Profiles:
        print("the beginning", flush=True)
        block = (b"x" * 1023 + b"\n") * 1024
        for _ in range(1024):
            os.write(1, block)
        raise RuntimeError("the end")


@dataclass(frozen=True)
class Overspends(PoisoningAttacker):
    def craft(self, view: AttackerView) -> Profiles:
        items = np.arange(view.budget.sizes[0] + 1)
        return Profiles.from_pairs(np.zeros(len(items), np.int64), items, 1)


@dataclass(frozen=True)
class RaisesItsOwnBudget(PoisoningAttacker):
    """Writes into the budget that it is shown, then spends what is written there."""

    def craft(self, view: AttackerView) -> Profiles:
        view.budget.sizes[:] = view.n_items
        items = np.arange(view.n_items)
        return Profiles.from_pairs(np.zeros(len(items), np.int64), items, 1)


@dataclass(frozen=True)
class SendsTooMany(PoisoningAttacker):
    def craft(self, view: AttackerView) -> Profiles:
        count = view.budget.n_profiles + 1
        return Profiles.from_pairs(np.arange(count), np.zeros(count, np.int64), count)


@dataclass(frozen=True)
class Peeks(PoisoningAttacker):
    component: ClassVar[dict[str, Any]] = {"knowledge": {"statistics"}}

    def craft(self, view: AttackerView) -> Profiles:
        return targets_only(view) if len(view.observed) else Profiles.empty()


@dataclass(frozen=True)
class CraftsAList(PoisoningAttacker):
    def craft(self, view: AttackerView) -> Profiles:
        return [[1, 2, 3]]


@dataclass(frozen=True)
class CraftsFractions(PoisoningAttacker):
    def craft(self, view: AttackerView) -> Profiles:
        return Profiles(np.array([0, 2]), np.array([1.0, np.nan]))


@dataclass(frozen=True)
class WritesIntoItsTargets(PoisoningAttacker):
    def craft(self, view: AttackerView) -> Profiles:
        view.targets[0] = 0
        return targets_only(view)


# Defenses.


@dataclass(frozen=True)
class InspectionRaises(Sanitizer):
    def inspect(self, train: Interactions, ctx: FitContext) -> Verdict:
        raise ValueError("nothing to see")


@dataclass(frozen=True)
class SuspectsNan(Sanitizer):
    def inspect(self, train: Interactions, ctx: FitContext) -> Verdict:
        return Verdict(np.full(train.n_users, np.nan), np.ones(train.n_users, dtype=bool))


@dataclass(frozen=True)
class JudgesTooFew(Sanitizer):
    def inspect(self, train: Interactions, ctx: FitContext) -> Verdict:
        return Verdict(np.zeros(train.n_users - 1), np.ones(train.n_users - 1, dtype=bool))


@dataclass(frozen=True)
class ReturnsAMask(Sanitizer):
    def inspect(self, train: Interactions, ctx: FitContext) -> Verdict:
        return np.ones(train.n_users, dtype=bool)


@dataclass(frozen=True)
class ProtectsNothing(RobustTraining):
    def fit(self, recommender: Recommender, train: Interactions, ctx: FitContext) -> Protected:
        return recommender.fit(train, ctx)


@dataclass(frozen=True)
class SuspectsInfinity(RobustTraining):
    def fit(self, recommender: Recommender, train: Interactions, ctx: FitContext) -> Protected:
        return Protected(recommender.fit(train, ctx), np.full(train.n_users, np.inf))
