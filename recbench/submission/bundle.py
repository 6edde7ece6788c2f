"""`Bundle`: a submission as it is read. Nothing in it is executed, imported or unpickled."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recbench.matrix.suite import Suite
from recbench.store import Artifact
from recbench.submission.archive import MAX_FILE, Archive
from recbench.submission.arrays import ARRAYS, from_npy
from recbench.submission.refusal import refused, shown
from recbench.submission.schema import Manifest, checked, checked_manifest, checked_record
from recbench.submission.strict_json import loads

MANIFEST, SUITE, CELLS, ENVIRONMENT = "manifest.json", "suite.json", "cells.jsonl", "environment.json"
MAX_DOCUMENT = {MANIFEST: 10 << 20, SUITE: 1 << 20, CELLS: 128 << 20, ENVIRONMENT: 1 << 20}
"""Bytes of the documents."""
MAX_RECORD = 64 << 10
"""Bytes of a line of `cells.jsonl`."""

Record = dict[str, Any]
_ARRAY = re.compile(r"(profiles|verdict|fit)/[0-9a-f]{40}/([a-z_]+)\.npy")


@dataclass(frozen=True, eq=False)
class Bundle:
    """A bundle whose documents are valid and whose files are exactly those that its manifest and its cells name.

    Args:
        archive: open, for the arrays.
        manifest: what is in the bundle, and where it comes from.
        fingerprint: the sha256 of the manifest, which stands for everything in the bundle.
        suite: what was asked.
        records: of every cell, in the bundle's order.
        environment: what the run said of its machine.
    """

    archive: Archive
    manifest: Manifest
    fingerprint: str
    suite: Suite
    records: list[Record]
    environment: dict[str, Any]

    def artifact(self, role: str, key: str) -> Artifact:
        """The arrays of an artifact, each held against its hash.

        Args:
            role: `profiles`, `verdict` or `fit`.
            key: of the artifact.

        Raises:
            SubmissionError: a file with another hash, or one that is no such array.
        """
        arrays: dict[str, NDArray[Any]] = {}
        for name, rule in ARRAYS[role].items():
            file = array_file(role, key, name)
            if not rule.optional or file in self.archive.names:
                arrays[name] = from_npy(_verified(self.archive, self.manifest, file), rule, file)
        return Artifact(arrays)

    def artifacts(self) -> list[tuple[str, str]]:
        """Role and key of everything that the cells refer to, each once, sorted."""
        return artifacts_of(self.records)


@contextmanager
def opened(path: Path) -> Iterator[Bundle]:
    """Read a bundle.

    Raises:
        SubmissionError: a file that is no bundle, or one that is not whole.
    """
    with Archive(path, path.name) as archive:
        for name in archive.names:
            match = _ARRAY.fullmatch(name)
            if name not in MAX_DOCUMENT and not (match and match[2] in ARRAYS[match[1]]):
                raise refused(shown(name), "a bundle holds no file of this name")
        content = archive.read(MANIFEST, MAX_DOCUMENT[MANIFEST])
        manifest = checked_manifest(loads(content, MANIFEST), MANIFEST)
        listed, there = set(manifest.files), set(archive.names) - {MANIFEST}
        if listed != there:
            raise refused(shown(min(listed ^ there)), "it is in the bundle or in manifest.json, not in both")
        suite = checked(Suite, loads(_verified(archive, manifest, SUITE), SUITE), SUITE)
        environment = loads(_verified(archive, manifest, ENVIRONMENT), ENVIRONMENT)
        if not isinstance(environment, dict):
            raise refused(ENVIRONMENT, "it is no JSON object")
        records = _records(_verified(archive, manifest, CELLS))
        _check_references(records, manifest)
        fingerprint = hashlib.sha256(content).hexdigest()
        yield Bundle(archive, manifest, fingerprint, suite, records, environment)


def array_file(role: str, key: str, name: str) -> str:
    """The file of an array in the bundle."""
    return f"{role}/{key}/{name}.npy"


def artifacts_of(records: list[Record]) -> list[tuple[str, str]]:
    """Role and key of every artifact that ok cells refer to and that travels in a bundle; `clean` is a fit too."""
    roles = {"profiles": "profiles", "verdict": "verdict", "fit": "fit", "clean": "fit"}
    found = {(roles[role], key) for record in records for role, key in record["artifacts"].items() if role in roles}
    return sorted((role, key) for role, key in found if key is not None)


def users_of(artifact: Artifact, role: str) -> int:
    """How many rows the arrays of an artifact agree on.

    Raises:
        ValueError: they do not agree, or do not describe anything.
    """
    arrays = artifact.arrays
    if role == "profiles":
        indptr = arrays["indptr"]
        flat = len(indptr) > 1 and indptr[0] == 0 and indptr[-1] == len(arrays["items"])
        if not flat or (np.diff(indptr) < 1).any() or len(arrays["templates"]) != len(indptr) - 1:
            raise ValueError("indptr, items and templates do not describe profiles")
        if "ratings" in arrays and len(arrays["ratings"]) != len(arrays["items"]):
            raise ValueError("ratings are not one an item")
        return len(indptr) - 1
    lists = {"top", "target_ranks", "target_scores", "candidates"} if role == "fit" else set(arrays)
    lengths = {len(arrays[name]) for name in lists}
    if len(lengths) != 1:
        raise ValueError(f"its arrays are of {sorted(lengths)} rows")
    if role == "fit" and arrays["target_ranks"].shape != arrays["target_scores"].shape:
        raise ValueError("target_ranks and target_scores are of different shapes")
    return lengths.pop()


def _verified(archive: Archive, manifest: Manifest, file: str) -> bytes:
    content = archive.read(file, MAX_DOCUMENT.get(file, MAX_FILE))
    if hashlib.sha256(content).hexdigest() != manifest.files.get(file):
        raise refused(file, "its sha256 is not the one in manifest.json: it has changed since it was packed")
    return content


def _records(content: bytes) -> list[Record]:
    records = []
    for number, line in enumerate(content.splitlines(), start=1):
        file = f"{CELLS}, line {number}"
        if len(line) > MAX_RECORD:
            raise refused(file, f"it is of {len(line):,} bytes; a record has at most {MAX_RECORD:,}")
        records.append(checked_record(loads(line, file), file))
    if not records:
        raise refused(CELLS, "it holds no cell")
    return records


def _check_references(records: list[Record], manifest: Manifest) -> None:
    """Everything that a cell refers to is there, and nothing else."""
    wanted = set()
    for role, key in artifacts_of(records):
        for name, rule in ARRAYS[role].items():
            file = array_file(role, key, name)
            if file in manifest.files or not rule.optional:
                wanted.add(file)
    there = set(manifest.files) - set(MAX_DOCUMENT)
    if missing := wanted - there:
        raise refused(min(missing), "a cell refers to it, and the bundle lacks it")
    if loose := there - wanted:
        raise refused(min(loose), "no cell refers to it")
    prepared = {key for record in records if (key := record["artifacts"].get("prepared"))}
    if prepared != set(manifest.data):
        raise refused(MANIFEST, "'data' is not the digest of every prepared data set that a cell refers to")
