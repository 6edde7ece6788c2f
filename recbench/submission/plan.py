"""The plan of a submission, made from its questions: every cell that its suite asks for, without any plugin."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from recbench.component import Component, Kind
from recbench.errors import SuiteError
from recbench.leaderboard.labels import key_of
from recbench.local import is_path
from recbench.matrix.cells import Cell, cells_of
from recbench.matrix.choices import Axes, Choice
from recbench.matrix.identity import cell_id
from recbench.matrix.suite import Suite, load_suite
from recbench.submission.bundle import CELLS, SUITE, Bundle, Record
from recbench.submission.refusal import Refusal, shown

UNKNOWN = "submitted.elsewhere:Unknown"
"""The class of a component of which only the identity is known. Nothing is imported for it."""
KINDS: tuple[Kind, ...] = ("dataset", "recommender", "attacker", "defense")


def identity(question: Mapping[str, Any], kind: Kind) -> dict[str, Any]:
    """Name, version and parameters of a question's component."""
    return {"name": question["dataset"], **question["data"]} if kind == "dataset" else dict(question[kind])


def identities(records: list[Record], kind: Kind) -> list[dict[str, Any]]:
    """Those of all cells, each once; `none` is no component."""
    every = (identity(record["question"], kind) for record in records)
    found = {key_of(each): each for each in every}
    return [each for each in found.values() if kind == "dataset" or each["name"] != "none"]


def check_plan(bundle: Bundle) -> Iterator[Refusal]:
    """Hold the cells against the suite: every one that it asks for is there once, as it is asked, and no other."""
    seen: set[str] = set()
    for number, record in enumerate(bundle.records, start=1):
        place, found = f"{CELLS}, line {number}", record["cell_id"]
        if found in seen:
            yield Refusal(place, f"cell {found} is there twice", "keep the one that the run has recorded")
        elif cell_id(record["question"]) != found:
            yield Refusal(place, f"{found} is not the id of its question", "pack the run anew; ids are not chosen")
        elif (record["suite"], record["suite_version"]) != (bundle.suite.name, bundle.suite.version):
            yield Refusal(place, "it is of another suite than suite.json", "submit one run at a time")
        seen.add(found)
    yield from _check_axes(bundle)
    size = _size(bundle)
    if size != len(seen):
        reason = f"the suite asks for {size:,} cells of these components; {len(seen):,} are there"
        yield Refusal(CELLS, reason, "run the suite to its end; a cell that failed is a row")
        return
    if foreign := seen - {cell.id for cell in planned(bundle)}:
        reason = f"{len(foreign)} cells, {min(foreign)} the first, are no part of the suite"
        yield Refusal(CELLS, reason, "pack the run with the suite that it was made with")
    yield from _check_clean_twins(bundle)


def planned(bundle: Bundle) -> list[Cell]:
    """The cells of the suite over the components that the questions name."""
    return cells_of(bundle.suite, _axes(bundle))


def compared(suite: Suite) -> Iterator[Refusal | str]:
    """Hold the suite against the published one of its name and version: a refusal, or what is worth knowing."""
    try:
        published = load_suite(suite.name)
    except SuiteError:
        published = None
    if published is None or published.version != suite.version:
        yield f"no suite {suite.name}, version {suite.version} is published here; its rules are its own"
        return
    ours, theirs = _rules(published), _rules(suite)
    if different := sorted(key for key in ours if ours[key] != theirs[key]):
        reason = f"{', '.join(different)}: not as in the published suite {suite.name}, version {suite.version}"
        yield Refusal(SUITE, reason, "give a suite of other rules another name")
    for axis in ("datasets", "recommenders", "attackers", "defenses"):
        here, there = (set(map(str, getattr(each, axis))) for each in (published, suite))
        for word, names in (("adds", there - here), ("leaves out", here - there)):
            if names:
                yield f"{word} {axis} of the published suite: {', '.join(shown(name) for name in sorted(names))}"
    for what, there_asked, here_asked in (
        ("seeds", suite.seeds, published.seeds),
        ("sizes", suite.threat.sizes, published.threat.sizes),
    ):
        if there_asked != here_asked:
            yield f"{what} {there_asked}; the published suite has {here_asked}"


def _rules(suite: Suite) -> dict[str, Any]:
    """What two runs of a suite have in common, whatever is run."""
    free = {"datasets", "recommenders", "attackers", "defenses", "seeds"}
    rules = suite.model_dump(mode="json", exclude=free)
    rules["threat"].pop("sizes")
    return rules


def _axes(bundle: Bundle) -> Axes:
    def choices(kind: Kind) -> list[Choice]:
        return [
            Choice(Component(kind, found["name"], UNKNOWN, found["version"]), found["params"])
            for found in identities(bundle.records, kind)
        ]

    return Axes(choices("dataset"), choices("recommender"), choices("attacker"), choices("defense"), metrics=[])


def _check_axes(bundle: Bundle) -> Iterator[Refusal]:
    """A component that the suite names has cells."""
    for kind in KINDS:
        present = {found["name"] for found in identities(bundle.records, kind)} | {"none"}
        for reference in getattr(bundle.suite, f"{kind}s"):
            plain = isinstance(reference, str) and not is_path(reference) and not set(reference) & set("*?[")
            stem = str(reference).rpartition(".")[0]  # a file of one's own, such as ratings.csv, is called by its stem
            if plain and not {reference, stem} & present:
                reason = f"no cell of {kind} {shown(reference)}, which suite.json names"
                yield Refusal(CELLS, reason, "run the suite to its end, or leave the component out of it")


def _size(bundle: Bundle) -> int:
    """How many cells `planned` makes, reckoned first: a forged suite may ask for more than memory holds."""
    suite = bundle.suite
    datasets, recommenders, attackers, defenses = (len(identities(bundle.records, kind)) for kind in KINDS)
    attacks = 1 + attackers * len(suite.threat.sizes)
    victims = datasets * recommenders * suite.seeds * suite.threat.targets.groups
    return victims * (attacks * (1 + defenses) + 1)


def _check_clean_twins(bundle: Bundle) -> Iterator[Refusal]:
    """What a cell calls its clean twin's lists are the lists of that cell."""
    lists: dict[str, str | None] = {}
    twins = []
    for record in bundle.records:
        question = record["question"]
        # As `Recipes.evaluate` asks for it: no attack, no defense, the first group, no replica.
        victim = key_of({name: question[name] for name in ("dataset", "data", "seed", "recommender")})
        if record["status"] == "ok":
            twins.append((record["cell_id"], victim, record["artifacts"].get("clean")))
        names = (question["attacker"]["name"], question["defense"]["name"])
        if names == ("none", "none") and question["replica"] == question["group"] == 0:
            lists[victim] = record["artifacts"].get("fit")
    for found, victim, clean in twins:
        if clean != lists.get(victim):
            reason = f"cell {found} is compared with other lists than those of its clean twin"
            yield Refusal(CELLS, reason, "pack the run anew; the clean run is not chosen")
