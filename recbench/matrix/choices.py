"""`Choice`: one value on an axis of the matrix, a component with all of its parameters."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from recbench.component import Component, Kind
from recbench.errors import PluginError, SuiteError
from recbench.factories import resolve
from recbench.local import POISON_FILE
from recbench.matrix.closure import closure_digest
from recbench.matrix.identity import digest_of
from recbench.matrix.suite import Reference, Suite
from recbench.plugins import Plugins
from recbench.specs import THEN, expand, parts_of, resolved_params

OWN_DATA = "recbench.matrix.own_data:OwnData"
HANDED = "recbench.adapters.handed:Handed"
FILES = frozenset({POISON_FILE, OWN_DATA, HANDED})
"""Components that stand for one file: the version is the content's hash, and its place is no part of the question."""

NONE: Mapping[str, Any] = {"name": "none", "version": "1", "params": {}}
"""How a question names the absence of an attack or of a defense."""


@dataclass(frozen=True, eq=False)
class Choice:
    """A component and its resolved parameters.

    Args:
        component: as its plugin offers it.
        params: every parameter, defaults filled in, as JSON values; as given where the component is broken.
        broken: why its class cannot be imported, one line; its cells are rows with that reason.
    """

    component: Component
    params: Mapping[str, Any]
    broken: str = ""

    @property
    def name(self) -> str:
        return self.component.name

    @cached_property
    def identity(self) -> dict[str, Any]:
        """What can move a number: name, version and parameters. To be read, not changed."""
        here = {"path", "digest"} if self.component.factory in FILES else set()
        params = {key: value for key, value in self.params.items() if key not in here}
        return {"name": self.name, "version": self.component.version, "params": params}

    @cached_property
    def spec(self) -> dict[str, Any]:
        """What a worker needs to build it, as JSON. To be read, not changed."""
        return {
            "kind": self.component.kind,
            "name": self.name,
            "factory": self.component.factory,
            "version": self.component.version,
            "provides": sorted(self.component.provides),
            "params": dict(self.params),
        }


@dataclass(frozen=True, eq=False)
class Pipeline:
    """Two choices that make one defense: a detector, then robust training on the users whom it keeps."""

    detector: Choice
    training: Choice

    @property
    def parts(self) -> tuple[Choice, Choice]:
        return self.detector, self.training

    @property
    def name(self) -> str:
        return THEN.join(part.name for part in self.parts)

    @cached_property
    def identity(self) -> dict[str, Any]:
        """As of a choice: versions in the same order, and each parameter as `part.parameter`."""
        params = {f"{part.name}.{key}": value for part in self.parts for key, value in part.identity["params"].items()}
        return {
            "name": self.name,
            "version": THEN.join(part.component.version for part in self.parts),
            "params": params,
        }


Defense = Choice | Pipeline


@dataclass
class Resolver:
    """Turns a suite's references into choices, equal ones into one, and remembers the parameters it has resolved.

    Resolving imports the component's class and all that it needs. `known`, from the plan of an earlier
    run, spares that as long as the sources have not changed.
    """

    plugins: Plugins
    known: dict[str, dict[str, Any]] = field(default_factory=dict)
    _made: dict[str, Choice] = field(default_factory=dict, repr=False)

    def choices(self, kind: Kind, references: Iterable[Reference]) -> list[Choice]:
        """Every choice that the references stand for, each once, in the suite's order.

        Raises:
            SuiteError: two choices that are called the same and differ only in where they come from.
            PluginError: an unknown name or impossible parameters.
            DataError: a file of interactions that cannot be read.
        """
        found = [choice for reference in references for choice in self._expand(kind, reference)]
        _check_names(found)
        return list({digest_of(choice.identity): choice for choice in reversed(found)}.values())[::-1]

    def defenses(self, references: Iterable[Reference]) -> list[Defense]:
        """As `choices`; `"a+b"` is the pipeline of detector `a` and robust training `b`.

        Raises:
            SuiteError: besides, a pipeline of anything else.
        """
        found = [defense for reference in references for defense in self._defenses(reference)]
        _check_names([part for defense in found for part in parts(defense)])
        return list({digest_of(defense.identity): defense for defense in reversed(found)}.values())[::-1]

    def _defenses(self, reference: Reference) -> list[Defense]:
        written = parts_of(reference) if isinstance(reference, str) else [reference]
        if len(written) == 1:
            return [*self._expand("defense", reference)]
        steps = [self._expand("defense", part) for part in written]
        return [_pipeline(str(reference), combination) for combination in itertools.product(*steps)]

    def differentiable(self) -> list[Choice]:
        """The installed recommenders that an attacker may take as its surrogate, with their defaults."""
        return [
            Choice(component, {})
            for component in self.plugins.components("recommender")
            if "differentiable" in component.provides
        ]

    def _expand(self, kind: Kind, reference: Reference) -> list[Choice]:
        if kind == "dataset" and isinstance(reference, str) and _is_data(reference):
            return [self._own_data(Path(reference).expanduser().resolve())]
        try:
            return [self._resolve(component, given) for component, given in expand(self.plugins, kind, reference)]
        except PluginError as error:
            if kind == "dataset" and isinstance(reference, str) and (meant := _meant(reference)):
                raise PluginError(meant) from error
            raise

    def _resolve(self, component: Component, given: Mapping[str, Any]) -> Choice:
        source = closure_digest(component.factory.partition(":")[0])
        key = digest_of([component.factory, component.version, source, dict(given)])
        if key not in self.known:
            try:
                resolve(component)
            except PluginError as error:  # a wrong parameter is the user's mistake; this is the plugin's
                return Choice(component, dict(given), broken=str(error))
            self.known[key] = resolved_params(component, given)
        choice = Choice(component, self.known[key])
        return self._made.setdefault(digest_of(choice.spec), choice)

    def _own_data(self, path: Path) -> Choice:
        from recbench.matrix.own_data import describe

        component = describe(path)
        if component.name in {installed.name for installed in self.plugins.components("dataset")}:
            raise SuiteError(f"{path} would be called '{component.name}', as an installed data set is; rename the file")
        return Choice(component, {"path": str(path)})


