"""`Suite`: the TOML file that says which matrix to run. Numbers compare only inside one version of a suite."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from recbench.component import Knowledge
from recbench.errors import SuiteError, suggestion

Reference = str | dict[str, Any]
"""A component as a suite names it: `"bpr-mf"`, `"item-*"`, `"bpr-mf[dim=64]"` or `{name = "bpr-mf", dim = 64}`."""

References = tuple[Reference, ...]

CARRIED: tuple[Traversable, ...] = (
    resources.files("recbench") / "suites",
    Path(__file__).parents[2] / "leaderboards",
)
"""Where an installed recbench carries the suites, and where they lie in a source checkout."""


class Table(BaseModel):
    """A table of the suite file: frozen, and without unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class SplitRule(Table):
    """How interactions are divided into train, validation and test."""

    kind: Literal["ratio", "temporal", "leave-one-out", "published"] = "ratio"
    shares: tuple[float, float, float] = (0.8, 0.1, 0.1)
    """Shares of train, validation and test; leave-one-out has no use for them, and a published split asks only
    how much of the training rows goes to validation where the publisher set none aside."""

    @model_validator(mode="after")
    def _adds_up(self) -> SplitRule:
        if min(self.shares) < 0 or self.shares[0] == 0 or abs(sum(self.shares) - 1) > 1e-6:
            raise ValueError(f"shares {list(self.shares)} must be positive and add up to 1")
        return self


class TargetRule(Table):
    """Which items the attack moves: disjoint groups of `count` items each."""

    strategy: Literal["unpopular", "popular", "random"] = "unpopular"
    fraction: Annotated[float, Field(gt=0, le=1)] = 0.2
    """The share of the items, from the least (or most) popular end, that targets are drawn from."""
    count: Annotated[int, Field(ge=1)] = 5
    groups: Annotated[int, Field(ge=1)] = 1


class Threat(Table):
    """The threat model: what attacks want, may spend and may see."""

    goal: Literal["push", "nuke", "degrade"] = "push"
    sizes: Annotated[tuple[Annotated[float, Field(gt=0, le=1)], ...], Field(min_length=1)] = (0.03,)
    """Attack sizes: fake profiles as a share of the genuine users; for attacks on trained victims, see `Cell.size`."""
    targets: TargetRule = TargetRule()
    offers: tuple[Knowledge, ...] = ("statistics", "interactions", "surrogate")
    """What attackers may know; an attacker that needs more is skipped."""


class LimitRule(Table):
    """What one stage may spend before it is stopped."""

    seconds: Annotated[float, Field(gt=0)] = 600.0
    memory_gb: Annotated[float, Field(gt=0)] | None = None


class ExampleRule(Table):
    """What supervised defenses learn from: fakes that the defender makes by attacks of the defender's own choice."""

    attackers: Annotated[References, Field(min_length=1)]
    """Whose fakes. For a cell under attack those of the attack's family are left out, whatever is named here."""
    size: Annotated[float, Field(gt=0, le=1)] = 0.05
    """Fakes of each attacker, as a share of the users as given."""


class KCore(Table):
    """The least number of interactions that every kept user and item has."""

    users: Annotated[int, Field(ge=1)] = 1
    items: Annotated[int, Field(ge=1)] = 1


