"""What the documents of a bundle hold. Whatever is not named here is refused."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeVar, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from recbench.component import KNOWLEDGE, NAME, Feedback, Goal, Knowledge
from recbench.execution.task import Status
from recbench.submission.refusal import refused, shown

SCHEMA: Literal[1] = 1
"""The version of the bundle's layout."""

RATE = re.compile(
    r"^(precision|recall|f1|hr|ndcg|mrr|map|coverage|exposure-hr|exposure-ndcg|jaccard|rbo|rbo-ext)(@\d+)?$"
)
"""Metrics between 0 and 1."""
LARGEST = 1e12
"""No metric and no cost is further from zero."""


def _one_line(text: str) -> str:
    if not text.isprintable():
        raise ValueError("it holds control characters or line breaks")
    return text


def _rates(metrics: dict[str, float]) -> dict[str, float]:
    for name, value in metrics.items():
        if RATE.match(name) and not -1e-9 <= value <= 1 + 1e-9:
            raise ValueError(f"{name} is {value:g}, not between 0 and 1")
    return metrics


Line = Annotated[str, Field(max_length=200), AfterValidator(_one_line)]
Text = Annotated[str, Field(max_length=4000)]
Name = Annotated[str, Field(pattern=NAME.pattern)]
Id = Annotated[str, Field(pattern="^[0-9a-f]{20}$")]
Key = Annotated[str, Field(pattern="^[0-9a-f]{40}$")]
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Number = Annotated[float, Field(ge=-LARGEST, le=LARGEST)]
Cost = Annotated[float, Field(ge=0, le=LARGEST)]
MetricName = Annotated[str, Field(pattern="^[a-z0-9][a-z0-9@._-]{0,63}$")]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Manifest(_Strict):
    """`manifest.json`.

    Args:
        bundle_schema: the version of the layout, called `schema` in the file.
        recbench: its version.
        name: how the submission is listed.
        notes: the submitter's words.
        plugins: versions of the distributions that the components come from.
        data: the digest of every prepared data set by its key; the data itself is not in the bundle.
        files: the sha256 of every other file.
    """

    bundle_schema: Annotated[Literal[1], Field(alias="schema")]
    recbench: Line
    name: Annotated[Line, Field(min_length=1, max_length=80)]
    notes: Text
    plugins: dict[Line, Line]
    data: dict[Key, Sha256]
    files: dict[Line, Sha256]


class _Version(_Strict):
    version: Line
    params: dict[Line, Any]


class _Identity(_Version):
    name: Name


class _Question(_Strict):
    """The types only: the plan made from all questions holds their values against the suite."""

    dataset: Name
    data: _Version
    feedback: Feedback
    positive_from: Number | None
    kcore: dict[Line, int] | None
    split: dict[Line, Any]
    seed: Annotated[int, Field(ge=0, lt=1 << 32)]
    recommender: _Identity
    attacker: _Identity
    defense: _Identity
    size: Annotated[float, Field(ge=0, le=1)]
    goal: Goal
    targets: dict[Line, Any]
    group: Annotated[int, Field(ge=0, lt=1 << 32)]
    replica: Literal[0, 1]


class _Machine(_Strict):
    processor: Line
    cores: int
    device: Line
    threads: int


class _Record(_Strict):
    cell_id: Id
    build_id: Id
    evaluation: Id
    suite: Name
    suite_version: Line
    question: _Question
    status: Literal[get_args(Status)]  # type: ignore[valid-type]
    reason: Text
    stage: Literal["", "plan", "prepare", "craft", "sanitize", "fit", "evaluate"]
    log: Literal[""]
    metrics: Annotated[dict[MetricName, Number], AfterValidator(_rates)]
    cost: dict[Literal["craft", "sanitize", "fit", "evaluate"], dict[Line, Cost]]
    artifacts: dict[Literal["prepared", "profiles", "verdict", "fit", "clean"], Key | None]
    knowledge: Annotated[list[Knowledge], Field(max_length=len(KNOWLEDGE))] = []
    repeats: Literal["", "yes", "no", "failed"] = ""
    machine: _Machine | Annotated[dict[Line, Line], Field(max_length=0)] = {}


Model = TypeVar("Model", bound=BaseModel)


def checked_manifest(document: Any, file: str) -> Manifest:
    """The manifest.

    Raises:
        SubmissionError: it is not one of this version of the layout.
    """
    if isinstance(document, Mapping) and document.get("schema") != SCHEMA:
        found = shown(document.get("schema"))
        raise refused(file, f"its schema is {found}; this recbench reads {SCHEMA}", "use the recbench that packed it")
    return checked(Manifest, document, file)


def checked_record(document: Any, file: str) -> dict[str, Any]:
    """The record of a cell, as it was given.

    Raises:
        SubmissionError: it is none: a key unknown or missing, a value of another type or outside its range, or a
            status that the rest contradicts.
    """
    record = checked(_Record, document, file)
    artifacts = record.artifacts
    if record.status == "ok":
        if not record.metrics or artifacts.get("fit") is None or artifacts.get("prepared") is None:
            raise refused(file, "the cell is ok, and has no metrics or no lists")
        if (artifacts.get("profiles") is None) != (record.question.attacker.name == "none"):
            raise refused(file, "the cell has profiles without an attack, or an attack without profiles")
    elif record.metrics or artifacts:
        raise refused(file, f"the cell is {record.status}, and has metrics or lists")
    return dict(document)


def checked(model: type[Model], document: Any, file: str) -> Model:
    """The document as a model.

    Raises:
        SubmissionError: it is none; says which key is wrong.
    """
    try:
        return model.model_validate(document)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise refused(file, f"{shown(place)}: {shown(first['msg'])}") from None
