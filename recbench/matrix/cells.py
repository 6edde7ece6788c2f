"""`Cell`: one question of the matrix, and why some cannot be asked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from recbench.matrix.choices import NONE, Axes, Choice, Defense, parts
from recbench.matrix.identity import cell_id
from recbench.matrix.suite import Suite

ON_TRAINED = {"evasion": ("sequential", "histories"), "parameter": ("differentiable", "tables")}
"""The kinds of attack on a trained victim: which victims have what they change."""

UNKNOWN_FAMILIES = frozenset({"", "file"})
"""Of attackers that do not say what they are: no attack can be known to be of another family."""
SIMULABLE = frozenset({"statistics", "interactions", "surrogate"})
"""What a defender has to show to the attackers of its examples: the data, and recommenders of its own."""


@dataclass(frozen=True, eq=False)
class Cell:
    """One victim on one split of one data set, under one attack and one defense.

    Args:
        suite: whose rules hold.
        dataset, recommender: what is attacked.
        seed: the split seed.
        attacker, defense: None is the absence of one. A defense may be a pipeline of two components.
        size: fake profiles as a share of the genuine users, added items as a share of a history, or how far a row
            of a table may move as a share of its length; 0 without an attack.
        group: the target group.
        replica: 1 is the A/A twin of a clean cell, which differs in the permutation of the users alone.
        examples: the attackers whose fakes a supervised defense learns from; none of them may be of the attack's
            family. None where the defense is not supervised, or the suite has no examples.
    """

    suite: Suite
    dataset: Choice
    seed: int
    recommender: Choice
    attacker: Choice | None = None
    defense: Defense | None = None
    size: float = 0.0
    group: int = 0
    replica: int = 0
    examples: tuple[Choice, ...] | None = None

    @cached_property
    def question(self) -> dict[str, Any]:
        """Everything that can move a float of the answer, as JSON."""
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
            "seed": self.seed,
            "recommender": self.recommender.identity,
            "attacker": dict(NONE) if self.attacker is None else self.attacker.identity,
            "defense": dict(NONE) if self.defense is None else self.defense.identity,
            "size": self.size,
            "goal": suite.threat.goal,
            "targets": {"strategy": targets.strategy, "fraction": targets.fraction, "count": targets.count},
            "group": self.group,
            "replica": self.replica,
        }
        if self.examples is not None and suite.examples is not None:
            attackers = [attacker.identity for attacker in self.examples]
            question["examples"] = {"attackers": attackers, "size": suite.examples.size}
        return question

    @cached_property
    def id(self) -> str:
        return cell_id(self.question)

    @property
    def perturbs(self) -> bool:
        """Whether the attack is one on a trained victim: it changes what is read or the tables, not the data."""
        return self.attacker is not None and bool(self.attacker.component.provides & ON_TRAINED.keys())

    @property
    def components(self) -> list[Choice]:
        """The components that take part."""
        chosen = (self.dataset, self.recommender, self.attacker, *parts(self.defense), *(self.examples or ()))
        return [choice for choice in chosen if choice is not None]

    @property
    def detector(self) -> Choice | None:
        """The part of the defense that judges the users of the data."""
        return next((part for part in parts(self.defense) if "sanitizer" in part.component.provides), None)

    @property
    def training(self) -> Choice | None:
        """The part of the defense that trains the victim its own way."""
        return next((part for part in parts(self.defense) if "sanitizer" not in part.component.provides), None)

    @property
    def broken(self) -> str:
        """Why a component of the cell cannot be had at all, or nothing."""
        return next((choice.broken for choice in self.components if choice.broken), "")

    def obstacle(self, device: str) -> str:
        """Why the cell's parts do not fit together, or nothing; decided before anything runs."""
        return next(_obstacles(self, device), "")

    def __str__(self) -> str:
        attack = "no attack" if self.attacker is None else f"{self.attacker.name} {self.size:g}"
        defense = "no defense" if self.defense is None else self.defense.name
        return f"{self.recommender.name} on {self.dataset.name}, seed {self.seed}: {attack}, {defense}"


def cells_of(suite: Suite, axes: Axes) -> list[Cell]:
    """The product of the axes, each cell once; clean cells and their A/A twins are always among them."""
    cells = []
    groups = range(suite.threat.targets.groups)
    attacks = [(None, 0.0), *((attacker, size) for attacker in axes.attackers for size in suite.threat.sizes)]
    for dataset in axes.datasets:
        for seed in range(suite.seeds):
            for recommender in axes.recommenders:
                for group in groups:
                    cells += [
                        with_examples(
                            Cell(suite, dataset, seed, recommender, attacker, defense, size, group), axes.examples
                        )
                        for attacker, size in attacks
                        for defense in (None, *axes.defenses)
                    ]
                    cells.append(Cell(suite, dataset, seed, recommender, group=group, replica=1))
    return list({cell.id: cell for cell in cells}.values())


def with_examples(cell: Cell, attackers: Iterable[Choice]) -> Cell:
    """The cell with those of the attackers that a supervised defense may learn from: of other families than its attack.

    An attack on a trained victim leaves none out: the defense is trained on clean data.
    """
    if cell.suite.examples is None or not any("supervised" in part.component.provides for part in parts(cell.defense)):
        return cell
    attack = None if cell.attacker is None or cell.perturbs else cell.attacker.component.family
    return replace(cell, examples=tuple(each for each in attackers if each.component.family != attack))


