"""`Stage`: what a worker computes once for all cells that need it, and the graph of a cell's stages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from recbench.errors import RecbenchError
from recbench.matrix.cells import Cell, Lineup
from recbench.matrix.choices import Choice, parts
from recbench.matrix.identity import Circumstances, build_id, digest_of
from recbench.store import Store

BESIDE = frozenset({"clean", "repeat"})
"""Inputs of a cell's last stage that it does without where they failed, and whose build is none of the cell's."""


@dataclass(frozen=True, eq=False)
class Stage:
    """A function, its arguments and the stages whose artifacts it reads.

    Args:
        kind: `prepare`, `craft`, `simulate`, `sanitize`, `fit`, `perturb`, `repeat`, `evaluate` or `explain`; the
            function is `recbench.matrix.<kind>:<kind>`.
        arguments: as JSON; with `build` they are all that the result depends on beside the inputs.
        inputs: by name.
        build: identity of the code and the circumstances.
        label: for people.
        optional: names of inputs that the stage does without where they failed.
    """

    kind: str
    arguments: Mapping[str, Any]
    inputs: Mapping[str, Stage]
    build: str
    label: str
    optional: frozenset[str] = frozenset()

    @property
    def function(self) -> str:
        return f"recbench.matrix.{self.kind}:{self.kind}"

    @property
    def seed(self) -> int:
        """The split seed: that of the prepared data which it is, or works on."""
        of: int = self.inputs.get("prepared", self).arguments["seed"]
        return of

    @cached_property
    def recipe(self) -> str:
        """The same for stages that do the same; known before anything is computed."""
        inputs = {name: stage.recipe for name, stage in self.inputs.items()}
        return digest_of([self.function, self.arguments, self.build, inputs])

    def key(self, digests: Mapping[str, str]) -> str:
        """The key of the artifact, from the content of the inputs."""
        return digest_of([self.function, self.arguments, self.build, dict(digests)])[:40]


def effective_inputs(stage: Stage, keys: Mapping[str, str], store: Store) -> dict[str, str]:
    """The inputs that make a difference.

    A verdict that removes nobody leaves the same fit as no verdict, and metrics do not ask whether work repeats.
    """
    kept = dict(keys)
    if stage.kind == "fit" and "verdict" in keys and store.meta(keys["verdict"])["removed"] == 0:
        del kept["verdict"]
    if stage.kind == "evaluate":
        kept.pop("repeat", None)
    return kept


@dataclass(frozen=True, eq=False)
class Recipes:
    """Builds the stages of cells; equal stages are one object where equal choices are.

    Args:
        circumstances: where the run computes.
        surrogates: the differentiable recommenders that attackers may train.
        metrics: of the one suite whose cells these are.
    """

    circumstances: Circumstances
    surrogates: list[Choice]
    metrics: list[Choice]
    _lasts: dict[Cell, Stage] = field(default_factory=dict, repr=False)
    _known: dict[tuple[object, ...], Stage] = field(default_factory=dict, repr=False)
    _builds: dict[Lineup, str] = field(default_factory=dict, repr=False)

    def evaluate(self, cell: Cell) -> Stage:
        """The last stage of a cell, which leads to all others."""
        found = self._lasts.get(cell)
        if found is None:
            found = self._lasts[cell] = self._evaluate(cell)
        return found

    def _evaluate(self, cell: Cell) -> Stage:
        inputs = self._judged_inputs(cell)
        if cell.attacker is not None and cell.lineup.perturbs:
            fit = self._perturb(cell, cell.attacker)
        else:
            fit = self._fit(cell, dict(inputs))
        inputs["fit"] = fit
        inputs["clean"] = self._clean(cell)
        if (judged := self._judged(cell)) is not None:
            inputs["repeat"] = self._repeat(judged)

        def make() -> Stage:
            arguments = {"metrics": self._metrics, "group": cell.group}
            return self._stage("evaluate", arguments, inputs, self.metrics, f"evaluate {cell}", BESIDE)

        return self._once(("evaluate", cell.group, *inputs.values()), make)

    @cached_property
    def _metrics(self) -> list[dict[str, Any]]:
        return [metric.spec for metric in self.metrics]

    def explain(self, cell: Cell) -> Stage:
        """Why the cell's attack works on its victim without a defense; no part of the cell's answer.

        Raises:
            RecbenchError: the attack adds nothing to the training data.
        """
        if cell.lineup.perturbs:
            raise RecbenchError(f"{cell.attacker} adds no profiles to the training data: none of them can be explained")
        arguments = self._common(cell) | {
            "recommender": cell.recommender.spec,
            "replica": cell.replica,
            "group": cell.group,
        }
        return self._stage("explain", arguments, self._inputs(cell), [cell.recommender], f"explain {cell}")

    def build_id(self, cell: Cell) -> str:
        """The identity of the code and the circumstances that the cell's numbers come from, metrics left out."""
        found = self._builds.get(cell.lineup)
        if found is None:
            inputs = {**self.evaluate(cell).inputs, **self.examples(cell)}
            found = build_id(stage.build for name, stage in inputs.items() if name not in BESIDE)
            self._builds[cell.lineup] = found
        return found

    def examples(self, cell: Cell) -> dict[str, Stage]:
        """The stage behind what the cell's defense learns from, as an input; nothing where it learns from none."""
        attackers, rule = cell.lineup.examples, cell.suite.examples
        if not attackers or rule is None:
            return {}
        inputs = self._inputs(cell)

        def make() -> Stage:
            surrogates = self.surrogates if any("surrogate" in each.component.knowledge for each in attackers) else []
            arguments = self._common(cell) | {
                "attackers": [each.spec | {"knowledge": sorted(each.component.knowledge)} for each in attackers],
                "surrogates": [choice.spec for choice in surrogates],
                "replica": cell.replica,
                "size": rule.size,
                "goal": cell.suite.threat.goal,
                "targets": cell.suite.threat.targets.model_dump(),
            }
            names = ", ".join(each.name for each in attackers)
            attack = "clean data" if cell.attacker is None else f"{cell.attacker.name} {cell.size:g}"
            label = f"simulate {names} beside {attack} on {cell.dataset.name}, seed {cell.seed}"
            return self._stage("simulate", arguments, inputs, [*attackers, *surrogates], label)

        return {"examples": self._once(("simulate", attackers, cell.replica, *inputs.values()), make)}

    def _inputs(self, cell: Cell) -> dict[str, Stage]:
        inputs = {"prepared": self._prepare(cell)}
        if cell.attacker is not None and not cell.lineup.perturbs:
            inputs["profiles"] = self._craft(cell, cell.attacker)
        return inputs

    def _judged_inputs(self, cell: Cell) -> dict[str, Stage]:
        """The same, and the verdict of a detector."""
        inputs = self._inputs(cell)
        if cell.lineup.detector is not None:
            inputs["verdict"] = self._sanitize(cell, cell.lineup.detector, inputs)
        return inputs

    def _prepare(self, cell: Cell) -> Stage:
        suite = cell.suite

        def make() -> Stage:
            arguments = {
                "dataset": cell.dataset.spec,
                "feedback": suite.feedback,
                "positive_from": suite.positive_from,
                "kcore": None if suite.kcore is None else suite.kcore.model_dump(),
                "split": suite.split.model_dump(mode="json"),
                "targets": suite.threat.targets.model_dump(),
                "seed": cell.seed,
            }
            label = f"prepare {cell.dataset.name}, seed {cell.seed}"
            return self._stage("prepare", arguments, {}, [cell.dataset], label)

        return self._once(("prepare", cell.dataset, cell.seed), make)

    def _craft(self, cell: Cell, attacker: Choice) -> Stage:
        knowledge = attacker.component.knowledge
        # Only what an attacker may see is part of its stage: a victim-agnostic attack is crafted once.
        victim = cell.recommender if knowledge & {"queries", "victim"} else None
        defense = parts(cell.defense) if "defense" in knowledge else ()
        surrogates = self.surrogates if "surrogate" in knowledge else []
        prepared = self._prepare(cell)

        def make() -> Stage:
            arguments = self._common(cell) | {
                "attacker": attacker.spec | {"knowledge": sorted(knowledge)},
                "surrogates": [choice.spec for choice in surrogates],
                "victim": None if victim is None else victim.spec,
                "defense": [part.spec for part in defense],
                "size": cell.size,
                "goal": cell.suite.threat.goal,
                "group": cell.group,
            }
            involved = [attacker, *surrogates, *([] if victim is None else [victim]), *defense]
            label = f"craft {attacker.name} {cell.size:g} on {cell.dataset.name}, seed {cell.seed}"
            return self._stage("craft", arguments, {"prepared": prepared}, involved, label)

        return self._once(("craft", prepared, attacker, victim, defense, cell.size, cell.group), make)

    def _sanitize(self, cell: Cell, detector: Choice, inputs: Mapping[str, Stage]) -> Stage:
        inputs = {**inputs, **self._lessons(cell, detector)}

        def make() -> Stage:
            arguments = self._common(cell) | {"defense": detector.spec, "replica": cell.replica}
            attack = "clean data" if cell.attacker is None else f"{cell.attacker.name} {cell.size:g}"
            label = f"inspect {attack} with {detector.name} on {cell.dataset.name}, seed {cell.seed}"
            return self._stage("sanitize", arguments, inputs, [detector], label)

        return self._once(("sanitize", detector, cell.replica, *inputs.values()), make)

    def _lessons(self, cell: Cell, part: Choice) -> dict[str, Stage]:
        """The examples of a part of the defense; the other part of a pipeline may be one that learns from none."""
        return self.examples(cell) if "supervised" in part.component.provides else {}

    def _clean(self, cell: Cell) -> Stage:
        """The victim without an attack and a defense."""

        def make() -> Stage:
            clean = Cell(Lineup(cell.suite, cell.dataset, cell.recommender), cell.seed)
            return self._fit(clean, self._inputs(clean))

        return self._once(("clean", cell.dataset, cell.seed, cell.recommender), make)

    def _fit(self, cell: Cell, inputs: dict[str, Stage]) -> Stage:
        training = cell.lineup.training
        if training is not None:
            inputs |= self._lessons(cell, training)

        def make() -> Stage:
            arguments = self._common(cell) | {
                "recommender": cell.recommender.spec,
                "training": None if training is None else training.spec,
                "replica": cell.replica,
            }
            involved = [cell.recommender, *([] if training is None else [training])]
            return self._stage("fit", arguments, inputs, involved, f"fit {cell}")

        return self._once(("fit", cell.recommender, training, cell.replica, *inputs.values()), make)

    def _perturb(self, cell: Cell, attacker: Choice) -> Stage:
        """The attack on the victim that a cell without an attack fits."""
        fitted = replace(cell, lineup=replace(cell.lineup, attacker=None), size=0.0)
        inputs = {"prepared": self._prepare(cell), "fit": self._fit(fitted, self._judged_inputs(fitted))}
        inputs |= self.examples(cell)
        training = cell.lineup.training

        def make() -> Stage:
            arguments = self._common(cell) | {
                "attacker": attacker.spec | {"knowledge": sorted(attacker.component.knowledge)},
                "recommender": cell.recommender.spec,
                "training": None if training is None else training.spec,
                "size": cell.size,
                "goal": cell.suite.threat.goal,
                "group": cell.group,
            }
            involved = [attacker, cell.recommender, *([] if training is None else [training])]
            return self._stage("perturb", arguments, inputs, involved, f"perturb {cell}")

        return self._once(
            ("perturb", attacker, cell.recommender, training, cell.size, cell.group, *inputs.values()), make
        )

    def _judged(self, cell: Cell) -> Stage | None:
        """The work of a component where it is seen plainest: of a victim or a defense on clean data, or of an attack.

        On the first unit and at the first size alone: whether work repeats is one fact, and is paid for once.
        """
        lineup, first = cell.lineup, (cell.suite.threat.sizes[0], 0, 0, 0)
        if lineup.perturbs or (cell.size or first[0], cell.seed, cell.group, cell.replica) != first:
            return None
        if cell.attacker is not None:
            return self._craft(cell, cell.attacker) if cell.defense is None else None
        if lineup.detector is not None and lineup.training is None:
            return self._sanitize(cell, lineup.detector, self._inputs(cell))
        return self._fit(cell, self._judged_inputs(cell))

    def _repeat(self, first: Stage) -> Stage:
        """The same work once more."""

        def make() -> Stage:
            arguments = {"kind": first.kind, "arguments": first.arguments, "build": first.build}
            return self._stage("repeat", arguments, {**first.inputs, "first": first}, [], f"{first.label}, once more")

        return self._once(("repeat", first), make)

    def _common(self, cell: Cell) -> dict[str, Any]:
        return {
            "dataset": cell.dataset.name,
            "seed": cell.seed,
            "device": self.circumstances.device,
            "threads": self.circumstances.threads,
        }

    def _once(self, key: tuple[object, ...], make: Callable[[], Stage]) -> Stage:
        """The stage of a key, which holds all that it is made from: a plan asks for each of them many times.

        Of inputs it holds the stages alone: their kinds tell their names.
        """
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = make()
        return found

    def _stage(
        self,
        kind: str,
        arguments: Mapping[str, Any],
        inputs: Mapping[str, Stage],
        involved: list[Choice],
        label: str,
        optional: frozenset[str] = frozenset(),
    ) -> Stage:
        build = self.circumstances.build(
            f"recbench.matrix.{kind}:{kind}", [choice.component.factory for choice in involved]
        )
        return Stage(kind, arguments, inputs, build, label, optional)
