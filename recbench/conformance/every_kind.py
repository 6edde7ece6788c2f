"""Checks of every kind of component."""

from __future__ import annotations

import hashlib
import os
import random
import subprocess
import sys
from dataclasses import dataclass, fields, is_dataclass
from importlib.metadata import entry_points
from typing import Any

import numpy as np
import torch

from recbench.conformance.check import Failed, NotApplicable, Subject, check
from recbench.conformance.exercise import Arrays, context_of, data_of, exercise, outcome, small_data
from recbench.conformance.problems import waits_of_a_step
from recbench.conformance.shared import shared
from recbench.conformance.waits import waiting
from recbench.conformance.watch import Seen, watching
from recbench.data import Interactions
from recbench.data.feedback import binarize
from recbench.errors import RecbenchError
from recbench.hookspecs import GROUP


def same(first: Arrays, second: Arrays) -> bool:
    """Whether two runs agree to the bit."""
    return first.keys() == second.keys() and all(np.array_equal(first[k], second[k]) for k in first)


@check()
def the_entry_module_imports_without_torch(subject: Subject) -> None:
    """Listing what is installed imports every plugin's entry module; one that imports torch makes each command slow,
    and fails on a machine whose torch is broken."""
    package = subject.component.factory.partition(":")[0].partition(".")[0]
    modules = sorted({entry.module for entry in entry_points(group=GROUP) if entry.module.split(".")[0] == package})
    if not modules:
        raise NotApplicable("it comes from a file or from a package without an entry point of group 'recbench'")
    code = (
        "import importlib, sys; [importlib.import_module(name) for name in sys.argv[1:]]; print('torch' in sys.modules)"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", code, *modules], capture_output=True, text=True, env=environment, check=False
    )
    if done.returncode:
        raise Failed(f"{modules[0]} cannot be imported: {done.stderr.strip().splitlines()[-1]}")
    if done.stdout.split()[-1] != "False":
        raise Failed(
            f"importing {modules[0]} imports torch; name the classes as 'module:Class' and import nothing else"
        )


PROMISES = {
    "differentiable": "problem",
    "poisoning": "craft",
    "evasion": "perturb",
    "parameter": "perturb",
    "sanitizer": "inspect",
    "robust-training": "fit",
}
"""The method that a capability of a component stands for."""
SCORER_PROMISES = {"sequential": "score_histories", "ratings": "predict", "persistent": "state"}
"""The method that a capability of a recommender's fitted model stands for."""


@check()
def what_it_provides_is_there(subject: Subject) -> None:
    """A capability that is declared and not implemented turns every cell that needs it into a crash, and one that is
    implemented and not declared is never used."""
    kind, provides = subject.component.kind, subject.component.provides
    thing = subject.build()
    needed = {word: method for word, method in PROMISES.items() if word in provides}
    if kind in ("attacker", "defense") and not needed:
        raise Failed(f"it provides none of its kind's capabilities; declare provides={{'{_first_of(kind)}'}}")
    for word, method in needed.items():
        if not callable(getattr(thing, method, None)):
            raise Failed(f"it provides '{word}' without a method {method}; write it, or do not declare it")
    if kind == "recommender":
        if "differentiable" not in provides and callable(getattr(thing, "problem", None)):
            raise Failed("it has a method problem; declare provides={'differentiable'} so that attacks may use it")
        scorer = thing.fit(small_data(), context_of(subject, small_data().n_items))
        for word, method in SCORER_PROMISES.items():
            if word in provides and not callable(getattr(scorer, method, None)):
                raise Failed(f"it provides '{word}', but its scorer has no {method}; write it, or do not declare it")


def _first_of(kind: str) -> str:
    return {"attacker": "poisoning", "defense": "sanitizer"}[kind]


class ListenedSeed(int):
    """A seed that notes whether a stream is derived from it: `derive_seed` asks for its value."""

    asked = False

    def __int__(self) -> int:
        self.asked = True
        return super().__int__()


