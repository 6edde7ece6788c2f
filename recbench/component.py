"""`Component`: the record by which a plugin says what it offers, without importing it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal, TypeVar, get_args

from recbench.errors import PluginError

Kind = Literal["dataset", "recommender", "attacker", "defense", "metric"]
KINDS: tuple[Kind, ...] = get_args(Kind)

Knowledge = Literal["statistics", "interactions", "surrogate", "queries", "victim", "defense"]
"""What an attacker may see beside the catalogue, its targets and its budget.

- `statistics`: rating count, mean and deviation of every item.
- `interactions`: the genuine training interactions (holds `statistics` too).
- `surrogate`: recommenders of the attacker's own choice, trained on what it sees.
- `queries`: the victim as a black box, retrained and asked for lists a metered number of times.
- `victim`: the victim's parameters (white box).
- `defense`: the deployed defense, or that there is none (adaptive attack).
"""
KNOWLEDGE: tuple[Knowledge, ...] = get_args(Knowledge)

Goal = Literal["push", "nuke", "degrade"]
"""Raise the targets, lower the targets, or lower the quality for everyone."""
GOALS: tuple[Goal, ...] = get_args(Goal)

Feedback = Literal["implicit", "explicit"]
"""The track: clicks, or ratings."""
TRACKS: tuple[Feedback, ...] = get_args(Feedback)

SERVED = (*GOALS, *(f"{goal}:{track}" for goal in GOALS for track in TRACKS))
"""A goal on every track that an attacker works on, or on one: `push`, `nuke:explicit`."""

Fakes = Literal["matched", "random", "popular"]
"""The attacks that a detector may be made for; all have the lengths of genuine profiles.

- `matched`: the items are as popular as genuine ones too; only who likes what together tells.
- `random`: the fillers are drawn from all items alike.
- `popular`: the fillers are the most popular items.
"""
FAKES: tuple[Fakes, ...] = get_args(Fakes)

VOCABULARY: dict[str, tuple[str, ...]] = {
    "knowledge": KNOWLEDGE,
    "goals": SERVED,
    "feedback": TRACKS,
    "detects": FAKES,
}
"""The fields of a component whose words are given."""

NAME = re.compile(r"^[a-z0-9][a-z0-9._-]{0,63}$")
CAPITAL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
"""Where a word begins in a class's name."""
FACTORY = re.compile(r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$")


T = TypeVar("T")
OPTION = "option"
"""The entry of a field's metadata that makes it an option."""


def option(default: T) -> T:
    """A parameter that says how a number is computed, not which: at its default it is no part of a cell's question.

    So a plugin may add one, and what was measured before keeps its identity. `compile: bool = option(False)`.
    """
    return field(default=default, metadata={OPTION: True})


@dataclass(frozen=True)
class Component:
    """One thing that a plugin provides. A hook yields these; nothing heavy is imported for it.

    Args:
        kind: dataset, recommender, attacker, defense or metric.
        name: safe in a path, a shell, HTML and Markdown (`^[a-z0-9][a-z0-9._-]{0,63}$`).
        factory: `"package.module:Class"`, imported only when the component runs. The class is a
            dataclass; its fields are the component's parameters.
        version: changes whenever the component can give another number; part of every result's identity.
        provides: capabilities, such as `differentiable`, `sequential`, `ratings`, `persistent`; for a
            defense `sanitizer` or `robust-training`, and `supervised` where it learns from `ctx.examples`; for an
            attacker `poisoning`, `evasion` or `parameter`.
        requires_data: what the data set must have, such as `ratings`, `timestamps`, `titles`.
        requires_recommender: capabilities the victim must have.
        knowledge: what an attacker may see, see `Knowledge`.
        goals: what an attacker can be asked to do, see `Goal`; `nuke:explicit` is to nuke on that track alone. It
            refuses the others, and is never asked.
        feedback: the tracks that an attacker works on; it refuses the other.
        detects: for a defense that judges users, the attacks that it is made for and held to, see `Fakes`. Left out, it
            is made for any: fakes that only company tells from genuine users must not escape it.
        family: `heuristic`, `gradient`, `gan`, `detection`, … groups rows in tables and splits. An attacker of
            family `control` is there to be beaten and claims no effect.
        hardware: `cpu` or `cuda`, the least that it needs.
        libraries: modules of other packages that it imports as it runs and that are slow to import, such as
            `transformers`. Workers start with them where importing them starts no thread: that saves time, no more.
        summary: one line for `recbench plugins`.
        reference: authors, title, venue and year of the source.

    Raises:
        PluginError: a field that breaks these rules.
    """

    kind: Kind
    name: str
    factory: str
    version: str = "1"
    provides: frozenset[str] = frozenset()
    requires_data: frozenset[str] = frozenset()
    requires_recommender: frozenset[str] = frozenset()
    knowledge: frozenset[Knowledge] = frozenset()
    goals: frozenset[str] = frozenset(GOALS)
    feedback: frozenset[Feedback] = frozenset(TRACKS)
    detects: frozenset[Fakes] = frozenset({"matched"})
    family: str = ""
    hardware: Literal["cpu", "cuda"] = "cpu"
    libraries: frozenset[str] = field(default=frozenset(), compare=False)
    summary: str = ""
    reference: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise PluginError(f"component '{self.name}': unknown kind '{self.kind}'; one of {', '.join(KINDS)}")
        if not isinstance(self.name, str) or not NAME.match(self.name):
            raise PluginError(f"component name {self.name!r} must match {NAME.pattern}")
        if not isinstance(self.factory, str) or not FACTORY.match(self.factory):
            raise PluginError(f"{self.kind} '{self.name}': factory {self.factory!r} must read 'package.module:Class'")
        for name in ("provides", "requires_data", "requires_recommender", "libraries", *VOCABULARY):
            words = getattr(self, name)
            if isinstance(words, str):
                raise PluginError(f"{self.kind} '{self.name}': {name} is a set of words, not the string {words!r}")
            object.__setattr__(self, name, frozenset(words))
        for name, known in VOCABULARY.items():
            if unknown := getattr(self, name) - set(known):
                raise PluginError(
                    f"{self.kind} '{self.name}': unknown {name} {sorted(unknown)}; one of {', '.join(known)}"
                )
        if not (self.goals and self.feedback):
            raise PluginError(f"{self.kind} '{self.name}': it serves no goal, or no track; name at least one of each")
        if not self.detects:
            raise PluginError(f"{self.kind} '{self.name}': it detects nothing; name an attack of {', '.join(FAKES)}")

    def serves(self, goal: Goal, feedback: Feedback) -> bool:
        """Whether an attacker can be asked to do this on that track."""
        return feedback in self.feedback and not self.goals.isdisjoint({goal, f"{goal}:{feedback}"})

    @property
    def box(self) -> Literal["white", "gray", "black"]:
        """How much an attacker knows, in the field's words."""
        if self.knowledge & {"victim", "defense"}:
            return "white"
        return "gray" if "surrogate" in self.knowledge else "black"


def component_name(name: str) -> str:
    """The nearest component name to that of a class or a file: `my-light-gcn` for `MyLightGCN`."""
    return re.sub(r"[^a-z0-9.]+", "-", CAPITAL.sub("-", name).lower()).strip("-.")[:64] or "local"
