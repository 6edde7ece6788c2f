"""`Cell`: one question of the matrix; `Lineup`: the components that meet there, and why some cannot."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product
from typing import Any

from recbench.matrix.choices import NONE, Axes, Choice, Defense, parts
from recbench.matrix.identity import digest_of_members, members
from recbench.matrix.suite import Suite

ON_TRAINED = {"evasion": ("sequential", "histories"), "parameter": ("differentiable", "tables")}
"""The kinds of attack on a trained victim: which victims have what they change."""

UNKNOWN_FAMILIES = frozenset({"", "file"})
"""Of attackers that do not say what they are: no attack can be known to be of another family."""
SIMULABLE = frozenset({"statistics", "interactions", "surrogate"})
"""What a defender has to show to the attackers of its examples: the data, and recommenders of its own."""


@dataclass(frozen=True, eq=False)
class Lineup:
    """What meets in a cell, under the rules of a suite. Thousands of cells share one, and differ in numbers alone.

    Args:
        suite: whose rules hold.
        dataset, recommender: what is attacked.
        attacker, defense: None is the absence of one. A defense may be a pipeline of two components.
        examples: the attackers whose fakes a supervised defense learns from; none of them may be of the attack's
            family. None where the defense is not supervised, or the suite has no examples.
    """

    suite: Suite
    dataset: Choice
    recommender: Choice
    attacker: Choice | None = None
    defense: Defense | None = None
    examples: tuple[Choice, ...] | None = None

    @cached_property
    def question(self) -> dict[str, Any]:
        """The question of the cells; of what is each cell's own there is the place alone. To be read, not changed."""
        suite = self.suite
        data = dict(self.dataset.identity)
        targets = suite.threat.targets
        split: dict[str, Any] = {"kind": suite.split.kind}
        if suite.split.kind != "leave-one-out":
            split["shares"] = list(suite.split.shares)
        question: dict[str, Any] = {
            "dataset": data.pop("name"),
            "data": data,
            "feedback": suite.feedback,
            "positive_from": suite.positive_from,
            "kcore": None if suite.kcore is None else suite.kcore.model_dump(),
            "split": split,
            "seed": None,
            "recommender": self.recommender.identity,
            "attacker": dict(NONE) if self.attacker is None else self.attacker.identity,
            "defense": dict(NONE) if self.defense is None else self.defense.identity,
            "size": None,
            "goal": suite.threat.goal,
            "targets": {"strategy": targets.strategy, "fraction": targets.fraction, "count": targets.count},
            "group": None,
            "replica": None,
        }
        if self.examples is not None and suite.examples is not None:
            attackers = [attacker.identity for attacker in self.examples]
            question["examples"] = {"attackers": attackers, "size": suite.examples.size}
        return question

    @cached_property
    def members(self) -> dict[str, str]:
        """The question's members as they are hashed. To be read, not changed."""
        return members(self.question)

    @cached_property
    def perturbs(self) -> bool:
        """Whether the attack is one on a trained victim: it changes what is read or the tables, not the data."""
        return self.attacker is not None and bool(self.attacker.component.provides & ON_TRAINED.keys())

    @property
    def components(self) -> list[Choice]:
        """The components that take part."""
        chosen = (self.dataset, self.recommender, self.attacker, *parts(self.defense), *(self.examples or ()))
        return [choice for choice in chosen if choice is not None]

    @cached_property
    def detector(self) -> Choice | None:
        """The part of the defense that judges the users of the data."""
        return next((part for part in parts(self.defense) if "sanitizer" in part.component.provides), None)

    @cached_property
    def training(self) -> Choice | None:
        """The part of the defense that trains the victim its own way."""
        return next((part for part in parts(self.defense) if "sanitizer" not in part.component.provides), None)

    @property
    def broken(self) -> str:
        """Why a component cannot be had at all, or nothing."""
        return next((choice.broken for choice in self.components if choice.broken), "")

    def obstacle(self, device: str) -> str:
        """Why the parts do not fit together, or nothing; decided before anything runs."""
        return next(_obstacles(self, device), "")