@dataclass(frozen=True, eq=False)
class Observation:
    """One watched run of a component.

    Args:
        arrays: what came out.
        seen: what it did beside computing.
        asked: it used its seed.
        moved: global generators that are in another state than before.
        changed: why one can tell that it changed its data; empty where it did not.
        waited: operations in its training that wait for the device.
        gradients: how many it asked for meanwhile.
    """

    arrays: Arrays
    seen: Seen
    asked: bool
    moved: tuple[str, ...]
    changed: str
    waited: tuple[str, ...]
    gradients: int


_observed: dict[str, Observation] = {}


def observed(subject: Subject) -> Observation:
    """One run, watched; kept, since most statements about every kind are about the same run."""
    key = f"{subject.component!r} {sorted(subject.params.items())!r}"
    if key not in _observed:
        _observed[key] = shared("observation", lambda: _observe(subject))
    return _observed[key]


def _observe(subject: Subject) -> Observation:
    small = data_of(subject)
    # In memory of its own, so that what damages it damages no other check.
    data = Interactions(small.users.copy(), small.items.copy(), small.n_users, small.n_items, small.ratings)
    left = outcome()
    given = left if subject.component.kind == "metric" else data
    digests, seed, before = _digests(given), ListenedSeed(1), _global_states()
    changed = ""
    with watching() as seen:
        subject.build()  # a library that its module imports may draw as it is imported
        # A state that no plugin leaves behind: one that seeds with 0 twice would else seem to have done nothing.
        random.seed(0x5EED)
        np.random.seed(0x5EED)  # noqa: NPY002
        torch.manual_seed(0x5EED)
        states = _global_states()
        try:
            with waiting() as waits:
                arrays = exercise(subject, seed=seed, train=data, left=left)
        except ValueError as error:
            if "read-only" not in str(error):
                raise
            arrays, changed = {}, f"it writes into the data that it is given ({error}); copy first"
    if not changed and _digests(given) != digests:
        changed = "it changes the data that it is given; copy first, before torch.from_numpy too"
    moved = tuple(name for name, state in _global_states().items() if state != states[name])
    _restore(before)
    return Observation(arrays, seen, seed.asked, moved, changed, tuple(waits.between), waits.gradients)


def _digests(given: Any) -> list[str]:
    """Of all arrays that it is made of."""
    if isinstance(given, np.ndarray):
        return [hashlib.sha256(given.tobytes()).hexdigest()]
    parts = (getattr(given, each.name) for each in fields(given)) if is_dataclass(given) else ()
    return [digest for part in parts for digest in _digests(part)]


def _restore(states: dict[str, Any]) -> None:
    random.setstate(states["random"])
    name, keys, *rest = states["numpy.random"]
    np.random.set_state((name, np.frombuffer(keys, dtype=np.uint32), *rest))  # noqa: NPY002
    torch.set_rng_state(torch.tensor(list(states["torch"]), dtype=torch.uint8))


def _global_states() -> dict[str, Any]:
    legacy: Any = np.random.get_state(legacy=True)  # noqa: NPY002
    return {
        "random": random.getstate(),
        "numpy.random": (legacy[0], legacy[1].tobytes(), *legacy[2:]),
        "torch": torch.get_rng_state().numpy().tobytes(),
    }


@check("recommender", "attacker", "defense", "metric", guards=("D25", "D35"))
def the_same_seed_gives_the_same_result_to_the_bit(subject: Subject) -> None:
    """Only CUDA was seeded while parameters were made on the CPU; fakes were sampled from a Python set. A result that
    does not repeat cannot be paired with its clean twin."""
    if not same(observed(subject).arrays, exercise(subject, seed=1)):
        raise Failed("two runs with one seed differ; draw only from recbench.seeds, with the seed that you are given")


@check("recommender", "attacker", "defense", guards=("D47",))
def another_seed_gives_another_result_where_chance_is_used(subject: Subject) -> None:
    """A shuffle was computed and not used: every run began from the same users, and five seeds were one run."""
    if not observed(subject).asked:
        raise NotApplicable("it never asks for its seed: it is deterministic")
    if all(same(observed(subject).arrays, exercise(subject, seed=other)) for other in (2, 3, 4)):
        raise Failed("it derives streams from its seed and four seeds give one result; use what you draw")