class Suite(Table):
    """A matrix: the product of its axes. The run without an attack and without a defense is always part of it."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]
    version: str
    datasets: Annotated[References, Field(min_length=1)]
    recommenders: Annotated[References, Field(min_length=1)]
    attackers: References = ()
    defenses: References = ()
    metrics: Annotated[References, Field(min_length=1)] = ("*",)
    feedback: Literal["implicit", "explicit"] = "implicit"
    positive_from: float | None = None
    """On the implicit track, the least rating that counts as an interaction; absent, every rating does."""
    split: SplitRule = SplitRule()
    kcore: KCore | None = None
    seeds: Annotated[int, Field(ge=1)] = 1
    """How many split seeds, 0 .. seeds - 1."""
    threat: Threat = Threat()
    mandatory: tuple[str, ...] = ()
    """The attacks that a worst case is taken over: it stays empty until all of them are there."""
    controls: tuple[str, ...] = ()
    """Attacks that a real one must beat."""
    examples: ExampleRule | None = None
    """For supervised defenses; absent, they simulate fakes of their own."""
    limits: LimitRule = LimitRule()

    @model_validator(mode="after")
    def _one_track(self) -> Suite:
        if self.feedback == "explicit" and self.positive_from is not None:
            raise ValueError("positive_from belongs to the implicit track; drop it or set feedback = 'implicit'")
        return self

    @model_validator(mode="after")
    def _whole_data(self) -> Suite:
        if self.split.kind == "published" and self.kcore is not None:
            raise ValueError("kcore takes rows out of a published split; drop it or split otherwise")
        return self

    def override(
        self,
        datasets: Sequence[str] = (),
        recommenders: Sequence[str] = (),
        attackers: Sequence[str] = (),
        defenses: Sequence[str] = (),
        seeds: int | None = None,
        sizes: Sequence[float] = (),
    ) -> Suite:
        """The same suite with some of its axes replaced; what is empty or None stays.

        Raises:
            SuiteError: a number that the suite could not hold.
        """
        axes = {"datasets": datasets, "recommenders": recommenders, "attackers": attackers, "defenses": defenses}
        content = self.model_dump() | {name: tuple(chosen) for name, chosen in axes.items() if chosen}
        if seeds is not None:
            content["seeds"] = seeds
        if sizes:
            content["threat"] = content["threat"] | {"sizes": tuple(sizes)}
        return _validated(content, "the command line", "")


def load_suite(reference: str) -> Suite:
    """Read a suite by its path or its name.

    A name is looked for as `./leaderboards/NAME.toml`, then among the suites that recbench carries.

    Raises:
        SuiteError: no such suite, a file that is not TOML, an unknown key or an impossible value; one
            line that names the file, the line and the key.
    """
    file = _find(reference)
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SuiteError(f"{file}: cannot be read: {error}") from error
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SuiteError(f"{file}: {_at_key(text, str(error))}") from error
    return _validated(content, str(file), text)


def _find(reference: str) -> Traversable:
    if reference.endswith(".toml") or "/" in reference or "\\" in reference:
        path = Path(reference).expanduser()
        if not path.is_file():
            raise SuiteError(f"no suite file {reference}{': it is a folder' if path.is_dir() else f' in {Path.cwd()}'}")
        return path
    folders: list[Traversable] = [Path("leaderboards"), *CARRIED]
    for folder in folders:
        file = folder / f"{reference}.toml"
        if file.is_file():
            return file
    known = {
        file.name.removesuffix(".toml")
        for folder in folders
        if folder.is_dir()
        for file in folder.iterdir()
        if file.name.endswith(".toml")
    }
    raise SuiteError(f"unknown suite '{reference}'{suggestion(reference, known)} (or give the path of a .toml file)")


def _at_key(text: str, problem: str) -> str:
    """The problem that tomllib reports, with the key of the line where it met it."""
    found = re.search(r" \(at (?:line (\d+), column \d+|end of document)\)$", problem)
    if found is None:
        return problem
    lines = text.splitlines()
    number = int(found[1]) if found[1] else len(lines)
    key = lines[number - 1].partition("=")[0].strip() if number <= len(lines) else ""
    return f"line {number}: " + (f"'{key}': " if key else "") + problem[: found.start()]


def _validated(content: Mapping[str, Any], source: str, text: str) -> Suite:
    try:
        return Suite.model_validate(content)
    except ValidationError as error:
        # A misspelt key is two errors, an unknown key and a missing one: the first says what to do.
        first = min(error.errors(), key=lambda found: found["type"] != "extra_forbidden")
    path = tuple(str(part) for part in first["loc"])
    key = ".".join(path)
    line = _line_of(text, path)
    where = f"{source}: line {line}: " if line else f"{source}: "
    if first["type"] == "extra_forbidden":
        raise SuiteError(f"{where}unknown key '{key}'{suggestion(path[-1], _keys(path[:-1]))}")
    if first["type"] == "missing":
        raise SuiteError(f"{where}the key '{key}' is missing")
    if first["type"] == "too_short":
        raise SuiteError(f"{where}'{key}' is empty: the suite asks for nothing")
    message = first["msg"].removeprefix("Value error, ")
    raise SuiteError(where + (f"'{key}': " if key else "") + message[0].lower() + message[1:])


def _keys(path: tuple[str, ...]) -> list[str]:
    """The known keys of the table at `path`."""
    table: type[BaseModel] = Suite
    for part in path:
        annotation = table.model_fields[part].annotation
        options = [annotation, *getattr(annotation, "__args__", ())]
        table = next(option for option in options if isinstance(option, type) and issubclass(option, BaseModel))
    return list(table.model_fields)


def _line_of(text: str, path: tuple[str, ...]) -> int | None:
    """The line that sets the key at `path`, or that opens the table of that name."""
    names = [part for part in path if not part.isdigit()]
    section: list[str] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if header := re.match(r"\s*\[([^\[\]]+)\]", line):
            section = [part.strip(" \"'") for part in header[1].split(".")]
            if section == names:
                return number
        elif setting := re.match(r"\s*([\w.\"'-]+)\s*=", line):
            key = [*section, *setting[1].split(".")]
            if key == names[: len(key)]:
                return number
    return None