def _obstacles(cell: Cell, device: str) -> Iterator[str]:
    suite, attacker, defense = cell.suite, cell.attacker, cell.defense
    for choice in cell.components:
        kind, name = choice.component.kind, choice.name
        if choice.component.hardware == "cuda" and not device.startswith("cuda"):
            yield f"{kind} '{name}' needs a CUDA device; this run uses '{device}'"
        if missing := choice.component.requires_data - _available(cell):
            track = f"'{cell.dataset.name}' on the {suite.feedback} track"
            yield f"{kind} '{name}' needs data with {_words(missing)}; {track} has none"
        if missing := choice.component.requires_recommender - cell.recommender.component.provides:
            yield f"{kind} '{name}' needs a recommender that is {_words(missing)}; '{cell.recommender.name}' is not"
    has = cell.dataset.component.provides
    if suite.split.kind == "temporal" and "timestamps" not in has:
        yield f"a temporal split needs timestamps; '{cell.dataset.name}' has none"
    if suite.split.kind == "published" and "split" not in has:
        yield f"'{cell.dataset.name}' was published without a split"
    if (suite.feedback == "explicit" or suite.positive_from is not None) and "ratings" not in has:
        yield f"the suite needs ratings; '{cell.dataset.name}' has none"
    if attacker is not None:
        component = attacker.component
        kinds = component.provides & {"poisoning", *ON_TRAINED}
        if len(kinds) != 1:
            wanted = "one of poisoning, evasion and parameter"
            yield f"attacker '{attacker.name}' ({_words(component.provides)}) must provide {wanted}"
        yield from _obstacles_to_perturbing(cell, attacker)
        yield from _obstacles_to_asking(suite, attacker)
        if missing := component.knowledge - set(suite.threat.offers):
            yield f"attacker '{attacker.name}' needs knowledge of {_words(missing)}; the suite offers none"
    for part in parts(defense):
        if not part.component.provides & {"sanitizer", "robust-training"}:
            yield f"defense '{part.name}' is neither a sanitizer nor robust training"
    if defense is not None:
        yield from _obstacles_to_learning(cell, defense)


def _obstacles_to_asking(suite: Suite, attacker: Choice) -> Iterator[str]:
    """Why an attacker does not serve the suite's goal on the suite's track."""
    component = attacker.component
    if suite.feedback not in component.feedback:
        yield f"attacker '{attacker.name}' works on the {_words(component.feedback)} track alone"
    elif not component.serves(suite.threat.goal, suite.feedback):
        asked = f"{suite.threat.goal} on the {suite.feedback} track"
        yield f"attacker '{attacker.name}' does not {asked}; its goals: {_words(component.goals)}"


def _obstacles_to_learning(cell: Cell, defense: Defense) -> Iterator[str]:
    """Why a supervised defense has nothing to learn from that is not of the attack's own family."""
    if cell.examples is None:
        return
    if cell.attacker is not None and not cell.perturbs:
        family = cell.attacker.component.family
        if family in UNKNOWN_FAMILIES:
            unknown = f"attacker '{cell.attacker.name}' declares no family, so none can be left out"
            yield f"{unknown} of what defense '{defense.name}' learns from"
        elif not cell.examples:
            yield f"all of the suite's examples are of family {family}; defense '{defense.name}' learns from others"
    for example in cell.examples:
        learned = f"defense '{defense.name}' would learn from attacker '{example.name}'"
        if "poisoning" not in example.component.provides:
            yield f"{learned}, which crafts no profiles"
        elif example.component.family in UNKNOWN_FAMILIES:
            yield f"{learned}, which declares no family"
        elif missing := example.component.knowledge - SIMULABLE:
            yield f"{learned}, which needs knowledge of {_words(missing)}; a defender has none to show"
        yield from _obstacles_to_asking(cell.suite, example)


def _obstacles_to_perturbing(cell: Cell, attacker: Choice) -> Iterator[str]:
    """Why an attack cannot change this trained victim; nothing of an attack on the training data."""
    for kind in sorted(attacker.component.provides & ON_TRAINED.keys()):
        capability, changed = ON_TRAINED[kind]
        if capability not in cell.recommender.component.provides:
            needs = f"attacker '{attacker.name}' changes the {changed} of a recommender that is {capability}"
            yield f"{needs}; '{cell.recommender.name}' is not"
        if missing := attacker.component.knowledge & {"surrogate"}:
            needs = f"attacker '{attacker.name}' needs knowledge of {_words(missing)}"
            yield f"{needs}; a trained victim is attacked without"
        if cell.detector is not None:
            judged = f"defense '{cell.detector.name}' judges the training data"
            yield f"{judged}, which attacker '{attacker.name}' leaves as it is"


def _available(cell: Cell) -> frozenset[str]:
    """What the data has on the suite's track."""
    provides = cell.dataset.component.provides
    return provides if cell.suite.feedback == "explicit" else provides - {"ratings"}


def _words(words: Iterable[str]) -> str:
    return ", ".join(sorted(words)) or "nothing declared"