@check("recommender", "attacker", "defense", "metric", guards=("D35", "D49"))
def global_random_state_is_untouched(subject: Subject) -> None:
    """One shared stream couples what should be independent: adding fakes changed the item table's initialization, so
    that clean and attacked runs differed by noise."""
    if moved := observed(subject).moved:
        raise Failed(f"it draws from or seeds the global generator of {', '.join(moved)}; use recbench.seeds")


@check("recommender", "attacker", "defense", "metric", guards=("D10",))
def what_it_is_given_is_left_unchanged(subject: Subject) -> None:
    """A view of the data was overwritten in place, and every later run read corrupted data."""
    if changed := observed(subject).changed:
        raise Failed(changed)


@check("recommender", "attacker", "defense", "metric")
def it_does_not_use_the_network(subject: Subject) -> None:
    """A weight file fetched on the way makes a run depend on somebody's server, and fails on a cluster."""
    if network := observed(subject).seen.network:
        raise Failed(f"it tried {network[0]}; ship what it needs, or fetch it as a data set with a checksum")


@check("recommender", "attacker", "defense", "metric", guards=("D7",))
def it_writes_no_files_outside_its_folder(subject: Subject) -> None:
    """Caches beside the code, keyed by a name and a size, gave stale graphs and stale fakes to later runs."""
    if written := observed(subject).seen.written:
        raise Failed(f"it wrote {written[0]}; keep nothing between runs: the store caches whole stages")


@check("recommender", "attacker", "defense", "metric")
def everything_it_returns_is_finite(subject: Subject) -> None:
    """One NaN makes every comparison false, and the item that it scores is never or always recommended."""
    both = {"explicit": small_data(), "implicit": binarize(small_data())}
    tracks = {track: data for track, data in both.items() if track in subject.component.feedback}
    refused = 0
    for track, data in tracks.items():
        try:
            # The watched run is one on this track.
            watched = (data.ratings is None) == (data_of(subject).ratings is None)
            arrays = (watched and observed(subject).arrays) or exercise(subject, train=data)
        except RecbenchError as refusal:
            refused += 1
            if refused == len(tracks):
                raise Failed(f"it runs on no track: {refusal}") from refusal
            continue
        for name, array in arrays.items():
            if not np.isfinite(array).all():
                raise Failed(f"{name} holds values that are not finite on the {track} track; find where they arise")


@check("recommender", "attacker", "defense", guards=("D25", "D35"))
def tensors_are_made_on_the_device_it_is_given(subject: Subject) -> None:
    """A hard-coded .cuda() does not run on a CPU, and a forgotten device= is silent until somebody has a GPU. Here the
    default device is one that holds no data, so that whatever was made without device= shows."""
    expected = observed(subject).arrays
    try:
        with torch.device("meta"):
            found = exercise(subject, seed=1)
    except Exception as error:
        raise Failed(
            f"with another default device it fails ({_short(error)}); pass device= wherever a tensor is made"
        ) from error
    # Not to the bit: what does not repeat is another check's business.
    if any(not np.allclose(expected[name], found[name], rtol=1e-3, atol=1e-4) for name in expected):
        raise Failed("its result depends on torch's default device; pass device= wherever a tensor is made")


TELLING = 10
"""Gradients from which on one can tell what happens at every step from what happens at times."""


@check("recommender", "attacker", "defense")
def a_training_step_does_not_wait_for_the_device(subject: Subject) -> None:
    """A .item() or a boolean mask in the loss stops the host at every step until a GPU has caught up; most of a run
    was spent on such waits."""
    advice = "which waits for the device; keep numbers as tensors, index with torch.where, give sizes that are known"
    differentiable = "differentiable" in subject.component.provides
    if differentiable and (waited := waits_of_a_step(subject)):
        raise Failed(f"losses, penalty or gradients call {waited[0]}, {advice}")
    seen = observed(subject)
    if seen.gradients < TELLING:
        if differentiable:
            return
        raise NotApplicable(
            f"between steps of torch's optimizers it asks for {seen.gradients} gradients: too few to tell"
        )
    # A step may need a number now and then; not one for every gradient.
    if len(seen.waited) >= seen.gradients:
        called = f"{seen.waited[0]} {len(seen.waited)} times for {seen.gradients} gradients"
        raise Failed(f"its training calls {called}, {advice}")


def _short(error: BaseException) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:160]}"