@dataclass(frozen=True, eq=False)
class Cell:
    """One victim on one split of one data set, under one attack and one defense.

    Args:
        lineup: the components.
        seed: the split seed.
        size: fake profiles as a share of the genuine users, added items as a share of a history, or how far a row
            of a table may move as a share of its length; 0 without an attack.
        group: the target group.
        replica: 1 is the A/A twin of a clean cell, which differs in the permutation of the users alone.
    """

    lineup: Lineup
    seed: int
    size: float = 0.0
    group: int = 0
    replica: int = 0

    @property
    def suite(self) -> Suite:
        return self.lineup.suite

    @property
    def dataset(self) -> Choice:
        return self.lineup.dataset

    @property
    def recommender(self) -> Choice:
        return self.lineup.recommender

    @property
    def attacker(self) -> Choice | None:
        return self.lineup.attacker

    @property
    def defense(self) -> Defense | None:
        return self.lineup.defense

    @cached_property
    def question(self) -> dict[str, Any]:
        """Everything that can move a float of the answer, as JSON."""
        return self.lineup.question | self._numbers

    @cached_property
    def id(self) -> str:
        """`cell_id` of the question."""
        return digest_of_members(self.lineup.members | members(self._numbers))[:20]

    @property
    def _numbers(self) -> dict[str, Any]:
        return {"seed": self.seed, "size": self.size, "group": self.group, "replica": self.replica}

    def __str__(self) -> str:
        attack = "no attack" if self.attacker is None else f"{self.attacker.name} {self.size:g}"
        defense = "no defense" if self.defense is None else self.defense.name
        return f"{self.recommender.name} on {self.dataset.name}, seed {self.seed}: {attack}, {defense}"


def cells_of(suite: Suite, axes: Axes) -> list[Cell]:
    """The product of the axes, each cell once; clean cells and their A/A twins are always among them."""
    cells = []
    attacks = [(None, 0.0), *((attacker, size) for attacker in axes.attackers for size in suite.threat.sizes)]
    attackers, defenses = (None, *axes.attackers), (None, *axes.defenses)
    units = list(product(range(suite.seeds), axes.recommenders, range(suite.threat.targets.groups)))
    for dataset in axes.datasets:
        lineups = {
            met: with_examples(Lineup(suite, dataset, *met), axes.examples)
            for met in product(axes.recommenders, attackers, defenses)
        }
        for seed, recommender, group in units:
            cells += [
                Cell(lineups[recommender, attacker, defense], seed, size, group)
                for attacker, size in attacks
                for defense in defenses
            ]
            cells.append(Cell(lineups[recommender, None, None], seed, group=group, replica=1))
    return list({cell.id: cell for cell in cells}.values())


def with_examples(lineup: Lineup, attackers: Iterable[Choice]) -> Lineup:
    """With those of the attackers that a supervised defense may learn from: of other families than the attack.

    An attack on a trained victim leaves none out: the defense is trained on clean data.
    """
    learns = any("supervised" in part.component.provides for part in parts(lineup.defense))
    if lineup.suite.examples is None or not learns:
        return lineup
    attack = None if lineup.attacker is None or lineup.perturbs else lineup.attacker.component.family
    return replace(lineup, examples=tuple(each for each in attackers if each.component.family != attack))