def parts(defense: Defense | None) -> tuple[Choice, ...]:
    """The components of a defense, in the order in which they are at work."""
    if isinstance(defense, Pipeline):
        return defense.parts
    return () if defense is None else (defense,)


def _pipeline(reference: str, steps: Sequence[Choice]) -> Pipeline:
    rule = "a pipeline is one detector, then one robust training, as in 'pca-varselect+adversarial-training'"
    if len(steps) != 2:
        raise SuiteError(f"'{reference}' has {len(steps)} parts; {rule}")
    for step, wanted, word in zip(
        steps, ("sanitizer", "robust-training"), ("detector", "robust training"), strict=True
    ):
        if wanted not in step.component.provides:
            raise SuiteError(f"'{reference}': '{step.name}' is no {word}; {rule}")
    return Pipeline(*steps)


def _check_names(choices: Iterable[Choice]) -> None:
    named: dict[str, Component] = {}
    for choice in choices:
        if named.setdefault(choice.name, choice.component) != choice.component:
            raise SuiteError(f"two {choice.component.kind}s are called '{choice.name}'; rename one")


def _is_data(reference: str) -> bool:
    """Whether a reference to a data set is a file or folder, not a name: `ratings.csv`, `./folder`."""
    return not reference.rpartition(":")[0].endswith(".py") and ("/" in reference or Path(reference).is_file())


DATA_SUFFIXES = (".csv", ".tsv", ".parquet", ".inter", ".dat", ".data", ".txt", ".json", ".jsonl", ".zip", ".gz")
"""Of files of interactions."""


def _meant(reference: str) -> str | None:
    """What is wrong with an unknown data set whose name is that of a folder or of a file of data."""
    if Path(reference).is_dir():
        return f"unknown dataset '{reference}'; for the folder of that name write ./{reference}"
    if Path(reference).suffix in DATA_SUFFIXES:
        return f"dataset '{reference}': no such file in {Path.cwd()}"
    return None


def without_none(references: Iterable[Reference]) -> list[Reference]:
    """The references but for the word `none`, which every matrix includes."""
    return [reference for reference in references if reference != "none"]


@dataclass(frozen=True, eq=False)
class Axes:
    """The values of every axis that components are on."""

    datasets: list[Choice]
    recommenders: list[Choice]
    attackers: list[Choice]
    defenses: Sequence[Defense]
    metrics: list[Choice]
    examples: list[Choice] = field(default_factory=list)
    """The attackers whose fakes supervised defenses learn from."""

    @classmethod
    def of(cls, suite: Suite, resolver: Resolver) -> Axes:
        """Resolve a suite.

        Raises:
            PluginError, DataError, SuiteError: see `Resolver.choices`.
        """
        attackers = resolver.choices("attacker", without_none(suite.attackers))
        for name in {*suite.mandatory, *suite.controls} - {attacker.name for attacker in attackers}:
            resolver.plugins.get("attacker", name)  # left out this time, or a slip of the pen
        return cls(
            datasets=resolver.choices("dataset", suite.datasets),
            recommenders=resolver.choices("recommender", suite.recommenders),
            attackers=attackers,
            defenses=resolver.defenses(without_none(suite.defenses)),
            metrics=resolver.choices("metric", suite.metrics),
            examples=[] if suite.examples is None else resolver.choices("attacker", suite.examples.attackers),
        )

    @property
    def components(self) -> list[Component]:
        """Of every choice; the parts of a pipeline for it."""
        defenses = (parts(each) for each in self.defenses)
        others = (self.datasets, self.recommenders, self.attackers, self.metrics, self.examples)
        return [choice.component for choice in itertools.chain(*others, *defenses)]
