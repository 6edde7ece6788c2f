"""Recomputing: the metrics of every cell from its lists and profiles, on the verifier's own data."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from recbench.errors import RecbenchError
from recbench.leaderboard.grid import EFFECTS, UTILITY
from recbench.leaderboard.labels import key_of
from recbench.local import is_path
from recbench.matrix.cells import Cell, Lineup
from recbench.matrix.choices import Choice, Resolver
from recbench.matrix.evaluate import metrics_of, outcome_of
from recbench.matrix.identity import Circumstances
from recbench.matrix.instances import instance
from recbench.matrix.prepare import prepare
from recbench.matrix.prepared import Prepared
from recbench.matrix.stages import Recipes
from recbench.plugins import Plugins
from recbench.store import Artifact
from recbench.submission.bundle import CELLS, MANIFEST, Bundle, Record, array_file
from recbench.submission.installed import installed
from recbench.submission.plan import identities, identity, planned
from recbench.submission.possible import impossible_lists, impossible_profiles, impossible_verdict
from recbench.submission.refusal import Refusal, shown

RELATIVE, ABSOLUTE = 1e-9, 1e-12
"""How far a metric may be from its recomputed value: sums in another order, nothing more."""

AGAIN = "run the suite again and submit its results as they are"


@dataclass
class Recomputed:
    """What came of it.

    Args:
        cells: how many were recomputed.
        refusals: what contradicts the submission.
        notes: what could not be recomputed here, and why.
    """

    cells: int = 0
    refusals: list[Refusal] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def recompute(bundle: Bundle, plugins: Plugins) -> Recomputed:
    """Compute every metric anew and hold every profile against its budget.

    Cells of a data set that is not to be had here are left, with a note.

    Raises:
        SubmissionError: an array that is none.
    """
    outcome, computed = Recomputed(), set[str]()
    resolver = Resolver(plugins)
    metrics = named_metrics(bundle, resolver)
    groups: defaultdict[tuple[str, int, str], list[Record]] = defaultdict(list)
    for record in bundle.records:
        if record["status"] == "ok":
            question = record["question"]
            group = (key_of(identity(question, "dataset")), question["seed"], record["artifacts"]["prepared"])
            groups[group].append(record)
    cells = {cell.id: cell for cell in planned(bundle)}
    for (_, seed, key), records in groups.items():
        question = records[0]["question"]
        dataset = question["dataset"]
        try:
            choice = installed(resolver, "dataset", identity(question, "dataset"))
            given = prepared_artifact(cells[records[0]["cell_id"]], choice)
        except RecbenchError as error:
            outcome.notes.append(f"{len(records)} cells on {dataset} are not recomputed: {error}")
            continue
        if given.digest != bundle.manifest.data[key]:
            reason = f"{dataset}, seed {seed} was prepared to something else than here"
            outcome.refusals.append(Refusal(MANIFEST, reason, "run the suite on the data that recbench fetches"))
            continue
        unit = _Unit(bundle, given, metrics)
        for record in records:
            found = list(unit.check(record))
            outcome.refusals += found
            outcome.cells += not found
        computed |= unit.computed
    outcome.refusals += _wrongly_shown(bundle, resolver)
    submitted = _names(bundle)
    if outcome.cells and (alone := submitted - computed):
        outcome.notes.append(f"no metric here computes {', '.join(sorted(alone))}: these stay as reported")
    if absent := computed - submitted:
        outcome.notes.append(f"no cell has {', '.join(sorted(absent))}, which metrics here compute")
    return outcome


def prepared_artifact(cell: Cell, dataset: Choice) -> Artifact:
    """Prepare the data set of a cell here, as a run would.

    Raises:
        RecbenchError: the data cannot be had.
    """
    here = Cell(Lineup(cell.suite, dataset, cell.recommender), cell.seed)
    stage = Recipes(Circumstances(), [], []).evaluate(here).inputs["prepared"]
    return prepare(stage.arguments, {})


def named_metrics(bundle: Bundle, resolver: Resolver) -> list[Choice]:
    """The installed metrics that the suite names, with their defaults; a path in it is never followed."""
    found: dict[str, Choice] = {}
    for reference in bundle.suite.metrics:
        name = reference.partition("[")[0] if isinstance(reference, str) else str(reference.get("name"))
        if not is_path(name):
            with suppress(RecbenchError):  # not installed here: what it computed stays as reported, with a remark
                found |= {choice.name: choice for choice in resolver.choices("metric", [name])}
    return list(found.values())


def _wrongly_shown(bundle: Bundle, resolver: Resolver) -> Iterator[Refusal]:
    """Cells whose installed attacker was shown something else, they say, than it declares: boards flag by that."""
    declared: dict[str, list[str]] = {}
    for attacker in identities(bundle.records, "attacker"):
        with suppress(RecbenchError):  # not installed here: taken on trust, as its crafting is
            declared[key_of(attacker)] = sorted(installed(resolver, "attacker", attacker).component.knowledge)
    for record in bundle.records:
        attacker = record["question"]["attacker"]
        shown_to_it = [] if attacker["name"] == "none" else declared.get(key_of(attacker))
        if shown_to_it is not None and record.get("knowledge", shown_to_it) != shown_to_it:
            reason = f"cell {record['cell_id']}: its attacker knows {', '.join(shown_to_it) or 'nothing'} here, not"
            yield Refusal(CELLS, f"{reason} {', '.join(record['knowledge']) or 'nothing'}", AGAIN)


class _Unit:
    """The cells of one prepared data set: what several of them share is read and checked once."""

    def __init__(self, bundle: Bundle, given: Artifact, metrics: list[Choice]) -> None:
        self._bundle = bundle
        self._given = given
        self._prepared = Prepared.of(given)
        self._metrics = [(metric.name, instance(metric.spec)) for metric in metrics]
        self._expected = _names(bundle) | judged_by(bundle)
        self._clean: tuple[str, Artifact] | None = None
        self._possible: dict[tuple[str, ...], str] = {}
        self.computed: set[str] = set()

    def check(self, record: Record) -> Iterator[Refusal]:
        """What contradicts a cell's record."""
        question, keys = record["question"], record["artifacts"]
        cell = f"cell {record['cell_id']}"
        inputs = {"prepared": self._given, "fit": self._bundle.artifact("fit", keys["fit"])}
        for role in ("profiles", "verdict"):
            if key := keys.get(role):
                inputs[role] = self._bundle.artifact(role, key)
        if key := keys.get("clean"):
            inputs["clean"] = inputs["fit"] if key == keys["fit"] else self._clean_lists(key)
        for role, key, reason in self._contradictions(record, inputs):
            yield Refusal(array_file(role, key, "*"), f"{cell}: {reason}", AGAIN)
            return
        try:
            computed = metrics_of(outcome_of(self._prepared, inputs, question["group"]), self._metrics)
        except Exception as error:  # a metric is a plugin's, and may raise anything on lists that are nonsense
            yield Refusal(CELLS, f"{cell}: its metrics cannot be recomputed ({shown(str(error))})", AGAIN)
            return
        self.computed |= computed.keys()
        if wrong := self._difference(record["metrics"], computed):
            yield Refusal(CELLS, f"{cell}: {wrong}", AGAIN)

    def _difference(self, submitted: Mapping[str, float], computed: Mapping[str, float]) -> str:
        """The first metric that is not what the lists say, or nothing.

        Other versions of recbench may have more metrics or fewer, but not for some cells only.
        """
        for name, value in computed.items():
            if name in submitted and not math.isclose(submitted[name], value, rel_tol=RELATIVE, abs_tol=ABSOLUTE):
                return f"{name} is {submitted[name]:.6g}; its lists say {value:.6g}"
            if name in self._expected and name not in submitted:
                return f"{name} is missing; its lists say {value:.6g}"
        for name in self._expected & submitted.keys() - computed.keys():
            if name in self.computed or name in judged_by(self._bundle):
                return f"{name} is {submitted[name]:.6g}; its lists do not give it"
        return ""

    def _clean_lists(self, key: str) -> Artifact:
        """The clean twin's lists, kept for the cells that follow."""
        if self._clean is None or self._clean[0] != key:
            self._clean = (key, self._bundle.artifact("fit", key))
        return self._clean[1]

    def _contradictions(self, record: Record, inputs: Mapping[str, Artifact]) -> Iterator[tuple[str, str, str]]:
        """Role and key of an artifact that cannot be what it is to the cell, and why."""
        question, keys, prepared = record["question"], record["artifacts"], self._prepared
        n_fakes = len(inputs["profiles"].arrays["templates"]) if "profiles" in inputs else 0
        checks: dict[str, Callable[[], str]] = {
            "profiles": lambda: impossible_profiles(inputs["profiles"], prepared, question),
            "verdict": lambda: impossible_verdict(inputs["verdict"], prepared, n_fakes),
            "fit": lambda: impossible_lists(inputs["fit"], prepared, n_fakes),
        }
        for role, check in checks.items():
            if role in inputs:
                # What the check looks at; artifacts are shared by many cells.
                seen = (role, keys[role], str(n_fakes), str(question["size"]), str(question["group"]))
                if seen not in self._possible:
                    self._possible[seen] = check()
                if reason := self._possible[seen]:
                    yield role, keys[role], reason


def judged_by(bundle: Bundle) -> set[str]:
    """The metrics that the boards gate and judge by: never taken on trust."""
    return {UTILITY, EFFECTS[bundle.suite.threat.goal].metric}


def _names(bundle: Bundle) -> set[str]:
    return {name for record in bundle.records for name in record["metrics"]}