def _obstacles(lineup: Lineup, device: str) -> Iterator[str]:
    suite, attacker, defense = lineup.suite, lineup.attacker, lineup.defense
    for choice in lineup.components:
        kind, name = choice.component.kind, choice.name
        if choice.component.hardware == "cuda" and not device.startswith("cuda"):
            yield f"{kind} '{name}' needs a CUDA device; this run uses '{device}'"
        if missing := choice.component.requires_data - _available(lineup):
            track = f"'{lineup.dataset.name}' on the {suite.feedback} track"
            yield f"{kind} '{name}' needs data with {_words(missing)}; {track} has none"
        if missing := choice.component.requires_recommender - lineup.recommender.component.provides:
            yield f"{kind} '{name}' needs a recommender that is {_words(missing)}; '{lineup.recommender.name}' is not"
    has = lineup.dataset.component.provides
    if suite.split.kind == "temporal" and "timestamps" not in has:
        yield f"a temporal split needs timestamps; '{lineup.dataset.name}' has none"
    if suite.split.kind == "published" and "split" not in has:
        yield f"'{lineup.dataset.name}' was published without a split"
    if (suite.feedback == "explicit" or suite.positive_from is not None) and "ratings" not in has:
        yield f"the suite needs ratings; '{lineup.dataset.name}' has none"
    if attacker is not None:
        component = attacker.component
        kinds = component.provides & {"poisoning", *ON_TRAINED}
        if len(kinds) != 1:
            wanted = "one of poisoning, evasion and parameter"
            yield f"attacker '{attacker.name}' ({_words(component.provides)}) must provide {wanted}"
        yield from _obstacles_to_perturbing(lineup, attacker)
        yield from _obstacles_to_asking(suite, attacker)
        if missing := component.knowledge - set(suite.threat.offers):
            yield f"attacker '{attacker.name}' needs knowledge of {_words(missing)}; the suite offers none"
    for part in parts(defense):
        if not part.component.provides & {"sanitizer", "robust-training"}:
            yield f"defense '{part.name}' is neither a sanitizer nor robust training"
    if defense is not None:
        yield from _obstacles_to_learning(lineup, defense)


def _obstacles_to_asking(suite: Suite, attacker: Choice) -> Iterator[str]:
    """Why an attacker does not serve the suite's goal on the suite's track."""
    component = attacker.component
    if suite.feedback not in component.feedback:
        yield f"attacker '{attacker.name}' works on the {_words(component.feedback)} track alone"
    elif not component.serves(suite.threat.goal, suite.feedback):
        asked = f"{suite.threat.goal} on the {suite.feedback} track"
        yield f"attacker '{attacker.name}' does not {asked}; its goals: {_words(component.goals)}"


def _obstacles_to_learning(lineup: Lineup, defense: Defense) -> Iterator[str]:
    """Why a supervised defense has nothing to learn from that is not of the attack's own family."""
    if lineup.examples is None:
        return
    if lineup.attacker is not None and not lineup.perturbs:
        family = lineup.attacker.component.family
        if family in UNKNOWN_FAMILIES:
            unknown = f"attacker '{lineup.attacker.name}' declares no family, so none can be left out"
            yield f"{unknown} of what defense '{defense.name}' learns from"
        elif not lineup.examples:
            yield f"all of the suite's examples are of family {family}; defense '{defense.name}' learns from others"
    for example in lineup.examples:
        learned = f"defense '{defense.name}' would learn from attacker '{example.name}'"
        if "poisoning" not in example.component.provides:
            yield f"{learned}, which crafts no profiles"
        elif example.component.family in UNKNOWN_FAMILIES:
            yield f"{learned}, which declares no family"
        elif missing := example.component.knowledge - SIMULABLE:
            yield f"{learned}, which needs knowledge of {_words(missing)}; a defender has none to show"
        yield from _obstacles_to_asking(lineup.suite, example)


def _obstacles_to_perturbing(lineup: Lineup, attacker: Choice) -> Iterator[str]:
    """Why an attack cannot change this trained victim; nothing of an attack on the training data."""
    for kind in sorted(attacker.component.provides & ON_TRAINED.keys()):
        capability, changed = ON_TRAINED[kind]
        if capability not in lineup.recommender.component.provides:
            needs = f"attacker '{attacker.name}' changes the {changed} of a recommender that is {capability}"
            yield f"{needs}; '{lineup.recommender.name}' is not"
        if missing := attacker.component.knowledge & {"surrogate"}:
            needs = f"attacker '{attacker.name}' needs knowledge of {_words(missing)}"
            yield f"{needs}; a trained victim is attacked without"
        if lineup.detector is not None:
            judged = f"defense '{lineup.detector.name}' judges the training data"
            yield f"{judged}, which attacker '{attacker.name}' leaves as it is"


def _available(lineup: Lineup) -> frozenset[str]:
    """What the data has on the suite's track."""
    provides = lineup.dataset.component.provides
    return provides if lineup.suite.feedback == "explicit" else provides - {"ratings"}


def _words(words: Iterable[str]) -> str:
    return ", ".join(sorted(words)) or "nothing declared"
